"""Random search (Bergstra and Bengio, JMLR 2012) without replacement over canonical networks."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from robustnas.oracle import Outcome
from robustnas.spaces.nasbench201 import space
from robustnas.spaces.nasbench201.cell import Cell
from searchers.base import Searcher, UnseenNetworks


class RandomSearch(Searcher):
    """Proposes the 6,466 networks in uniformly random order, each once.

    >>> searcher = RandomSearch(np.random.default_rng(0))
    >>> searcher.ask() != searcher.ask()
    True
    """

    multi_objective: ClassVar[bool] = True

    def __init__(self, rng: np.random.Generator, *, n_objectives: int = 1) -> None:
        super().__init__(rng, n_objectives=n_objectives)
        self._unseen = UnseenNetworks(rng, space.network_indices())

    def ask(self) -> Cell:
        """Return a network that was not proposed before."""
        return self._unseen.draw()

    def tell(self, outcome: Outcome) -> None:
        """Leave out the outcome's network from now on."""
        self._unseen.add(outcome.cell)
