"""Every registered searcher keeps the contract."""

from __future__ import annotations

import multiprocessing
from importlib import import_module
from importlib.util import find_spec
from multiprocessing.queues import SimpleQueue
from typing import ClassVar

import pytest

from robustnas.spaces import open_space
from searchers import SEARCHERS, Searcher, create
from searchers.testing import SearcherContract

pytestmark = pytest.mark.timeout(60)  # slow where processors are shared


class Registered(SearcherContract):
    name: str
    parameters: ClassVar[dict[str, object]] = {}
    test_same_trajectory_in_a_spawned_process_with_another_hash_seed = None  # one process for all of a module

    def create(self, seed: int) -> Searcher:
        space = open_space(self.space_name)
        return create(self.name, seed, space=space, n_objectives=len(self.objective.split(",")), **self.parameters)


class TestRandom(Registered):
    name = "random"
    test_same_trajectory_in_a_spawned_process_with_another_hash_seed = (
        SearcherContract.test_same_trajectory_in_a_spawned_process_with_another_hash_seed
    )


class TestEvolutionOnWideResNets(Registered):
    name = "evolution"
    space_name = "wide-resnets"


class TestGPOnWideResNets(Registered):
    name = "gp"
    space_name = "wide-resnets"
    n_queries = 16
    n_quality_seeds = 3


class TestLocal(Registered):
    name = "local"


class TestLocalFirstImprovement(Registered):
    name = "local"
    parameters: ClassVar[dict[str, object]] = {"first_improvement": True}


class TestEvolution(Registered):
    name = "evolution"


class TestOptunaTPE(Registered):
    name = "optuna-tpe"
    n_queries = 30
    n_quality_seeds = 5


class TestOptunaCMAES(Registered):
    name = "optuna-cmaes"
    n_queries = 30
    n_quality_seeds = 5


class TestOptunaNSGA2(Registered):
    name = "optuna-nsga2"
    objective = "clean, pgd@1"
    n_quality_seeds = 5


class TestOptunaTPEMultiObjective(Registered):
    name = "optuna-tpe"
    objective = "clean, pgd@1"
    n_queries = 30
    n_quality_seeds = 5


class TestNSGA2(Registered):
    name = "nsga2"
    objective = "clean, pgd@1"


class TestGP(Registered):
    name = "gp"
    n_queries = 40
    n_quality_seeds = 5


class TestGPMultiObjective(Registered):
    name = "gp"
    objective = "clean, pgd@1"
    n_queries = 45  # after an initial design of 30
    n_quality_seeds = 5


class TestXGBoost(Registered):
    name = "xgboost"
    n_queries = 20
    n_quality_seeds = 3


class TestForest(Registered):
    name = "forest"
    n_queries = 20
    n_quality_seeds = 3


class TestBananas(Registered):
    name = "bananas"
    n_queries = 16
    n_quality_seeds = 3


class TestMultiFidelity(Registered):
    name = "multi-fidelity"
    parameters: ClassVar[dict[str, object]] = {"cheap": "pgd@1", "share": 5.0}
    n_queries = 16
    n_quality_seeds = 3


@pytest.mark.slow
@pytest.mark.timeout(300)
class TestOptunaGP(Registered):
    name = "optuna-gp"
    n_queries = 14
    n_quality_seeds = 2

    @pytest.fixture(autouse=True)
    def _torch(self) -> None:
        pytest.importorskip("torch", reason="optuna's GP sampler needs torch: install the extra 'evaluate'")


def contracts(module: str = __name__) -> list[type[Registered]]:
    """Return the classes of a test module that name a searcher: other modules build on `Registered` too."""
    classes = [cls for cls in vars(import_module(module)).values() if isinstance(cls, type)]
    return [cls for cls in classes if issubclass(cls, Registered) and hasattr(cls, "name")]


def trajectories(module: str) -> dict[str, list[int]]:
    """Return a trajectory of every searcher of a test module, by the name of its class."""
    classes = [cls for cls in contracts(module) if cls.name != "optuna-gp" or find_spec("torch")]
    return {cls.__name__: cls()._trajectory(3) for cls in classes}


def send_trajectories(module: str, queue: SimpleQueue[dict[str, list[int]]]) -> None:
    queue.put(trajectories(module))


def check_trajectories_elsewhere(module: str, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Check that a spawned process with another hash seed has the same trajectories; return the names of their classes.

    All of a module in one process: to start it takes longer than to search.
    """
    monkeypatch.setenv("PYTHONHASHSEED", "4711")
    context = multiprocessing.get_context("spawn")
    queue: SimpleQueue[dict[str, list[int]]] = context.SimpleQueue()
    process = context.Process(target=send_trajectories, args=(module, queue))
    process.start()
    here = trajectories(module)
    process.join()
    assert process.exitcode == 0
    assert queue.get() == here
    return set(here)


@pytest.mark.timeout(300)
def test_same_trajectories_in_a_spawned_process_with_another_hash_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(check_trajectories_elsewhere(__name__, monkeypatch)) >= len(SEARCHERS) - 1


def test_every_registered_searcher_is_under_contract() -> None:
    assert {cls.name for cls in contracts()} == set(SEARCHERS)
