"""The contract that every searcher must satisfy, as a test class for pytest. Subclass it to test your own searcher.

::

    from searchers.testing import SearcherContract

    class TestMySearcher(SearcherContract):
        def create(self, seed):
            return MySearcher(np.random.default_rng(seed))

The class must be importable by its module's name, because one test runs it in a spawned process.
"""

from __future__ import annotations

import math
import multiprocessing
import random
from abc import ABC, abstractmethod
from functools import cache
from multiprocessing.queues import SimpleQueue
from typing import Any

import numpy as np

from robustnas.arrays import FloatArray
from robustnas.oracle import Oracle, Outcome
from robustnas.spaces import DEFAULT_SPACE, EnumerableSpace, open_space
from robustnas.tables.array_table import ArrayTable
from robustnas.tables.function_table import function_table
from robustnas.tables.table import Table
from robustnas.workers import replaced_environment
from searchers.base import Searcher, search
from searchers.random_search import RandomSearch


def landscape(space_name: str = DEFAULT_SPACE) -> Table:
    """Return a synthetic table over a space whose two metrics reward certain options, alone and in pairs."""
    space = open_space(space_name)
    return _landscape_over(space_name) if space.is_enumerated else _sampled_landscape(space)


_METRICS = ("clean", "pgd@1")


@cache
def _landscape_over(space_name: str) -> ArrayTable:
    rng, space = np.random.default_rng(2023), open_space(space_name)
    codes = space.codes()
    n_choices, n_options = codes.shape[1], max(map(len, space.choices.values()))
    values = np.zeros((2, space.size))
    for effects in values:
        single = rng.normal(size=(n_choices, n_options))
        pairs = rng.normal(scale=0.5, size=(n_choices, n_choices, n_options, n_options))
        for i in range(n_choices):
            effects += single[i, codes[:, i]]
            for j in range(i):
                effects += pairs[i, j, codes[:, i], codes[:, j]]
    values = (values - values.min(axis=1, keepdims=True)) / np.ptp(values, axis=1, keepdims=True)
    per_network = values[:, space.canonical_list()]
    return ArrayTable({"clean": per_network[0], "pgd@1": per_network[1]}, "made-up", space=space)


def _sampled_landscape(space: EnumerableSpace[Any]) -> Table:
    """Return a landscape over a space that is not enumerated; the pairs are of choices beside each other."""
    rng, n = np.random.default_rng(2023), len(space.choices)
    n_options = max(map(len, space.choices.values()))
    single, pairs = rng.normal(size=(2, n, n_options)), rng.normal(scale=0.5, size=(2, n, n_options, n_options))

    def measured(architecture: Any) -> dict[str, float]:
        own = space.choices_of(space.canonical(architecture))
        places = [options.index(own[name]) for name, options in space.choices.items()]
        effects = single[:, range(n), places].sum(axis=1)
        effects += pairs[:, range(1, n), places[1:], places[:-1]].sum(axis=1)
        clean, robust = 1 / (1 + np.exp(-effects / (2 * np.sqrt(n))))
        return {"clean": float(clean), "pgd@1": float(robust)}

    return function_table(measured, space, _METRICS)


