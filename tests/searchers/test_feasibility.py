"""Constraints that are learned: probabilities of feasibility, and what model-based searches do with them."""

from __future__ import annotations

import math

import numpy as np
import pytest

from robustnas import Oracle
from robustnas.oracle import Outcome
from robustnas.spaces import open_space
from robustnas.tables import open_table
from searchers import create, search
from searchers.beliefs import make_belief
from searchers.feasibility import Feasibility, is_feasible, weighed
from searchers.model_based import FEATURES

pytestmark = pytest.mark.timeout(180)  # slow where processors are shared

SPACE = open_space()
ROWS = np.random.default_rng(0).permutation(SPACE.n_networks)[:60].tolist()
TABLE = open_table("cifar10-surrogate")
PGD = TABLE.network_column("pgd@1")  # type: ignore[attr-defined]
BOUND = float(np.quantile(PGD, 0.9))


def feasibility() -> Feasibility:
    return Feasibility(lambda: make_belief("gp", FEATURES, SPACE, np.random.default_rng(0)))


def test_probabilities_tell_feasible_networks_from_others() -> None:
    slacks = [(float(PGD[row] - BOUND),) for row in ROWS]
    found = feasibility().probability(ROWS, slacks)
    assert found is not None
    assert ((found >= 0) & (found <= 1)).all()
    others = np.setdiff1d(np.arange(SPACE.n_networks), ROWS)
    inside = PGD[others] >= BOUND
    assert np.mean(found[others][inside]) > 3 * np.mean(found[others][~inside])
    assert (found[ROWS][is_feasible(slacks)] > 0.5).all()


def test_a_constraint_that_nothing_violates_is_not_modelled() -> None:
    def make() -> object:
        raise AssertionError

    assert Feasibility(make).probability(ROWS[:3], [(0.5, 0.0), None, (1.0, 2.0)]) is None  # type: ignore[arg-type]
    assert Feasibility(make).probability(ROWS[:2], [(), ()]) is None  # type: ignore[arg-type]
    assert feasibility().probability(ROWS[:3], [(0.5, -1.0), None, (1.0, 2.0)]) is not None


@pytest.mark.parametrize("slack", [-1e-300, -1e300, -5e-324])
def test_slacks_of_any_size_give_probabilities(slack: float) -> None:
    found = feasibility().probability(ROWS[:4], [(slack,), (1.0,), (math.nan,), None])
    assert found is not None
    assert np.isfinite(found).all()


def test_the_probability_of_several_constraints_is_their_product() -> None:
    one, other = ([(float(slack),) for slack in sign * (PGD[ROWS] - BOUND)] for sign in (1, -1))
    both = [(*a, *b) for a, b in zip(one, other, strict=True)]
    found = [feasibility().probability(ROWS, slacks) for slacks in (one, other, both)]
    np.testing.assert_allclose(found[2], found[0] * found[1])  # type: ignore[operator]


def test_a_weight_keeps_what_is_feasible_ahead_on_both_sides_of_the_incumbent() -> None:
    score, likely, unlikely = np.array([0.3, 0.3]), 0.9, 0.1
    for incumbent in (0.0, 1.0):
        first, second = weighed(score, np.array([likely, unlikely]), incumbent)
        assert first > second


@pytest.mark.parametrize("name", ["gp", "forest", "xgboost"])
def test_a_search_learns_what_is_feasible(name: str) -> None:
    def n_feasible(searcher: str, seed: int) -> int:
        oracle = Oracle(f"clean where pgd@1 >= {BOUND}", TABLE, budget=30)
        return sum(outcome.feasible for outcome in search(create(searcher, seed), oracle))

    assert n_feasible(name, 0) > 3 * np.mean([n_feasible("random", seed) for seed in range(5)])


def test_infeasible_networks_inform_the_model_of_the_objective() -> None:
    """Of a score that infeasible networks alone show, the search still learns where it is high."""
    searcher = create("gp", 0)
    space, clean = searcher.space, TABLE.column("clean")
    for row in ROWS:
        index = int(space.network_indices()[row])
        nan, score = (math.nan,), (float(clean[index]),)
        searcher.tell(Outcome(space.architecture(index), score, nan, 1.0, "table", False, 0.0, (-1.0,), score))
    told = searcher._values  # type: ignore[attr-defined]
    assert told == [(float(clean[space.network_indices()[row]]),) for row in ROWS]


def test_several_objectives_under_a_constraint() -> None:
    oracle = Oracle(f"clean, params where pgd@1 >= {BOUND}", TABLE, budget=40)
    outcomes = list(search(create("gp", 0, n_objectives=2), oracle))
    assert sum(outcome.feasible for outcome in outcomes[20:]) >= 8


def test_batches_under_a_constraint() -> None:
    searcher, oracle = create("gp", 0), Oracle(f"clean where pgd@1 >= {BOUND}", TABLE, budget=40)
    for _ in range(10):
        cells = [searcher.ask() for _ in range(4)]
        for cell in reversed(cells):
            searcher.tell(oracle.query(cell))
    assert oracle.n_queries == 40


@pytest.mark.parametrize("acquisition", ["ei", "noisy-ei", "ucb", "alternating", "thompson", "independent-thompson"])
def test_every_acquisition_function_takes_constraints(acquisition: str) -> None:
    oracle = Oracle(f"clean where pgd@1 >= {BOUND}", TABLE, budget=30)
    outcomes = list(search(create("gp", 1, acquisition=acquisition), oracle))
    assert len({outcome.cell for outcome in outcomes}) == 30
    assert sum(outcome.feasible for outcome in outcomes[10:]) >= (2 if acquisition == "independent-thompson" else 6)
