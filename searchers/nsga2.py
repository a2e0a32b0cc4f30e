"""NSGA-II (Deb, Pratap, Agarwal and Meyarivan, IEEE TEVC 2002)."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from robustnas.arrays import FloatArray, IntArray
from robustnas.checks import whole_number
from robustnas.oracle import Outcome
from robustnas.pareto import pareto_ranks
from searchers.base import LARGEST_COUNT, Searcher, UnseenNetworks
from searchers.violation import Violation

_WORST = -1e300  # stands for an unknown utility; finite, so that differences stay defined


class NSGA2(Searcher):
    """Selects by non-dominated rank and crowding distance; varies by uniform crossover and mutation of one choice.

    If a child is a network already proposed, another one is drawn: no query is spent on a repeat. Under constraints,
    feasible members come first, then those that violate them less (`searchers.violation`).

    Args:
        rng: The only source of randomness.
        population_size: Size of the population; the search starts with as many random, distinct networks.
        problem: `space` and `n_objectives`, as in `Searcher`; with one objective, it is an elitist genetic algorithm.
    """

    multi_objective: ClassVar[bool] = True

    def __init__(self, rng: np.random.Generator, *, population_size: int = 30, **problem: Any) -> None:
        super().__init__(rng, **problem)
        self.population_size = whole_number("population_size", population_size, at_least=2, at_most=LARGEST_COUNT)
        self._unseen = UnseenNetworks(rng, self.space)
        self._n_random = 0
        self._architectures: list[Any] = []
        self._choices = self.space.choices
        self._utilities: list[tuple[float, ...]] = []
        self._slacks: list[tuple[float, ...]] = []
        self._violation = Violation()
        self._order = np.empty(0, dtype=np.int64)

    def ask(self) -> Any:
        """Return a random network until the population is full, then a child of two tournament winners."""
        if self._n_random < self.population_size or len(self._architectures) < 2:
            self._n_random += 1
            return self._unseen.draw()
        for _ in range(self.population_size):
            child = self._mutated(self._crossed(self._parent(), self._parent()))
            if child in self.space and self._unseen.add(child):
                return child
        return self._unseen.draw()

    def tell(self, outcome: Outcome) -> None:
        """Add the outcome, and remove the worst member by rank and crowding distance."""
        self._unseen.add(outcome.cell)
        self._architectures.append(outcome.cell)
        self._utilities.append(outcome.signed)
        self._slacks.append(outcome.slacks)
        self._violation.add(outcome.slacks)
        known = np.nan_to_num(np.array(self._utilities), nan=_WORST)
        self._order = survival_order(known, np.array([self._violation.of(slacks) for slacks in self._slacks]))
        if len(self._architectures) > self.population_size:
            worst = int(self._order[-1])
            del self._architectures[worst], self._utilities[worst], self._slacks[worst]
            kept = self._order[:-1]
            self._order = kept - (kept > worst)

    def _parent(self) -> Any:
        """Return the better of two random members: `_order` lists members from best to worst."""
        return self._architectures[int(self._order[self.rng.integers(len(self._order), size=2).min()])]

    def _crossed(self, first: Any, second: Any) -> Any:
        takes_first = (self.rng.random(len(self._choices)) < 0.5).tolist()
        one, other = self.space.choices_of(first), self.space.choices_of(second)
        names = zip(self._choices, takes_first, strict=True)
        return self.space.from_choices({name: (one if taken else other)[name] for name, taken in names})

    def _mutated(self, architecture: Any) -> Any:
        return self.space.mutate(architecture, self.rng)


def survival_order(utilities: FloatArray, violations: FloatArray | None = None) -> IntArray:
    """Return rows from best to worst: by non-dominated rank, then by crowding distance, larger first.

    Those that violate constraints come last, by how much they do.

    Args:
        utilities: Shape (n, n_objectives), larger is better, no NaN.
        violations: Shape (n,), 0 where the constraints are satisfied; nowhere violated if None.

    >>> survival_order(np.array([[0.0, 0.0], [1.0, 0.0], [0.5, 0.5], [0.0, 1.0]])).tolist()[-1]
    0
    >>> survival_order(np.array([[0.0, 0.0], [1.0, 0.0]]), np.array([0.0, 0.5])).tolist()
    [0, 1]
    """
    rank = pareto_ranks(utilities)
    if violations is not None and violations.any():
        rank = _constrained_ranks(utilities, violations)
    crowding = np.empty(len(utilities))
    for value in np.unique(rank):
        members = np.flatnonzero(rank == value)
        crowding[members] = _crowding(utilities[members])
    return np.lexsort((-crowding, rank)).astype(np.int64)


def _constrained_ranks(utilities: FloatArray, violations: FloatArray) -> IntArray:
    """Return the ranks of feasible rows among themselves, then one for every amount of violation."""
    feasible = violations == 0
    rank = np.empty(len(utilities), dtype=np.int64)
    rank[feasible] = pareto_ranks(utilities[feasible]) if feasible.any() else 0
    _, rank[~feasible] = np.unique(violations[~feasible], return_inverse=True)
    rank[~feasible] += len(utilities)  # more than there are ranks of feasible rows
    return rank


def _crowding(utilities: FloatArray) -> FloatArray:
    distance = np.zeros(len(utilities))
    for values in utilities.T:
        order = np.argsort(values, kind="stable")
        ordered = values[order]
        span = ordered[-1] - ordered[0]
        distance[order[[0, -1]]] = np.inf
        if span > 0:
            distance[order[1:-1]] += (ordered[2:] - ordered[:-2]) / span
    return distance
