from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from robustnas import Cell, Objective, Oracle
from robustnas.errors import InvalidInputError, ObjectiveError
from robustnas.metric import Metric
from robustnas.spaces import Subspace
from robustnas.spaces.nasbench201 import NASBENCH201, space
from robustnas.tables import ArrayTable
from searchers import create, search
from tests.robustnas.spaces.test_search_space import GRID

CELLS = [Cell.from_index(index) for index in (0, 5, 13931, 15624)]


def frame(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame({"arch": [cell.arch for cell in CELLS], **columns})


@pytest.mark.usefixtures("own_cache")
class TestFromFrame:
    def test_columns_named_like_our_metrics_are_ours_and_others_ones_own(self) -> None:
        table = ArrayTable.from_frame(
            frame(
                **{
                    "clean": [0.1, 0.2, 0.3, 0.4],
                    " pgd@1 ": [0.4, 0.3, 0.2, None],
                    "corruption:fog@3": [0, 1, 0, 1],
                    "my robustness (%)": [10, 20, 30, 40],
                    "val_loss": np.array([4, 3, 2, 1], np.float32),
                    "2nd": [1, 2, 3, 4],
                    "note": ["a", "b", "c", "d"],
                }
            )
        )
        names = ["clean", "pgd@1", "corruption:fog@3", "my_robustness", "val_loss", "_2nd"]
        assert [str(metric) for metric in table.metrics] == names
        assert table.metrics[3] == Metric.own("my_robustness")
        assert table.values(CELLS, "val_loss").tolist() == [4, 3, 2, 1]
        assert np.isnan(table.value(CELLS[3], "pgd@1"))
        assert (table.dataset, table.source, table.space.name, len(table.digest)) == (
            "custom",
            "array",
            "nasbench201",
            64,
        )
        assert Objective("val_loss").minimised
        assert Oracle("val_loss, clean", table).query(CELLS[1]).scores == (3.0, 0.2)
        assert table.listing().loc["my_robustness", "best"] == 40

    @pytest.mark.parametrize(
        "notation", [str, lambda cell: cell, lambda cell: cell.naslib, lambda cell: f"#{cell.database_id}"]
    )
    @pytest.mark.parametrize("where", ["column", "key", "index", "named index", "key of the index"])
    def test_architectures_in_any_notation_in_a_column_or_the_index(self, notation: Any, where: str) -> None:
        values, archs = [0.1, 0.2, 0.3, 0.4], [notation(cell) for cell in CELLS]
        name = {"column": "cell", "named index": "net"}.get(where, "whatever")
        found = pd.DataFrame({"clean": values, "row": range(4), name: pd.Series(archs, dtype=object)})
        if "index" in where:
            found = found.drop(columns=name)
            found.index = pd.Index(archs, tupleize_cols=False, name=None if where == "index" else name)
        table = ArrayTable.from_frame(found, key=name if "key" in where else None, notation="naslib")
        assert table.values(CELLS, "clean").tolist() == values
        assert table.metrics == (Metric("clean"), Metric.own("row"))

    def test_six_digits_need_a_notation(self) -> None:
        digits = pd.DataFrame({"arch": [cell.ops for cell in CELLS], "clean": [0.1, 0.2, 0.3, 0.4]})
        with pytest.raises(InvalidInputError, match=r"row \d: \(.*\) may be .* \(naslib\), or .* \(nasbench201\)"):
            ArrayTable.from_frame(digits)
        table = ArrayTable.from_frame(digits, notation="nasbench201")
        assert table.values(CELLS, "clean").tolist() == [0.1, 0.2, 0.3, 0.4]
        named = ArrayTable.from_frame(digits.rename(columns={"arch": "nasbench201"}))
        assert np.array_equal(named.column("clean"), table.column("clean"), equal_nan=True)
        with pytest.raises(InvalidInputError, match="unknown notation 'nasbench'; did you mean 'nasbench201'"):
            ArrayTable.from_frame(digits, notation="nasbench")

    def test_repeated_rows_are_taken_together_when_asked(self) -> None:
        rows = pd.DataFrame({"arch": ["#7", "#8", "#7"], "seed": [1, 1, 2], "acc": [0.25, 0.5, 0.75]})
        table = ArrayTable.from_frame(rows, duplicates="mean")
        assert (table.value("#7", "acc"), table.value("#8", "acc"), list(map(str, table.metrics))) == (
            0.5,
            0.5,
            ["acc"],
        )
        assert ArrayTable.from_frame(rows, duplicates="first").value("#7", "acc") == 0.25
        with pytest.raises(InvalidInputError, match="unknown way with duplicates 'last'"):
            ArrayTable.from_frame(rows, duplicates="last")

    def test_what_was_left_out_is_noted(self) -> None:
        table = ArrayTable.from_frame(frame(x=[1, 2, np.inf, 3], clean=["93%", "1%", "2%", "3%"]))
        assert np.isnan(table.value(CELLS[2], "x"))
        assert table.value(CELLS[0], "clean") == 0.93
        assert list(table.notes) == [
            "x: 1 infinite value is left out (row 2: inf)",
            "clean: 4 values with a percent sign are read as shares of 1 (row 0: '93%' is 0.93)",
        ]

    def test_integers_are_database_ids(self) -> None:
        table = ArrayTable.from_frame(pd.DataFrame({"id": [7, 13433], "clean": [0.1, 0.2]}))
        assert table.value("#13433", "clean") == 0.2

    def test_a_frame_of_a_table_is_that_table(self) -> None:
        first = ArrayTable.from_frame(frame(clean=[0.1, 0.2, 0.3, 0.4], val_acc=[1, 2, 3, 4]))
        again = ArrayTable.from_frame(first.frame(), dataset="again")
        for metric in first.metrics:
            assert np.array_equal(again.network_column(metric), first.network_column(metric), equal_nan=True)

    def test_a_missing_architecture_takes_the_mean_of_its_class(self) -> None:
        networks = space.network_of_index()
        members = np.flatnonzero(networks == np.bincount(networks).argmax())
        archs = [f"index:{index}" for index in members[:2]]
        column = ArrayTable.from_frame(pd.DataFrame({"arch": archs, "clean": [0.2, 0.4]})).column("clean")
        assert column[members[:2]].tolist() == [0.2, 0.4]
        assert set(column[members[2:]].round(9)) == {0.3}
        assert np.isfinite(column).sum() == len(members)

    def test_other_spaces(self) -> None:
        grid = pd.DataFrame({"place": ["10,10,10", "12,13,14"], "score": [1, 2]})
        table = ArrayTable.from_frame(grid, key="place", space=GRID)
        assert table.column("score")[[0, 59]].tolist() == [1, 2]
        with pytest.raises(InvalidInputError, match=r"row 1: column 'place': .*'1,2' has 2 numbers"):
            ArrayTable.from_frame(grid.replace("12,13,14", "1,2"), key="place", space=GRID)
        part = Subspace(NASBENCH201, NASBENCH201.cost_column("params") < 100_000)
        assert np.isfinite(ArrayTable.from_frame(frame(x=[1, 2, 3, 4]), space=part).column("x")[0])

    @pytest.mark.parametrize(
        ("columns", "message"),
        [
            ({"clean": [0.9, 93.2, 0.5, 0.1]}, r"frame, row 1: 93.2 in column 'clean'; .*\[0, 1\].*divide them by 100"),
            ({"pgd@1": [0.9, -0.1, 0.5, 0.1]}, r"row 1: -0.1 in column 'pgd@1'; expected accuracies in \[0, 1\]$"),
            (
                {"x": [1, 2, 3, 4], "clean": ["93%", "1%", "2", "3%"]},
                "row 2: '2' in column 'clean'; expected a percent",
            ),
            ({"x": [1, 2, 3, 4], "clean": ["good", "1%", "2%", "3%"]}, "row 0: 'good' in column 'clean'"),
            ({"val_acc": [1, 2, "fast", 3]}, "row 2: 'fast' in column 'val_acc'; expected a number"),
            ({"note": list("abcd")}, "no column of numbers; it has arch, note"),
            ({"pgd@0": [1, 1, 1, 1]}, "column 'pgd@0': eps '0'.*rename the column or leave it out"),
            ({"corruption:fgo@3": [1, 1, 1, 1]}, "column 'corruption:fgo@3': .*did you mean 'fog'"),
            ({"params": [1, 1, 1, 1]}, "column 'params': .*rename the column or leave it out"),
            ({"a b": [1, 1, 1, 1], "a-b": [1, 1, 1, 1]}, "'a b' and 'a-b' would both be called 'a_b'"),
        ],
    )
    def test_faulty_columns(self, columns: dict[str, Any], message: str) -> None:
        with pytest.raises(InvalidInputError, match=message):
            ArrayTable.from_frame(frame(**columns))

    def test_faulty_rows(self) -> None:
        good = frame(clean=[0.1, 0.2, 0.3, 0.4])
        with pytest.raises(InvalidInputError, match=r"frame, row 3: .* occurs twice, first in row 0"):
            ArrayTable.from_frame(good.assign(arch=[str(CELLS[i]) for i in (0, 1, 2, 0)]))
        with pytest.raises(InvalidInputError, match="row 'b': column 'arch': cannot read 'resnet18'"):
            ArrayTable.from_frame(good.replace(CELLS[1].arch, "resnet18").set_index(pd.Index(list("abcd"))))
        with pytest.raises(InvalidInputError, match="no column of architectures among clean; name it with key="):
            ArrayTable.from_frame(good[["clean"]])
        with pytest.raises(InvalidInputError, match="has no rows"):
            ArrayTable.from_frame(good[:0])
        with pytest.raises(InvalidInputError, match="did you mean 'arch'"):
            ArrayTable.from_frame(good, key="arhc")
        with pytest.raises(InvalidInputError, match="column 'clean' occurs twice"):
            ArrayTable.from_frame(pd.concat([good, good[["clean"]]], axis=1))


def test_arrays_may_be_metrics_of_ones_own() -> None:
    values = np.arange(15_625.0)
    table = ArrayTable({"val_acc": values, "clean": values / 15_625})
    assert table.column("val_acc") is table.column(Metric.own("val_acc"))
    assert table.scores("index:3") == {"val_acc": 3.0, "clean": 3 / 15_625}
    with pytest.raises(ObjectiveError, match="custom: unknown metric 'val_ac'; did you mean 'val_acc'"):
        table.column("val_ac")
    with pytest.raises(ObjectiveError, match="my robustness"):
        ArrayTable({"my robustness": values})
    with pytest.raises(ObjectiveError, match="eps '0'"):
        ArrayTable({"pgd@0": values})


def test_a_search_on_a_sparse_frame_proposes_what_it_knows() -> None:
    cells = space.sample(np.random.default_rng(0), 40, canonical=True)
    frame = pd.DataFrame({"arch": [cell.arch for cell in cells], "val_acc": np.arange(40.0)})
    table = ArrayTable.from_frame(frame)
    assert table.space.n_networks == 40
    assert table.frame()["val_acc"].notna().all()
    oracle = Oracle("val_acc", table)
    assert oracle.budget == 40
    outcomes = list(search(create("evolution", 0, space=table.space), oracle))
    assert max(outcome.score for outcome in outcomes) == 39
    assert all(np.isfinite(outcome.score) for outcome in outcomes)
