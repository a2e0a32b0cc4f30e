from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from robustnas import Cell
from robustnas.errors import InvalidInputError
from robustnas.spaces.nasbench201 import space

indices = st.integers(0, space.N_CELLS - 1)


@pytest.mark.real_data
def test_ids_classes_and_uids_are_those_of_the_database(real_data_dir: Path) -> None:
    ids = json.loads((real_data_dir / "meta.json").read_text())["ids"]
    assert len(ids) == space.N_CELLS
    for number, entry in ids.items():
        cell = Cell.from_database_id(int(number))
        assert cell.arch == entry["nb201-string"]
        assert space.uid(cell) == int(entry["isomorph"])


def test_there_are_6466_networks() -> None:
    assert len(set(space.uids().tolist())) == len(space.networks()) == space.N_NETWORKS == 6466


def test_the_uid_is_the_smallest_id_of_its_class() -> None:
    strings = np.array(space.canonical_strings())
    for index in range(0, space.N_CELLS, 501):
        members = np.flatnonzero(strings == strings[index])
        assert space.uids()[index] == space.id_of_index()[members].min()


@given(indices)
def test_canonical_is_idempotent_and_keeps_the_uid(index: int) -> None:
    cell = Cell.from_index(index)
    representative = space.canonical(cell)
    assert space.canonical(representative) == representative
    assert space.uid(representative) == space.uid(cell) == representative.database_id


@given(indices)
def test_rows_of_networks_and_cells_agree(index: int) -> None:
    row = space.network_of_index()[index]
    assert space.networks()[row] == space.uids()[index]
    assert space.network_indices()[row] == space.canonical_indices()[index]


@given(indices)
def test_the_canonical_string_follows_the_rule(index: int) -> None:
    nodes = ["0"]
    ops = dict(zip(space.EDGES, Cell.from_index(index).ops, strict=True))
    for node in (1, 2, 3):
        terms = []
        for source in range(node):
            op, name = ops[source, node], nodes[source]
            label = space.OPERATION_LABELS[op]
            terms.append("#" if op == 0 or name == "#" else name if op == 1 else f"({name})@{label}")
        nodes.append("+".join(sorted(terms)))
    assert space.canonical_strings()[index] == nodes[3]


@given(indices)
def test_the_24_neighbours_differ_in_one_edge_and_are_symmetric(index: int) -> None:
    cell = Cell.from_index(index)
    neighbours = space.neighbours(cell)
    assert len(set(neighbours)) == 24
    assert all(space.edit_distance(cell, neighbour) == 1 for neighbour in neighbours)
    assert all(index in space.neighbour_indices()[neighbour.index] for neighbour in neighbours)


@given(indices, indices, indices)
def test_edit_distance_is_a_metric(a: int, b: int, c: int) -> None:
    x, y, z = Cell.from_index(a), Cell.from_index(b), Cell.from_index(c)
    assert space.edit_distance(x, y) == space.edit_distance(y, x)
    assert (space.edit_distance(x, y) == 0) == (x == y)
    assert space.edit_distance(x, z) <= space.edit_distance(x, y) + space.edit_distance(y, z)


def test_samples_are_distinct_and_reproducible() -> None:
    first = space.sample(np.random.default_rng(1), 500, canonical=True)
    assert isinstance(first, list)
    assert first == space.sample(np.random.default_rng(1), 500, canonical=True)
    assert len({space.canonical(cell) for cell in first}) == 500
    assert all(space.canonical(cell) == cell for cell in first)
    assert isinstance(space.sample(np.random.default_rng(1)), Cell)


@pytest.mark.parametrize("n", [-1, space.N_CELLS + 1])
def test_impossible_samples_are_refused(n: int) -> None:
    with pytest.raises(InvalidInputError, match="cannot draw"):
        space.sample(np.random.default_rng(0), n)


def test_cached_arrays_are_read_only() -> None:
    for array in (
        space.uids(),
        space.networks(),
        space.neighbour_indices(),
        space.canonical_indices(),
        space.all_operations(),
        space.id_of_index(),
    ):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_numbering_leaves_the_global_random_state_alone() -> None:
    code = (
        "import random; random.seed(5); before = random.getstate(); from robustnas import space; space.uids();"
        "assert random.getstate() == before"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert random.random() != random.random()


def test_architectures_in_any_notation_become_indices() -> None:
    assert space.indices(["#13433", "index:3", (4, 0, 3, 1, 4, 3)]).tolist() == [
        Cell.parse("#13433").index,
        3,
        Cell.parse("(4, 0, 3, 1, 4, 3)").index,
    ]
