from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from robustnas import Oracle
from robustnas.pareto import HypervolumeScale, non_dominated
from robustnas.spaces.nasbench201 import space
from searchers import Searcher, create, search
from searchers.nsga2 import survival_order
from searchers.testing import landscape

pytestmark = pytest.mark.timeout(60)  # slow where processors are shared

points = arrays(float, st.tuples(st.integers(1, 15), st.integers(1, 3)), elements=st.floats(0, 1, width=16))


@given(points)
def test_the_first_to_survive_are_the_non_dominated(utilities: np.ndarray) -> None:
    order = survival_order(utilities)
    front = non_dominated(utilities) if utilities.shape[1] > 1 else utilities[:, 0] == utilities.max()
    assert sorted(order) == list(range(len(utilities)))
    assert set(order[: front.sum()]) == set(np.flatnonzero(front))


def test_within_a_front_the_crowded_die_first() -> None:
    utilities = np.array([[0.0, 1.0], [0.5, 0.5], [0.52, 0.49], [1.0, 0.0]])
    assert set(survival_order(utilities)[:2]) == {0, 3}


def test_unknown_utilities_come_last() -> None:
    utilities = np.array([[-1e300, -1e300], [0.1, 0.1], [0.2, 0.2]])
    assert survival_order(utilities).tolist() == [2, 1, 0]


def test_no_query_is_spent_on_a_known_network() -> None:
    outcomes = list(search(create("nsga2", 1, n_objectives=2), Oracle("clean, pgd@1", landscape(), budget=300)))
    assert len({space.canonical(outcome.cell) for outcome in outcomes}) == len(outcomes) == 300


@pytest.mark.parametrize("name", ["nsga2", "gp"])
def test_fronts_are_larger_than_those_of_random_search(name: str) -> None:
    scale = HypervolumeScale(np.array([landscape().column(metric) for metric in landscape().metrics]).T)

    def found(searcher: Searcher) -> float:
        outcomes = search(searcher, Oracle("clean, pgd@1", landscape(), budget=100))
        return scale(np.array([outcome.utilities for outcome in outcomes]))

    ours = np.mean([found(create(name, seed, n_objectives=2)) for seed in range(5)])
    theirs = np.mean([found(create("random", seed, n_objectives=2)) for seed in range(20)])
    assert ours > theirs
