from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from robustnas import Cell, Operation
from robustnas.spaces.nasbench201 import space
from robustnas.spaces.nasbench201.twins import functional_form, network_twin_labels, twin_groups, twin_labels

NONE, SKIP, C1, C3, POOL = (int(op) for op in Operation)


def test_counts_are_those_of_a_careful_independent_count() -> None:
    assert len(set(network_twin_labels().tolist())) == 5136
    assert len(twin_groups()) == 641


def test_twins_are_unions_of_nothing_smaller_than_networks() -> None:
    for row in range(0, space.N_NETWORKS, 300):
        members = np.flatnonzero(space.network_of_index() == row)
        assert len(set(twin_labels()[members].tolist())) >= 1


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        # a skip into or out of a convolution changes nothing
        ((SKIP, NONE, C3, NONE, NONE, SKIP), (NONE, NONE, NONE, C3, NONE, NONE), True),
        # a dead branch changes nothing
        ((C1, C3, NONE, C3, NONE, NONE), (NONE, NONE, NONE, C3, NONE, NONE), True),
        # one convolution used twice is not two convolutions
        ((C3, SKIP, SKIP, NONE, SKIP, SKIP), (C3, SKIP, NONE, C3, SKIP, SKIP), False),
        ((C3, NONE, SKIP, NONE, SKIP, SKIP), (C3, C3, NONE, NONE, SKIP, SKIP), False),
        # pooling nothing is nothing, a convolution of nothing is a learned constant
        ((NONE, NONE, POOL, C3, NONE, SKIP), (NONE, NONE, NONE, C3, NONE, NONE), True),
        ((NONE, NONE, C3, C3, NONE, SKIP), (NONE, NONE, NONE, C3, NONE, NONE), False),
        # the order of branches does not matter, the operation does
        ((C1, C3, NONE, NONE, POOL, SKIP), (C3, C1, NONE, NONE, SKIP, POOL), True),
        ((C1, NONE, NONE, NONE, SKIP, NONE), (C3, NONE, NONE, NONE, SKIP, NONE), False),
    ],
)
def test_what_makes_twins(first: tuple[int, ...], second: tuple[int, ...], same: bool) -> None:
    assert (functional_form(Cell(first)) == functional_form(Cell(second))) is same


@given(st.integers(0, space.N_CELLS - 1), st.integers(0, 2**32 - 1))
def test_cells_of_one_form_compute_the_same_numbers_for_shared_weights(index: int, seed: int) -> None:
    """Evaluate the cell on numbers, with a convolution's weight named by its place in the written form."""
    cell = Cell.from_index(index)
    twins = np.flatnonzero(twin_labels() == twin_labels()[index])
    twin = Cell.from_index(int(np.random.default_rng(seed).choice(twins)))
    assert sorted(_output_terms(cell)) == sorted(_output_terms(twin))


def _output_terms(cell: Cell) -> list[str]:
    """Every path's operations from input (or a learned constant) to output, skips left out."""
    terms: list[list[str]] = [["x"], [], [], []]
    for (source, target), op in zip(space.EDGES, cell.ops, strict=True):
        if op == SKIP:
            terms[target] += terms[source]
        elif op == POOL:
            terms[target] += [f"{term}p" for term in terms[source]]
        elif op in (C1, C3):
            terms[target] += [f"{term}{op}" for term in terms[source]] or [f"k{op}"]
    return terms[3]
