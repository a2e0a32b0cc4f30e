"""Encodings: shapes, hand-checked rows, functional identity, names, attached tables."""

from __future__ import annotations

import re
import time
from typing import Any

import numpy as np
import pytest

from robustnas import spaces
from robustnas.arrays import FloatArray
from robustnas.errors import InvalidInputError
from robustnas.spaces import Encoding, encoding
from robustnas.spaces.nasbench201 import space
from robustnas.spaces.nasbench201.cell import Cell
from robustnas.spaces.nasbench201.encodings import NASBENCH201_ENCODINGS as ENCODINGS
from robustnas.spaces.nasbench201.numbering import N_CELLS
from robustnas.spaces.nasbench201.twins import twin_labels
from robustnas.tables.array_table import ArrayTable

N_COLUMNS = {"one-hot": 30, "functional": 30, "path": 40, "path-statistics": 34, "graph": 86, "cost": 6}

DEAD = Cell((0, 0, 0, 0, 0, 0))
SKIP = Cell((0, 0, 0, 1, 0, 0))
MIXED = Cell((2, 0, 1, 4, 3, 3))  # paths: avg; conv1>conv3; (dead); conv1>skip>conv3
ALONE = Cell((2, 0, 3, 4, 3, 4))  # paths: avg; conv1>conv3; conv1>conv3>avg; no other cell computes this


def row(name: str, cell: Cell) -> dict[str, float]:
    features = encoding(name)
    return dict(zip((column.split(":", 1)[1] for column in features.names), features.values[cell.index], strict=True))


class AttachedTable(ArrayTable):
    """Stands in for a table with attached columns."""

    def attached_columns(self) -> dict[str, FloatArray]:
        latency = np.arange(N_CELLS, dtype=float)
        latency[3] = np.nan
        return {"hw.latency": latency, "hw.energy": np.ones(N_CELLS), "zc.synflow": np.zeros(N_CELLS)}


@pytest.mark.parametrize("name", ENCODINGS)
def test_shape_and_content(name: str) -> None:
    features = encoding(name)
    assert features.values.shape == (N_CELLS, N_COLUMNS[name])
    assert features.groups == (N_COLUMNS[name],)
    assert features.values.dtype == np.float64
    assert np.isfinite(features.values).all()
    assert not features.values.flags.writeable
    assert all(column.startswith(f"{name}:") for column in features.names)
    assert encoding(name) is features


@pytest.mark.parametrize("name", sorted(set(ENCODINGS) - {"one-hot"}))
def test_functional_twins_have_equal_rows(name: str) -> None:
    values, labels = encoding(name).values, twin_labels()
    _, first = np.unique(labels, return_index=True)
    np.testing.assert_array_equal(values, values[first][labels])


@pytest.mark.parametrize("name", ENCODINGS)
def test_all_cells_in_well_under_a_second(name: str) -> None:
    twin_labels()
    start = time.perf_counter()
    ENCODINGS[name]()
    assert time.perf_counter() - start < 0.8


def test_one_hot_tells_all_cells_apart() -> None:
    values = encoding("one-hot").values
    assert (values.sum(axis=1) == 6).all()
    assert len(np.unique(values, axis=0)) == N_CELLS
    assert row("one-hot", MIXED)["0>1=conv_1x1"] == 1


def test_functional_resolves_dead_edges_and_equal_spellings() -> None:
    dead_end = Cell((2, 0, 0, 3, 0, 0))
    np.testing.assert_array_equal(
        encoding("functional").values[dead_end.index], encoding("functional").values[Cell((0, 0, 0, 3, 0, 0)).index]
    )
    direct = row("functional", Cell((0, 0, 0, 3, 0, 0)))
    assert 0 < direct["0>3=conv_3x3"] < 1  # the same convolution is also spelled through node 1 and node 2
    np.testing.assert_allclose(encoding("functional").values.sum(axis=1), 6)


def test_paths_by_hand() -> None:
    words = {name: count for name, count in row("path", MIXED).items() if count}
    assert words == {"avg_pool_3x3": 1, "conv_1x1>conv_3x3": 2}
    assert {name for name, count in row("path", SKIP).items() if count} == {"identity"}
    assert not any(row("path", DEAD).values())
    long = Cell((2, 0, 3, 0, 0, 4))
    assert row("path", long)["conv_1x1>conv_3x3>avg_pool_3x3"] == 1


