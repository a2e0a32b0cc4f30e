"""-1 where a device could not run a network: missing wherever the column is used."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from experiments.paper.trade_offs.result import pairs_of
from experiments.paper.training_free import measure_columns
from robustnas.objectives import facts
from robustnas.objectives.objective import Objective
from robustnas.spaces.nasbench201.cell import Cell
from robustnas.spaces.nasbench201.identity import networks
from robustnas.tables.attached.attached import AttachedTable, attached_tables
from robustnas.tables.attached.attaching import attach
from robustnas.tables.attached.missing_marks import missing_mark, without_marks
from robustnas.tables.database.database import Database
from robustnas.tables.datasets import open_table

pytestmark = [pytest.mark.usefixtures("own_cache"), pytest.mark.timeout(60)]

LATENCIES = (-1, 5.5, 2.5, -1, 4.0, 7.0)
CELLS = [Cell.parse(f"#{uid}") for uid in networks()[: len(LATENCIES)]]


def written(path: Path, values: Sequence[object] = LATENCIES) -> Path:
    rows = [f"{cell.arch},{value}" for cell, value in zip(CELLS, values, strict=True)]
    path.write_text("\n".join(["arch,edgetpu_latency", *rows]) + "\n")
    return path


def test_a_mark_is_a_whole_negative_number_alone_among_others_of_at_least_0() -> None:
    values = np.array([-1, 5.5, 2.5, -1, 4.0])
    np.testing.assert_array_equal(without_marks(values), [np.nan, 5.5, 2.5, np.nan, 4.0])
    assert missing_mark(np.array([-99.0, 0.0, 0.25, np.nan, 0.5])) == -99
    for given in ([-1.5, 5.5, 2.5, 4.0], [-1, -2, 2.5, 4.0, 7.0], [-1, 0, 1, 1, 0], [0.5, 1.0, 2.0], [-1.0], []):
        column = np.array(given, dtype=float)
        assert missing_mark(column) is None
        assert without_marks(column) is column


def test_it_is_missing_in_searches_trade_offs_and_correlations(published: Path, tmp_path: Path) -> None:
    found = attach(written(tmp_path / "hw.csv"), "cifar10", "hw", data=published)
    assert found.known == {"edgetpu_latency": 4}
    assert "edgetpu_latency is -1 in 2 rows, its only negative number: read as missing" in found.notes
    table = Database.open(published)["cifar10"]
    assert facts("hw.edgetpu_latency", table)["best"] == 2.5
    scores = Objective("hw.edgetpu_latency").evaluate(table)
    assert np.isnan([scores[cell.index] for cell in (CELLS[0], CELLS[3])]).all()
    measured = measure_columns(table)["hw.edgetpu_latency"]
    assert sorted(measured[np.isfinite(measured)]) == [2.5, 4.0, 5.5, 7.0]
    (cost,) = {id(other): other for _, other in pairs_of(table) if other.name == "hw.edgetpu_latency"}.values()
    assert np.nanmin(cost.scores) == 2.5


def test_it_is_missing_in_tables_that_an_earlier_version_attached(
    published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as earlier:
        earlier.setattr("robustnas.tables.attached.columns.missing_mark", lambda values: None)
        attach(written(tmp_path / "hw.csv"), "cifar10", "hw", data=published)
    kept = attached_tables("cifar10", published)["hw"]
    assert isinstance(kept, AttachedTable)
    assert kept.known == {"edgetpu_latency": 6}
    values = kept.cell_columns()["hw.edgetpu_latency"]
    assert sorted(values[np.isfinite(values)]) == [2.5, 4.0, 5.5, 7.0]


def test_it_is_missing_in_a_file_that_is_a_dataset(tmp_path: Path) -> None:
    table = open_table(str(written(tmp_path / "mine.csv")))
    (name,) = table.attached_columns() or ("edgetpu_latency",)
    assert facts(name, table)["best"] == 2.5
