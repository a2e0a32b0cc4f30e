"""Local search with restarts, as studied for NAS by White, Nolen and Savani (UAI 2021)."""

from __future__ import annotations

from typing import Any

import numpy as np

from robustnas.errors import InvalidInputError, excerpt
from robustnas.oracle import Outcome
from searchers.base import Searcher, UnseenNetworks
from searchers.violation import WORST, Rank, Violation


class LocalSearch(Searcher):
    """Moves from a random network to its best neighbour until none is better, then restarts at random.

    Networks already seen are not proposed again: their scores are remembered. Under constraints, what is better goes by
    `searchers.violation`.

    Args:
        rng: The only source of randomness.
        first_improvement: Whether to move to the first better neighbour instead of the best one.
        problem: `space` and `n_objectives` (1), as in `Searcher`.

    Raises:
        InvalidInputError: `first_improvement` is not a boolean.
    """

    def __init__(self, rng: np.random.Generator, *, first_improvement: bool = False, **problem: Any) -> None:
        super().__init__(rng, **problem)
        if not isinstance(first_improvement, bool):
            raise InvalidInputError(f"first_improvement is {excerpt(first_improvement)}; expected true or false")
        self.first_improvement = first_improvement
        self._unseen = UnseenNetworks(rng, self.space)
        self._canonical, self._neighbours = self.space.canonical_list(), self.space.neighbour_lists()
        self._told: dict[int, tuple[tuple[float, ...], float]] = {}
        self._violation = Violation()
        self._pending: set[int] = set()
        self._start: int | None = None
        self._centre: int | None = None
        self._to_visit: list[int] = []

    def ask(self) -> Any:
        """Return the next neighbour, the next restart, or (while outcomes are pending) a random network."""
        while True:
            while self._to_visit:
                architecture = self.space.architecture(self._to_visit.pop())
                if self._unseen.add(architecture):
                    return self._proposed(architecture)
            if self._pending:
                return self._proposed(self._unseen.draw())
            if self._centre is None:
                return self._restart()
            self._climb(self._centre)

    def tell(self, outcome: Outcome) -> None:
        """Record the score; move at once to the network of a restart or, in first-improvement mode, to a better one."""
        network = self._canonical[self.space.index(outcome.cell)]
        self._unseen.add(outcome.cell)
        self._pending.discard(network)
        self._violation.add(outcome.slacks)
        self._told[network] = outcome.slacks, outcome.signed[0]
        if network == self._start or (self.first_improvement and self._is_better(network)):
            self._move_to(network)

    def _proposed(self, architecture: Any) -> Any:
        self._pending.add(self._canonical[self.space.index(architecture)])
        return architecture

    def _restart(self) -> Any:
        architecture = self._unseen.draw()
        self._start = self._canonical[self.space.index(architecture)]
        return self._proposed(architecture)

    def _climb(self, centre: int) -> None:
        """Move to the best neighbour, or leave a local optimum."""
        networks = [self._canonical[index] for index in self._neighbours[centre]]
        best = max(networks, key=self._rank, default=centre)
        if self._is_better(best):
            self._move_to(best)
        else:
            self._centre = None

    def _is_better(self, network: int) -> bool:
        return self._centre is not None and self._rank(network) > self._rank(self._centre)

    def _rank(self, network: int) -> Rank:
        return self._violation.rank(*self._told[network]) if network in self._told else WORST

    def _move_to(self, network: int) -> None:
        self._start, self._centre = None, network
        self._to_visit = self.rng.permutation(self._neighbours[network]).tolist()