def test_path_statistics_by_hand() -> None:
    found = row("path-statistics", MIXED)
    expected = {
        "paths": 3, "min_conv_1x1": 0, "max_conv_1x1": 1, "mean_conv_1x1": 2 / 3, "paths_without_conv_1x1": 1,
        "paths_without_conv": 1, "min_depth": 1, "max_depth": 2, "mean_depth": 5 / 3, "min_field": 2,
        "paths_of_depth_1": 1, "paths_of_depth_2": 2, "paths_of_depth_3": 0, "paths_from_conv_1x1": 2,
        "paths_from_avg_pool_3x3": 1, "paths_to_conv_3x3": 2, "paths_to_conv_1x1": 0, "convs_on_shortest_path": 0,
    }  # fmt: skip
    assert {name: found[name] for name in expected} == pytest.approx(expected)
    assert not any(row("path-statistics", DEAD).values())


def test_graph_by_hand() -> None:
    found = row("graph", ALONE)
    expected = {
        "shortest_avg_pool_3x3": 1, "longest_avg_pool_3x3": 1, "shortest_conv_1x1": 4, "longest_conv_1x1": -1,
        "shortest_conv_1x1+conv_3x3": 2, "longest_skip+conv_1x1+conv_3x3+avg_pool_3x3": 3, "count_conv_3x3": 2,
        "count_skip": 0, "paths": 3, "out_degree_input_avg_pool_3x3": 1, "in_degree_output_conv_3x3": 1,
        "edges_at_inner_avg_pool_3x3": 1, "min_field": 2, "max_field": 4, "convs_on_shortest_path": 0,
    }  # fmt: skip
    assert (twin_labels() == twin_labels()[ALONE.index]).sum() == 1  # nothing to average
    assert {name: found[name] for name in expected} == pytest.approx(expected)


def test_cost_counts_the_live_part_alone() -> None:
    assert row("cost", Cell((2, 0, 0, 3, 0, 0))) == pytest.approx(row("cost", Cell((0, 0, 0, 3, 0, 0))))
    assert row("cost", MIXED)["count_conv"] == 3


def test_parts_are_joined() -> None:
    both = encoding(" path + cost ")
    assert both is encoding("path+cost")
    assert both.name == "path+cost"
    assert both.groups == (40, 6)
    np.testing.assert_array_equal(both.values[:, 40:], encoding("cost").values)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("paht", "unknown encoding 'paht'; did you mean 'path'?"),
        ("path+grap", "unknown encoding 'grap'; did you mean 'graph'?"),
        ("path+path", "two columns named 'path:identity'; name each part once"),
        ("", "encoding is ''; expected a name"),
        (None, "encoding is None; expected a name"),
        ("hw.latency", "unknown encoding 'hw.latency'"),
    ],
)
def test_refused(name: str, message: str) -> None:
    with pytest.raises(InvalidInputError, match=re.escape(message)):
        encoding(name)


def test_attached_columns_are_features() -> None:
    table = AttachedTable({"clean": np.zeros(N_CELLS)})
    features = encoding("cost+hw.*", table)
    assert features.names[-2:] == ("hw.latency", "hw.energy")
    assert features.groups == (6, 2)
    assert np.isnan(features.values[3, 6])
    assert encoding("zc.synflow", table).values.shape == (N_CELLS, 1)
    with pytest.raises(InvalidInputError, match=r"unknown encoding 'hw.latencies'; did you mean 'hw.latency'"):
        encoding("hw.latencies", table)
    with pytest.raises(InvalidInputError, match="unknown encoding"):
        encoding("hw.*", ArrayTable({"clean": np.zeros(N_CELLS)}))


def test_shapes_must_fit_together() -> None:
    with pytest.raises(InvalidInputError, match=r"shape \(5, 3\).*expected shape \(5, 2\)"):
        Encoding("mine", np.zeros((5, 3)), ("a", "b"), (2,))
    with pytest.raises(InvalidInputError, match="groups that add up"):
        Encoding("mine", np.zeros((N_CELLS, 2)), ("a", "b"), (1,))


def test_an_encoding_has_a_row_per_architecture(monkeypatch: pytest.MonkeyPatch) -> None:
    short = Encoding("mine", np.zeros((5, 2)), ("mine:a", "mine:b"), (2,))
    monkeypatch.setitem(spaces.ENCODINGS, "mine", lambda space: short)
    for name in ("mine", "path+mine"):
        with pytest.raises(InvalidInputError, match=r"expected shape \(15625, 2\)"):
            encoding(name)


def test_an_encoding_that_a_package_registers_is_found_for_any_space(monkeypatch: pytest.MonkeyPatch) -> None:
    def code(space: spaces.EnumerableSpace[Any]) -> Encoding:
        names = tuple(f"code:{name}" for name in space.choices)
        return Encoding("code", space.codes().astype(float), names, (len(names),))

    monkeypatch.setitem(spaces.ENCODINGS, "code", code)
    np.testing.assert_array_equal(encoding("code+path").values[SKIP.index, :6], SKIP.ops)


def test_rows_of_cells() -> None:
    rows = encoding("path").values[space.indices([SKIP, DEAD])]
    assert rows.sum() == 1
