"""Constraint domination: what counts as less of a violation, and searchers that go by it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from robustnas import Cell, Oracle
from robustnas.oracle import Outcome
from searchers import create, search
from searchers.testing import landscape
from searchers.violation import WORST, Violation, nearest_to_feasible


def test_violations_in_different_units_are_shares_of_the_largest_seen() -> None:
    violation = Violation()
    for slacks in [(-100_000.0, 0.2), (-50_000.0, -0.01), (3.0, -0.04)]:
        violation.add(slacks)
    assert violation.of((-50_000.0, -0.01)) == 0.5 + 0.25
    assert violation.of((3.0, 0.0)) == 0.0
    assert violation.of((math.nan, 1.0)) == math.inf


def test_feasible_comes_first_then_the_smaller_violation_then_the_utility() -> None:
    violation = Violation()
    violation.add((-1.0,))
    ranks = [violation.rank(*told) for told in [((0.1,), 0.2), ((0.1,), 0.1), ((-0.5,), 0.9), ((-1.0,), 1.0)]]
    assert ranks == sorted(ranks, reverse=True)
    assert violation.rank((0.1,), math.nan) == WORST < ranks[-1]
    assert violation.rank((), 0.5) == (0.0, 0.5)


def test_the_nearest_is_the_first_of_the_least_violation() -> None:
    cell = Cell.parse("index:0")
    outcomes = [Outcome(cell, (0.5,), (math.nan,), 0, "table", False, 0, (slack,), (0.5,)) for slack in (-3, -1, -1)]
    assert nearest_to_feasible(outcomes) is outcomes[1]
    outcomes.append(Outcome(cell, (0.5,), (math.nan,), 0, "table", False, 0, (-1.0,), (0.6,)))
    assert nearest_to_feasible(outcomes) is outcomes[3]


@pytest.mark.parametrize("name", ["evolution", "local", "nsga2"])
def test_a_search_finds_the_few_feasible_networks_by_what_the_others_violate(name: str) -> None:
    bound = np.quantile(landscape().column(landscape().metrics[1]), 0.99)
    objectives = f"clean where pgd@1 >= {bound}"

    def n_feasible(searcher: str, seed: int) -> int:
        found = search(create(searcher, seed), Oracle(objectives, landscape(), budget=150))
        return sum(outcome.feasible for outcome in found)

    ours = np.mean([n_feasible(name, seed) for seed in range(8)])
    assert ours >= 3 * np.mean([n_feasible("random", seed) for seed in range(8)])


@pytest.mark.parametrize("name", ["random", "evolution", "local", "nsga2", "gp"])
def test_a_search_of_which_nothing_is_feasible_goes_on(name: str) -> None:
    oracle = Oracle("clean where clean > 0.905", landscape(), budget=25)
    assert len({outcome.cell for outcome in search(create(name, 0), oracle)}) == 25
