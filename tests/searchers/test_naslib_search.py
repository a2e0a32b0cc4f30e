"""NASLib's optimizers as searchers: for real where NASLib is, and a made-up optimizer in its protocol everywhere."""

from __future__ import annotations

import gc
import random
import weakref
from typing import Any, ClassVar

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from robustnas import Cell, Oracle
from robustnas.errors import InvalidInputError, MissingPackageError, SearchError, SearchStalled
from robustnas.naslib import loading
from robustnas.naslib.loading import load, location
from robustnas.oracle import Outcome
from robustnas.spaces.nasbench201 import space
from searchers import create, search
from searchers.base import Searcher
from searchers.naslib_search import NASLIB_SEARCHERS, NASLibSearcher
from searchers.testing import SearcherContract, landscape

pytestmark = pytest.mark.timeout(60)  # slow where processors are shared

needs_naslib = pytest.mark.skipif(location() is None, reason="NASLib is not installed: see docs/naslib.md")


class Metric:
    name = "VAL_ACCURACY"


class MadeUpEvolution:
    """Evolution in NASLib's protocol, with global randomness of all three kinds, and prints."""

    def __init__(self, population: int = 10) -> None:
        self.population = population
        self.members: list[Any] = []
        self.asked: list[tuple[Cell, float]] = []

    def adapt_search_space(self, search_space: Any, scope: object = None, dataset_api: Any = None) -> None:
        assert search_space.QUERYABLE
        self.search_space, self.dataset_api = search_space.clone(), dataset_api

    def new_epoch(self, epoch: int) -> None:
        import torch

        print("epoch", epoch)  # noqa: T201
        child = self.search_space.clone()
        if epoch < self.population:
            child.sample_random_architecture(dataset_api=self.dataset_api)
        else:
            random.shuffle(self.members)
            parents = sorted(self.members[:4], key=lambda member: member[1])
            parent = parents[-1 if torch.rand(()) < 0.9 else 0]
            child.mutate(parent[0], dataset_api=self.dataset_api)
        accuracy = child.query(Metric(), "cifar10", dataset_api=self.dataset_api)
        self.members = [*self.members, (child, accuracy)][-self.population :]
        self.asked.append((child.cell, accuracy))


class MadeUp(NASLibSearcher):
    optimizer: ClassVar[str] = "MadeUpEvolution"

    def _optimizer(self) -> Any:
        return MadeUpEvolution()


def made_up(optimizer: Any, seed: int = 0, **parameters: Any) -> NASLibSearcher:
    """Return a searcher around an optimizer at hand."""

    class Around(NASLibSearcher):
        def _optimizer(self) -> Any:
            return optimizer

    Around.optimizer = type(optimizer).__name__
    return Around(np.random.default_rng(seed), **parameters)


class TestMadeUp(SearcherContract):
    def create(self, seed: int) -> Searcher:
        return MadeUp(np.random.default_rng(seed))


class RealContract(SearcherContract):
    name: str
    parameters: ClassVar[dict[str, object]] = {}
    n_queries = 40
    n_quality_seeds = 5

    def create(self, seed: int) -> Searcher:
        return create(self.name, seed, **self.parameters)


@needs_naslib
class TestRandomSearch(RealContract):
    name = "naslib:rs"


@needs_naslib
class TestRegularizedEvolution(RealContract):
    name = "naslib:re"
    parameters: ClassVar[dict[str, object]] = {"population_size": 20}


@needs_naslib
class TestLocalSearch(RealContract):
    name = "naslib:ls"


@needs_naslib
@pytest.mark.slow
@pytest.mark.timeout(300)
class TestBananas(RealContract):
    name = "naslib:bananas"
    parameters: ClassVar[dict[str, object]] = {"predictor_type": "rf", "num_candidates": 20}
    n_queries = 16
    n_quality_seeds = 3


@needs_naslib
@pytest.mark.slow
@pytest.mark.timeout(300)
class TestNpenas(RealContract):
    name = "naslib:npenas"
    parameters: ClassVar[dict[str, object]] = {"num_candidates": 20}
    n_queries = 16
    n_quality_seeds = 3


def test_every_optimizer_is_under_contract() -> None:
    assert {cls.name for cls in RealContract.__subclasses__()} == set(NASLIB_SEARCHERS)


def test_no_query_is_spent_on_a_network_already_known() -> None:
    outcomes = list(search(MadeUp(np.random.default_rng(0)), Oracle("clean", landscape(), budget=150)))
    assert len({space.canonical(outcome.cell) for outcome in outcomes}) == len(outcomes) == 150