class SearcherContract(ABC):
    """The requirements on a search strategy. Lower the counts for a slow one.

    Attributes:
        space_name: The search space, a name or a reference; `create` has to give it to the searcher.
        objective: The objectives on the synthetic landscape: ``clean``, or ``clean, pgd@1``.
        n_queries: Distinct networks per search.
        n_quality_seeds: Number of searches averaged in the comparison with random search.
    """

    space_name: str = DEFAULT_SPACE
    objective: str = "clean"
    n_queries: int = 60
    n_quality_seeds: int = 10

    @abstractmethod
    def create(self, seed: int) -> Searcher:
        """Return a fresh searcher."""

    def test_same_seed_gives_the_same_trajectory(self) -> None:
        """A seed fixes a run."""
        assert self._trajectory(1) == self._trajectory(1)

    def test_other_seed_gives_another_trajectory(self) -> None:
        """The seed is used."""
        assert self._trajectory(1) != self._trajectory(2)

    def test_same_trajectory_in_a_spawned_process_with_another_hash_seed(self) -> None:
        """Nothing depends on the process: neither hash order nor leftover state."""
        context = multiprocessing.get_context("spawn")
        queue: SimpleQueue[list[int]] = context.SimpleQueue()
        with replaced_environment(PYTHONHASHSEED="4711"):
            process = context.Process(target=self._send_trajectory, args=(queue,))
            process.start()
        process.join()
        assert process.exitcode == 0, "the spawned process failed; the class must be importable by its module's name"
        assert queue.get() == self._trajectory(3)

    def test_global_random_state_is_untouched(self) -> None:
        """All randomness comes from the generator passed in."""
        self._trajectory(4)  # libraries may draw random numbers when they are first imported
        before = random.getstate(), np.random.get_state()[1].tolist()  # type: ignore[index]  # noqa: NPY002
        self._trajectory(4)
        after = random.getstate(), np.random.get_state()[1].tolist()  # type: ignore[index]  # noqa: NPY002
        assert before == after

    def test_several_asks_before_a_tell(self) -> None:
        """A batch of proposals may be pending, and be answered in any order."""
        searcher, oracle = self.create(5), self._oracle(self.n_queries)
        while oracle.remaining >= 4:
            cells = [searcher.ask() for _ in range(4)]
            for cell in reversed(cells):
                searcher.tell(oracle.query(cell))
        assert oracle.n_queries > self.n_queries // 2

    def test_outcomes_that_were_not_asked_for_are_accepted(self) -> None:
        """Outcomes from elsewhere are accepted, even before the first ask."""
        searcher, oracle = self.create(6), self._oracle(self.n_queries)
        for architecture in _some_architectures(self._landscape.space.reachable):
            searcher.tell(oracle.query(architecture))
        assert len(list(search(searcher, oracle))) >= self.n_queries - 3

    def test_constant_scores(self) -> None:
        """A flat landscape does not stop the search."""
        assert len(self._distinct(self._flat(0.5))) == self.n_queries

    def test_unknown_scores(self) -> None:
        """NaN scores do not stop the search."""
        assert len(self._distinct(self._flat(float("nan")))) == self.n_queries

    def test_some_unknown_scores(self) -> None:
        """With half of the networks unmeasured, the search continues with the others."""
        space, table = self._landscape.space.reachable, self._landscape
        if not space.is_enumerated:
            number = {0: math.nan, 1: 0.5}
            half = function_table(lambda one: dict.fromkeys(_METRICS, number[space.uid(one) % 2]), space, _METRICS)
            assert len(self._distinct(half)) == self.n_queries
            return
        columns = {str(metric): table.column(metric).copy() for metric in table.metrics}
        for values in columns.values():
            values[np.array(space.canonical_list()) % 2 == 0] = np.nan
        assert len(self._distinct(ArrayTable(columns, space=space))) == self.n_queries

    def test_no_worse_than_random_search(self) -> None:
        """The mean over seeds is no worse than that of random search minus two standard errors."""
        ours = [self._quality(self.create(seed)) for seed in range(self.n_quality_seeds)]
        problem: dict[str, Any] = {
            "space": self._landscape.space.reachable,
            "n_objectives": len(self.objective.split(",")),
        }
        theirs = [
            self._quality(RandomSearch(np.random.default_rng(seed), **problem))
            for seed in range(10 * self.n_quality_seeds)
        ]
        margin = 2 * np.std(theirs) / np.sqrt(self.n_quality_seeds)
        assert np.mean(ours) >= np.mean(theirs) - margin

    @property
    def _landscape(self) -> Table:
        return landscape(self.space_name)

    def _oracle(self, budget: int, table: Table | None = None) -> Oracle:
        return Oracle(self.objective, table or self._landscape, budget=budget)

    def _trajectory(self, seed: int) -> list[int]:
        outcomes = search(self.create(seed), self._oracle(self.n_queries))
        return [self._landscape.space.reachable.index(outcome.cell) for outcome in outcomes]

    def _send_trajectory(self, queue: SimpleQueue[list[int]]) -> None:
        queue.put(self._trajectory(3))

    def _distinct(self, table: Table) -> list[Outcome]:
        outcomes = search(self.create(7), self._oracle(self.n_queries, table))
        return [outcome for outcome in outcomes if not outcome.repeat]

    def _flat(self, value: float) -> Table:
        space = self._landscape.space.reachable
        if not space.is_enumerated:
            return function_table(lambda _: dict.fromkeys(_METRICS, value), space, _METRICS)
        flat: FloatArray = np.full(space.size, value)
        return ArrayTable({"clean": flat, "pgd@1": flat}, space=space)

    def _quality(self, searcher: Searcher) -> float:
        """Return the best mean utility found: a score for one objective, a compromise for several."""
        return max(float(np.mean(outcome.utilities)) for outcome in search(searcher, self._oracle(self.n_queries)))


def _some_architectures(space: EnumerableSpace[Any]) -> list[Any]:
    if not space.is_enumerated:
        rng = np.random.default_rng(0)
        return [space.sample(rng) for _ in range(3)]
    return [space.architecture(index) for index in (0, space.size // 2, space.size - 1)]
