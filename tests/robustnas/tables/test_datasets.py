"""Datasets that are a user's own: a file, a reference, a function that a package registers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from robustnas import Cell, Oracle
from robustnas.errors import DataError, DataNotFoundError, InvalidInputError
from robustnas.spaces.nasbench201 import NASBENCH201, SKELETONS
from robustnas.tables import DATASETS, ArrayTable, open_table
from robustnas.tables.attached.attached import attached_tables
from robustnas.tables.attached.attaching import attach
from robustnas.tables.database.column_names import robbench_names
from robustnas.tables.datasets import choose_dataset, is_surrogate, space_of
from robustnas.tables.embedded import surrogate_names

pytestmark = pytest.mark.usefixtures("own_cache", "folder")

CELLS = [Cell.from_index(index) for index in (0, 5, 13931)]
FRAME = pd.DataFrame({"arch": [cell.arch for cell in CELLS], "clean": [0.1, 0.2, 0.3], "my score": [1, 2, 3]})
CODE = """
import numpy as np
from robustnas.errors import DataError
from robustnas.tables import ArrayTable

table = ArrayTable({"clean": np.linspace(0, 1, 15625)}, dataset="mine")
number = 3

def made():
    return table

def needs(argument):
    return table

def fails():
    raise DataError("no numbers today")
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Datasets of an installed package."""
    found: dict[str, Any] = {}
    for name in ("package-data", "package-junk"):
        DATASETS[name] = lambda dataset, data, name=name: found[name]
    yield found
    for name in ("package-data", "package-junk"):
        del DATASETS[name]


class TestFiles:
    @pytest.mark.parametrize("form", ["csv", "tsv", "parquet", "json", "keyed.json"])
    @pytest.mark.parametrize("whole_path", [False, True])
    def test_every_form(self, folder: Path, form: str, whole_path: bool) -> None:
        name = f"my.{form}"
        if form == "parquet":
            FRAME.to_parquet(name)
        elif form == "json":
            FRAME.to_json(name, orient="records")
        elif form == "keyed.json":
            Path(name).write_text(json.dumps({"my.keyed": FRAME.set_index("arch").to_dict(orient="index")}))
        else:
            FRAME.to_csv(name, sep="\t" if form == "tsv" else ",", index=False)
        table = open_table(str(folder / name) if whole_path else name)
        assert (table.dataset, table.source) == (Path(name).stem, "file")
        assert table.values(CELLS, "my_score").tolist() == [1, 2, 3]
        assert table.digest == ArrayTable.from_frame(FRAME).digest
        assert Oracle("clean", table).query(CELLS[2]).score == 0.3

    def test_faults_name_the_file_and_the_place(self, folder: Path) -> None:
        with pytest.raises(DataNotFoundError, match=f"'no.csv': there is no file {folder / 'no.csv'}"):
            open_table("no.csv")
        Path("bad.csv").write_text("x,y\n1,2\n")
        with pytest.raises(DataError, match=r"bad.csv: no column of architectures among x, y; call the one .* arch"):
            open_table("bad.csv")
        FRAME.assign(clean=[10, 20, 30]).to_csv("percent.csv")
        with pytest.raises(DataError, match=r"percent.csv, line 2: 10 in column 'clean'; .*divide them by 100"):
            open_table("percent.csv")
        Path("other.json").write_text(json.dumps({"cifar10": {"0": {"clean": 0.1}}}))
        with pytest.raises(DataError, match="has no 'other'; it has 'cifar10'"):
            open_table("other.json")

    def test_attached_tables_are_those_of_its_stem(self) -> None:
        FRAME.to_csv("my.csv")
        FRAME.rename(columns={"my score": "latency"}).to_csv("hw.csv")
        attach("hw.csv", "my.csv", "hw")
        attach("hw.csv", "my", "other")
        table = open_table("my.csv")
        assert sorted(attached_tables("my")) == ["hw", "other"] == sorted(table.attached_digests())
        assert Oracle("hw.latency", table).query(CELLS[1]).score == 2

    def test_what_is_known_of_a_name(self) -> None:
        assert choose_dataset("my.csv") == "my.csv"
        assert not is_surrogate("my.csv")
        assert space_of("my.csv") is NASBENCH201
        assert space_of("my_tables.py:table") is None


class TestReferences:
    @pytest.fixture(autouse=True)
    def code(self, folder: Path) -> None:
        (folder / "my_tables.py").write_text(CODE)

    @pytest.mark.parametrize("name", ["my_tables.py:table", "my_tables.py:made"])
    def test_a_table_or_a_function_that_returns_one(self, name: str) -> None:
        table = open_table(name)
        assert table.dataset == "mine"
        assert table.column("clean")[-1] == 1

    @pytest.mark.parametrize(
        ("name", "message"),
        [
            (
                "number",
                "is a int, not a table: it has no space, .*metrics.*expected one such as robustnas.tables",
            ),
            ("needs", "TypeError: .*'argument'; expected a table, or a function without arguments"),
            ("tabel", "unknown name in my_tables.py: 'tabel'"),
        ],
    )
    def test_others_are_refused(self, name: str, message: str) -> None:
        with pytest.raises(InvalidInputError, match=message):
            open_table(f"my_tables.py:{name}")

    def test_errors_of_ours_are_passed_on(self) -> None:
        with pytest.raises(DataError, match="no numbers today"):
            open_table("my_tables.py:fails")


class TestPackages:
    def test_what_they_open_is_checked(self, registered: dict[str, Any]) -> None:
        registered["package-junk"] = object()
        with pytest.raises(InvalidInputError, match="'package-junk' is a object, not a table"):
            open_table("package-junk")

    def test_their_datasets_take_attached_tables(self, registered: dict[str, Any]) -> None:
        values = np.linspace(0, 1, 15_625)
        registered["package-data"] = ArrayTable({"clean": values}, dataset="package-data")
        FRAME.to_csv("hw.csv")
        attach("hw.csv", "package-data", "hw")
        assert open_table("package-data").attached_columns()["hw.my_score"][5] == 2
        assert space_of("package-data") is None

    def test_embedded_ones_take_their_own_and_the_real_datasets(self) -> None:
        FRAME.to_csv("hw.csv")
        attach("hw.csv", "cifar10", "hw")
        attach("hw.csv", "cifar10-surrogate@7", "own")
        assert set(open_table("cifar10-surrogate").attached) == {"hw", "own"}
        assert set(attached_tables("cifar10")) == {"hw"}


def test_typos_are_refused_with_the_nearest_name(published: Path) -> None:
    FRAME.to_csv("hw.csv")
    for dataset in ("cifar11", "../cifar10", "", "my"):
        with pytest.raises(InvalidInputError, match="unknown dataset"):
            attach("hw.csv", dataset, "hw")
    with pytest.raises(InvalidInputError, match=r"did you mean 'package-data'|Known: .*cifar10-surrogate"):
        attach("hw.csv", "packagedata", "hw")
    with pytest.raises(DataNotFoundError, match="there is no file"):
        attach("hw.csv", "my.parquet", "hw")
    with pytest.raises(InvalidInputError, match="unknown dataset 'cifar11'; did you mean 'cifar10'"):
        open_table("cifar11", published)


def test_spaces_of_registered_names() -> None:
    published = {*SKELETONS, *robbench_names()}
    assert {name for name in DATASETS if space_of(name) is NASBENCH201} == {*published, *surrogate_names()}
    assert space_of("a folder of the database") is NASBENCH201
