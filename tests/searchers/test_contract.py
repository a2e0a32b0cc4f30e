"""Every registered searcher keeps the contract."""

from __future__ import annotations

from typing import ClassVar

import pytest

from searchers import SEARCHERS, Searcher, create
from searchers.testing import SearcherContract

pytestmark = pytest.mark.timeout(60)  # slow where processors are shared


class Registered(SearcherContract):
    name: str
    parameters: ClassVar[dict[str, object]] = {}

    def create(self, seed: int) -> Searcher:
        return create(self.name, seed, n_objectives=len(self.objective.split(",")), **self.parameters)


class TestRandom(Registered):
    name = "random"


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


def test_every_registered_searcher_is_under_contract() -> None:
    here = {cls.name for cls in Registered.__subclasses__() if cls.__module__ == __name__}
    assert here == set(SEARCHERS)