def test_it_is_told_what_it_asked_for_in_percent() -> None:
    optimizer = MadeUpEvolution()
    list(search(made_up(optimizer), Oracle("clean", landscape(), budget=60)))
    table = landscape().column(next(metric for metric in landscape().metrics if str(metric) == "clean"))
    assert len(optimizer.asked) >= 59
    for cell, accuracy in optimizer.asked:
        assert accuracy == pytest.approx(100 * table[cell.index])


def test_another_cell_of_a_known_network_is_answered_from_memory() -> None:
    """Evolution among few: it must come across spellings of networks that it knows."""
    optimizer = MadeUpEvolution(population=5)
    outcomes = list(search(made_up(optimizer), Oracle("clean", landscape(), budget=150)))
    asked = [cell for cell, _ in optimizer.asked]
    assert len(asked) > len(outcomes)
    assert set(asked) - {outcome.cell for outcome in outcomes}


class Stuck:
    """Asks for one network for ever."""

    cell = Cell.parse("#13433")

    def adapt_search_space(self, search_space: Any, dataset_api: Any = None) -> None:
        self.api = dataset_api

    def new_epoch(self, epoch: int) -> None:
        self.api["nb201_data"][self.cell.arch]


def test_one_that_repeats_itself_is_relieved_by_random_networks() -> None:
    outcomes = list(search(made_up(Stuck(), max_repeats=3), Oracle("clean", landscape(), budget=20)))
    assert outcomes[0].cell == Stuck.cell
    assert len({space.canonical(outcome.cell) for outcome in outcomes}) == 20


def test_the_end_of_the_space() -> None:
    outcomes = list(search(made_up(Stuck(), max_repeats=0), Oracle("clean", landscape(), budget=space.N_NETWORKS)))
    assert len(outcomes) == space.N_NETWORKS
    searcher = made_up(Stuck(), max_repeats=0)
    for _ in range(space.N_NETWORKS):
        searcher.ask()
    with pytest.raises(SearchStalled):
        searcher.ask()


def told(*utilities: float) -> list[float]:
    """Return what an optimizer hears of some utilities."""
    optimizer = MadeUpEvolution()
    searcher = made_up(optimizer)
    for utility in utilities:
        cell = searcher.ask()
        searcher.tell(Outcome(cell, (utility,), (utility,), 0.0, "table", False))
    searcher.ask()
    return [accuracy for _, accuracy in optimizer.asked]


def test_unknown_utilities_count_as_the_worst_known() -> None:
    nan = float("nan")
    assert told(0.5, 0.25, nan, 0.75, nan) == [50.0, 25.0, 25.0, 75.0, 25.0]
    assert told(nan, 0.5) == [0.0, 50.0]
    assert told(0.5, float("-inf")) == pytest.approx([50.0, 50.0], abs=1e-5)


def test_two_equal_beginnings_are_set_apart() -> None:
    first, second, third = told(0.5, 0.5, 0.5)
    assert first == third == 50.0
    assert 0 < second - first < 1e-5


class Failing:
    def adapt_search_space(self, search_space: Any, dataset_api: Any = None) -> None:
        self.api = dataset_api

    def new_epoch(self, epoch: int) -> None:
        self.api["nb201_data"][Stuck.cell.arch]
        raise ZeroDivisionError("by the spread")


def test_a_fault_of_naslib_says_whose_it_is() -> None:
    searcher = made_up(Failing())
    cell = searcher.ask()
    searcher.tell(Outcome(cell, (0.5,), (0.5,), 0.0, "table", False))
    with pytest.raises(SearchError, match="NASLib's Failing failed: ZeroDivisionError: by the spread"):
        searcher.ask()


def test_what_it_prints_is_dropped(capsys: pytest.CaptureFixture[str]) -> None:
    list(search(MadeUp(np.random.default_rng(0)), Oracle("clean", landscape(), budget=30)))
    assert capsys.readouterr().out == ""


def test_two_searchers_side_by_side_do_not_disturb_each_other() -> None:
    def trajectory(seed: int) -> list[Cell]:
        return [o.cell for o in search(MadeUp(np.random.default_rng(seed)), Oracle("clean", landscape(), budget=40))]

    runs = [search(MadeUp(np.random.default_rng(seed)), Oracle("clean", landscape(), budget=40)) for seed in (1, 2)]
    mixed = list(zip(*runs, strict=True))
    assert [first.cell for first, _ in mixed] == trajectory(1)
    assert [second.cell for _, second in mixed] == trajectory(2)


