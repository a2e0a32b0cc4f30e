from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pandas as pd
import pyarrow
import pyarrow.parquet
import pytest

from robustnas.errors import DataError
from robustnas.tables.array_table import ArrayTable
from tests.robustnas.tables.sheets.sheet_files import CELLS, EXPECTED, FRAME, numbers_of


@pytest.mark.parametrize("suffix", [".parquet", ".pq", ".feather", ".arrow"])
@pytest.mark.parametrize("keyed", [True, False])
def test_every_suffix(tmp_path: Path, suffix: str, keyed: bool) -> None:
    path = tmp_path / f"a{suffix}"
    frame = FRAME.set_index("arch").rename_axis(None) if keyed else FRAME
    if suffix in (".parquet", ".pq"):
        frame.to_parquet(path)
    else:
        frame.reset_index(names="arch").to_feather(path) if keyed else frame.to_feather(path)
    assert numbers_of(path) == EXPECTED


def test_a_stream(tmp_path: Path) -> None:
    table = pyarrow.Table.from_pandas(FRAME)
    with pyarrow.ipc.new_stream(str(tmp_path / "a.arrow"), table.schema) as stream:
        stream.write_table(table)
    assert numbers_of(tmp_path / "a.arrow") == EXPECTED


def test_types_that_are_numbers_or_are_not(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "arch": pd.Categorical(FRAME["arch"]),
            "price": [Decimal("1.25")] * 4,
            "level": pd.Categorical([1, 2, 1, 2]),
            "when": pd.to_datetime(["2020-01-01"] * 4),
            "took": pd.to_timedelta([1, 2, 3, 4], unit="s"),
            "done": [True] * 4,
            "nested": [{"acc": 1.0, "loss": 2.0}] * 4,
            "maybe": pd.array([1, None, 3, 4], dtype="Int64"),
        }
    )
    frame.to_parquet(tmp_path / "a.parquet")
    found = numbers_of(tmp_path / "a.parquet")
    assert set(found) == {"price", "level", "nested_acc", "nested_loss", "maybe"}
    assert (found["price"][0], found["level"], found["nested_loss"][0]) == (1.25, [1.0, 2.0, 1.0, 2.0], 2.0)
    assert str(found["maybe"]) == "[1.0, nan, 3.0, 4.0]"
    table = ArrayTable.from_frame(frame.drop(columns="nested"))
    assert {str(metric) for metric in table.metrics} == {"price", "level", "maybe"}
    assert table.value(CELLS[1], "price") == 1.25


def test_faults_in_words(tmp_path: Path) -> None:
    FRAME.to_parquet(tmp_path / "a.parquet")
    content = (tmp_path / "a.parquet").read_bytes()
    for name, damaged in (
        ("b.parquet", content[:-100]),
        ("b.feather", content),
        ("b.parquet", b""),
        ("b.arrow", b"ARROW1" + bytes(50)),
    ):
        (tmp_path / name).write_bytes(damaged)
        with pytest.raises(DataError, match="or damaged"):
            numbers_of(tmp_path / name)
    table = pyarrow.table([[1], [2]], names=["a", "a"])
    pyarrow.parquet.write_table(table, tmp_path / "c.parquet")
    with pytest.raises(DataError, match="column 'a' occurs twice"):
        numbers_of(tmp_path / "c.parquet")
