"""Random search (Bergstra and Bengio, JMLR 2012) without replacement over canonical networks."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from robustnas.oracle import Outcome
from searchers.base import Searcher, UnseenNetworks


class RandomSearch(Searcher):
    """Proposes every network once, in uniformly random order; samples a space that is too large to be enumerated.

    >>> searcher = RandomSearch(np.random.default_rng(0))
    >>> searcher.ask() != searcher.ask()
    True
    """

    multi_objective: ClassVar[bool] = True

    def __init__(self, rng: np.random.Generator, **problem: Any) -> None:
        super().__init__(rng, **problem)
        self._unseen = UnseenNetworks(
            rng, self.space, self.space.network_indices() if self.space.is_enumerated else None
        )

    def ask(self) -> Any:
        """Return a network that was not proposed before."""
        return self._unseen.draw()

    def tell(self, outcome: Outcome) -> None:
        """Exclude the outcome's network from further proposals."""
        self._unseen.add(outcome.cell)
