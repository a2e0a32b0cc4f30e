from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from robustnas import Cell
from robustnas.naslib.dataset_api import dataset_api
from robustnas.naslib.global_state import GlobalState
from robustnas.naslib.light_space import LightSpace
from robustnas.naslib.loading import load, location
from robustnas.spaces.nasbench201 import space

pytestmark = pytest.mark.timeout(60)  # slow where processors are shared

cells = st.integers(0, space.N_CELLS - 1).map(Cell.from_index)
needs_naslib = pytest.mark.skipif(location() is None, reason="NASLib is not installed: see docs/naslib.md")
KIND = ("VAL_ACCURACY", "TEST_ACCURACY", "TRAIN_ACCURACY", "TRAIN_LOSS", "VAL_LOSS", "TEST_LOSS", "TRAIN_TIME")


class Metric:
    """Stands for a member of NASLib's enumeration."""

    def __init__(self, name: str) -> None:
        self.name = name


@given(cells)
def test_round_trip(cell: Cell) -> None:
    architecture = LightSpace.of(cell)
    assert architecture.cell == cell
    assert architecture.get_hash() == cell.naslib
    assert architecture.clone().get_op_indices() == list(cell.naslib)


@given(cells, st.integers(0, 1000))
def test_neighbours_are_those_of_the_space(cell: Cell, seed: int) -> None:
    with GlobalState(seed):
        found = [model.arch.cell for model in LightSpace.of(cell).get_nbhd()]
    assert len(found) == 24
    assert set(found) == set(space.neighbours(cell))


@given(cells, st.integers(0, 1000))
def test_a_mutation_is_a_neighbour(cell: Cell, seed: int) -> None:
    parent, child = LightSpace.of(cell), LightSpace()
    with GlobalState(seed):
        child.mutate(parent)
    assert space.edit_distance(child.cell, cell) == 1
    assert parent.cell == cell


def test_mutations_reach_every_neighbour_and_random_cells_the_space() -> None:
    start, drawn = Cell.parse("#13433"), set()
    mutated = set()
    with GlobalState(0):
        for _ in range(400):
            child, fresh = LightSpace(), LightSpace()
            child.mutate(LightSpace.of(start))
            fresh.sample_random_architecture()
            mutated.add(child.cell)
            drawn.add(fresh.cell)
    assert mutated == set(space.neighbours(start))
    assert len(drawn) > 380


def test_random_architectures_leave_the_input_and_enter_the_output() -> None:
    """15,625 cells less 125 + 125 - 5 with all edges of one end none, in their share of many draws."""
    with GlobalState(1):
        drawn = []
        for _ in range(3000):
            fresh = LightSpace()
            fresh.sample_random_architecture()
            drawn.append(fresh.cell)
    for cell in drawn:
        to_1, to_2, _, to_3, from_1, from_2 = cell.ops
        assert (to_1, to_2, to_3) != (0, 0, 0)
        assert (to_3, from_1, from_2) != (0, 0, 0)


def test_a_second_sample_is_another() -> None:
    architecture = LightSpace()
    with GlobalState(2):
        found = set()
        for _ in range(10):
            architecture.sample_random_architecture()
            found.add(architecture.cell)
    assert len(found) > 5


@pytest.mark.parametrize("name", KIND)
def test_queries_answer_what_the_api_says(name: str) -> None:
    asked: list[Cell] = []

    def accuracy(cell: Cell) -> float:
        asked.append(cell)
        return 42.0

    cell = Cell.parse("#7")
    value = LightSpace.of(cell).query(Metric(name), "cifar10", epoch=-1, dataset_api=dataset_api(accuracy))
    assert value == (42.0 if name.endswith("ACCURACY") else 0.0)
    assert asked == [cell]


def test_raw_and_curves() -> None:
    api, architecture = dataset_api(lambda cell: 1.5), LightSpace.of(Cell.parse("#7"))
    assert architecture.query(Metric("VAL_ACCURACY"), full_lc=True, dataset_api=api) == [1.5]
    assert architecture.query(Metric("RAW"), dataset_api=api)["cifar10-valid"]["eval_acc1es"] == [1.5]


def test_the_api_is_a_mapping_of_the_whole_space() -> None:
    answers = dataset_api(lambda cell: float(cell.index))["nb201_data"]
    assert len(answers) == len(list(answers)) == space.N_CELLS
    assert answers[Cell.from_index(99).arch]["cifar10-valid"]["eval_acc1es"] == [99.0]


def test_iterates_over_every_architecture() -> None:
    assert len({Cell.parse(ops) for ops in LightSpace().get_arch_iterator()}) == space.N_CELLS


@pytest.fixture(scope="module")
def original() -> Any:
    """NASLib's own search space."""
    return load("search_spaces").NasBench201SearchSpace


@needs_naslib
@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_draws_are_those_of_the_original(original: Any, seed: int) -> None:
    drawn = []
    for kind in (LightSpace, original):
        start = kind()
        with GlobalState(seed):
            first, second = start.clone(), start.clone()
            first.sample_random_architecture()
            second.mutate(first)
            neighbours = [model.arch.get_hash() for model in second.get_nbhd()]
            drawn.append((first.get_hash(), second.get_hash(), neighbours, random.random(), np.random.random()))  # noqa: NPY002
    assert drawn[0] == drawn[1]


@needs_naslib
@pytest.mark.parametrize("number", [0, 77, 13433])
def test_naslib_reads_the_same_cell_from_it(original: Any, number: int) -> None:
    cell = Cell.parse(f"#{number}")
    conversions = load("search_spaces.nasbench201.conversions")
    assert conversions.convert_naslib_to_str(LightSpace.of(cell)) == cell.arch
    assert conversions.convert_op_indices_to_str(LightSpace.of(cell).get_hash()) == cell.arch


@needs_naslib
def test_encodings_are_those_of_the_original(original: Any) -> None:
    kinds, cell = load("utils.encodings").EncodingType, Cell.parse("#13433")
    theirs = original()
    theirs.set_op_indices(list(cell.naslib))
    for kind in (kinds.ADJACENCY_ONE_HOT, kinds.PATH, kinds.GCN, kinds.BONAS, kinds.SEMINAS):
        ours = LightSpace.of(cell).encode(kind)
        for mine, other in zip(_parts(ours), _parts(theirs.encode(encoding_type=kind)), strict=True):
            np.testing.assert_array_equal(mine, other)


def _parts(encoded: Any) -> list[Any]:
    return list(encoded.values()) if isinstance(encoded, dict) else [encoded]