def test_loops_end_with_their_searchers() -> None:
    alive: list[weakref.ref[MadeUpEvolution]] = []
    for seed in range(5):
        optimizer = MadeUpEvolution()
        alive.append(weakref.ref(optimizer))
        list(search(made_up(optimizer, seed), Oracle("clean", landscape(), budget=12)))
    del optimizer
    gc.collect()
    assert [reference() for reference in alive] == [None] * 5


def test_one_openmp_thread_is_lent_and_given_back() -> None:
    seen: list[int] = []

    class Counting(MadeUpEvolution):
        def new_epoch(self, epoch: int) -> None:
            seen.extend(_openmp_threads())
            super().new_epoch(epoch)

    with threadpool_limits(limits=2, user_api="openmp"):
        list(search(made_up(Counting()), Oracle("clean", landscape(), budget=12)))
        assert set(seen) <= {1}
        assert set(_openmp_threads()) <= {2}


def _openmp_threads() -> list[int]:
    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "openmp"]


@pytest.mark.parametrize("name", sorted(NASLIB_SEARCHERS))
def test_without_naslib_the_error_says_how_to_install_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "location", lambda: None)
    with pytest.raises(MissingPackageError, match="git clone"):
        create(name, 0)


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("naslib:re", {"sample_size": 0}, "sample_size is 0; expected an integer from 1 to 1000000"),
        ("naslib:re", {"population": 3}, "'naslib:re': unknown parameter 'population'; did you mean 'population_size'"),
        ("naslib:ls", {"num_init": "two"}, "num_init is 'two'"),
        ("naslib:rs", {"max_repeats": -1}, "max_repeats is -1"),
        ("naslib:npenas", {"predictor_type": "xgboost"}, "unknown predictor_type 'xgboost'; did you mean 'xgb'"),
        ("naslib:bananas", {"acq_fn_type": "its2"}, "unknown acq_fn_type 'its2'; did you mean 'its'"),
        ("naslib:bananas", {"acq_fn_optimization": "x"}, "unknown acq_fn_optimization 'x'"),
        ("naslib:npenas", {"num_candidates": 1}, "num_candidates is 1; expected at least 2, num_arches_to_mutate"),
        ("naslib:re", {"n_objectives": 2}, "one objective"),
    ],
)
def test_bad_parameters(name: str, parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        create(name, 0, **parameters)


def test_an_unknown_name_offers_the_nearest() -> None:
    with pytest.raises(InvalidInputError, match="unknown searcher 'naslib:ree'; did you mean 'naslib:re'"):
        create("naslib:ree", 0)


@needs_naslib
@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("name", "parameters", "n_queries"),
    [
        ("naslib:rs", {}, 10),
        ("naslib:re", {"population_size": 5}, 12),
        ("naslib:ls", {"num_init": 2}, 15),
        ("naslib:bananas", {"predictor_type": "rf", "num_init": 4, "k": 2, "num_candidates": 10}, 8),
        ("naslib:npenas", {"predictor_type": "gpwl", "num_init": 4, "k": 2, "num_candidates": 10}, 8),
    ],
)
def test_the_queries_are_those_on_naslibs_own_space(name: str, parameters: dict[str, Any], n_queries: int) -> None:
    """The same seed, on NASLib's search space of torch networks, some hundred times slower."""

    class OnItsOwn(NASLIB_SEARCHERS[name]):  # type: ignore[misc]
        def _space(self) -> Any:
            return load("search_spaces").NasBench201SearchSpace()

    load("optimizers")
    found = []
    for kind in (NASLIB_SEARCHERS[name], OnItsOwn):
        outcomes = search(kind(np.random.default_rng(5), **parameters), Oracle("clean", landscape(), budget=n_queries))
        found.append([outcome.cell for outcome in outcomes])
    assert found[0] == found[1]


@needs_naslib
@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("acquisition", ["its", "ucb", "ei", "exploit_only"])
@pytest.mark.parametrize("candidates", ["mutation", "random_sampling"])
def test_every_choice_of_bananas(acquisition: str, candidates: str) -> None:
    parameters = {"predictor_type": "rf", "num_candidates": 10, "k": 2, "num_ensemble": 2}
    searcher = create("naslib:bananas", 0, acq_fn_type=acquisition, acq_fn_optimization=candidates, **parameters)
    assert len(list(search(searcher, Oracle("clean", landscape(), budget=25)))) == 25
