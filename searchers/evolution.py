"""Regularized evolution (Real, Aggarwal, Huang and Le, AAAI 2019, algorithm 1)."""

from __future__ import annotations

from collections import deque
from typing import Any, NamedTuple

import numpy as np

from robustnas.checks import whole_number
from robustnas.oracle import Outcome
from searchers.base import LARGEST_COUNT, Searcher, UnseenNetworks
from searchers.violation import Violation

_MUTANTS = 50  # of one parent, before another one is chosen; in spaces that are not enumerated


class _Member(NamedTuple):
    architecture: int
    slacks: tuple[float, ...]
    utility: float


class RegularizedEvolution(Searcher):
    """Mutates the winner of a tournament; the oldest member of the population is removed, however good it is.

    If a mutation leads to a network already proposed, another one is drawn: no query is spent on a repeat. Under
    constraints, tournaments go by `searchers.violation`.

    Args:
        rng: The only source of randomness.
        population_size: Size of the population; the search starts with as many random, distinct networks.
        tournament_size: Members drawn, without replacement, for each tournament.
        problem: `space` and `n_objectives` (1), as in `Searcher`.

    Raises:
        InvalidInputError: A size is not a positive integer.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        *,
        population_size: int = 30,
        tournament_size: int = 10,
        **problem: Any,
    ) -> None:
        super().__init__(rng, **problem)
        self.population_size = whole_number("population_size", population_size, at_least=1, at_most=LARGEST_COUNT)
        self.tournament_size = whole_number("tournament_size", tournament_size, at_least=1, at_most=LARGEST_COUNT)
        self._population: deque[_Member] = deque(maxlen=self.population_size)
        self._unseen = UnseenNetworks(rng, self.space)
        self._n_random = 0
        self._violation = Violation()

    def ask(self) -> Any:
        """Return a random network until the population is full, then a mutated tournament winner."""
        if self._n_random < self.population_size or not self._population:
            self._n_random += 1
            return self._unseen.draw()
        for _ in range(self.population_size):
            child = self._mutant(self._tournament())
            if child is not None:
                return child
        return self._unseen.draw()

    def tell(self, outcome: Outcome) -> None:
        """Add the outcome to the population, and remove the oldest member if it is full."""
        self._unseen.add(outcome.cell)
        self._violation.add(outcome.slacks)
        self._population.append(_Member(self.space.index(outcome.cell), outcome.slacks, outcome.signed[0]))

    def _tournament(self) -> int:
        drawn = self.rng.permutation(len(self._population))[: self.tournament_size].tolist()
        members = [self._population[i] for i in drawn]
        return max(members, key=lambda member: self._violation.rank(member.slacks, member.utility)).architecture

    def _mutant(self, parent: int) -> Any | None:
        """Return a random neighbour whose network was not proposed before, or None if there is none."""
        if not self.space.is_enumerated:  # neighbours may be thousands
            architecture = self.space.architecture(parent)
            mutants = (self.space.mutate(architecture, self.rng) for _ in range(_MUTANTS))
            return next((mutant for mutant in mutants if self._unseen.add(mutant)), None)
        neighbours = self.space.neighbour_lists()[parent]
        for i in self.rng.permutation(len(neighbours)).tolist():
            child = self.space.architecture(neighbours[i])
            if self._unseen.add(child):
                return child
        return None
