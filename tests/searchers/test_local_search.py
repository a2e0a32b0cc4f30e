from __future__ import annotations

import numpy as np
import pytest

from robustnas import Oracle
from robustnas.metric import Metric
from robustnas.spaces.nasbench201 import space
from searchers import create, search
from searchers.testing import landscape


@pytest.mark.parametrize("first_improvement", [False, True])
def test_it_ends_each_climb_in_a_local_optimum(first_improvement: bool) -> None:
    oracle = Oracle("clean", landscape(), budget=200)
    outcomes = list(search(create("local", 0, first_improvement=first_improvement), oracle))
    best = max(outcomes, key=lambda outcome: outcome.utility)
    scores = landscape().column(Metric("clean"))
    assert best.score >= scores[space.neighbour_indices()[best.cell.index]].max()


def test_best_improvement_visits_the_whole_neighbourhood_before_it_moves() -> None:
    outcomes = list(search(create("local", 2), Oracle("clean", landscape(), budget=20)))
    start = space.canonical(outcomes[0].cell)
    assert all(space.edit_distance(start, outcome.cell) == 1 for outcome in outcomes[1:])


def test_first_improvement_leaves_early() -> None:
    outcomes = list(search(create("local", 2, first_improvement=True), Oracle("clean", landscape(), budget=20)))
    start = outcomes[0]
    better = next(i for i, outcome in enumerate(outcomes) if outcome.score > start.score)
    assert space.edit_distance(space.canonical(outcomes[better].cell), outcomes[better + 1].cell) == 1


def test_no_network_is_proposed_twice() -> None:
    outcomes = list(search(create("local", 3), Oracle("clean", landscape(), budget=2000)))
    assert len({space.canonical(outcome.cell) for outcome in outcomes}) == len(outcomes) == 2000


def test_the_whole_space_can_be_exhausted() -> None:
    outcomes = list(search(create("local", 1), Oracle("clean", landscape(), budget=6466)))
    assert np.isclose(max(outcome.score for outcome in outcomes), landscape().column(Metric("clean")).max())
