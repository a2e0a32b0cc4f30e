"""Searchers that sample keep the contract on a space of 10^12 architectures, and the others refuse it in words."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest

from robustnas import Oracle
from robustnas.errors import InvalidInputError
from robustnas.spaces import EnumerableSpace
from robustnas.tables import function_table
from searchers import Prior, create, search
from tests.robustnas.spaces.large import Large
from tests.searchers.test_contract import Registered as OnNASBench201
from tests.searchers.test_contract import check_trajectories_elsewhere

pytestmark = pytest.mark.timeout(60)  # slow where processors are shared


class Sampling(OnNASBench201):
    space_name = "tests/robustnas/spaces/large.py:Large"
    n_quality_seeds = 3


class Briefly(Sampling):
    """What other searchers of the same kind are tested for already is left out: seconds count."""

    test_no_worse_than_random_search = None
    test_same_seed_gives_the_same_trajectory = None  # in another process, below
    test_other_seed_gives_another_trajectory = None
    test_global_random_state_is_untouched = None


class TestRandom(Sampling):
    name = "random"


class TestLocal(Sampling):
    name = "local"
    parameters: ClassVar[dict[str, object]] = {"first_improvement": True}


class TestEvolution(Sampling):
    name = "evolution"


class TestNSGA2(Sampling):
    name = "nsga2"
    objective = "clean, pgd@1"


class TestGP(Sampling):
    name = "gp"
    n_queries = 18


class TestGPMultiObjective(Briefly):
    name = "gp"
    objective = "clean, pgd@1"
    n_queries = 34  # after an initial design of 30


class TestXGBoost(Sampling):
    name = "xgboost"
    n_queries = 23


class TestForest(Briefly):
    name = "forest"
    n_queries = 22


class TestBananas(Briefly):
    name = "bananas"
    n_queries = 12


class TestOptunaTPE(Briefly):
    name = "optuna-tpe"
    n_queries = 20


class TestOptunaCMAES(Briefly):
    name = "optuna-cmaes"
    n_queries = 30


class TestOptunaNSGA2(Sampling):
    name = "optuna-nsga2"
    objective = "clean, pgd@1"


@pytest.mark.timeout(300)
def test_same_trajectories_in_a_spawned_process_with_another_hash_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(check_trajectories_elsewhere(__name__, monkeypatch)) == 12


def found(name: str, space: EnumerableSpace[object], budget: int, **parameters: object) -> list[float]:
    """Return what a search finds, an objective of which the best is the most zeros."""
    table = function_table(lambda one: {"zeros": one.options.count(0) / len(one.options)}, space, "zeros")
    oracle = Oracle("zeros", table, budget=budget)
    return [outcome.score for outcome in search(create(name, 0, space=oracle.space, **parameters), oracle)]


@pytest.mark.parametrize("name", ["multi-fidelity", "optuna:GridSampler", "optuna:BruteForceSampler"])
def test_what_needs_every_architecture_is_refused_in_words(name: str) -> None:
    with pytest.raises(InvalidInputError, match=r"1,000,000,000,000 architectures.*sample it: random, local"):
        create(name, 0, space=Large())


def test_a_prior_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="prior is about every network, and <Large: 1,000,000,000,000"):
        create("gp", 0, space=Large(), prior=Prior("other", (np.zeros(10),)))
