"""Candidates of a space that is too large to be enumerated: drawn anew for every query, near the best and anywhere.

As in SMAC (Hutter, Hoos and Leyton-Brown, LION 2011) and BANANAS (White, Neiswanger and Savani, AAAI 2021): mutants of
the best networks so far, one or a few choices away, for an acquisition function that improves on them, and random
architectures, without which the model would never be told that it is wrong elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from robustnas.spaces import ChoiceSpace, EnumerableSpace, ListedSpace
from searchers.candidate_features import CandidateFeatures

_N_FIRST, _N_RANDOM, _N_MUTANTS = 2000, 500, 1500
_TRIES = 20  # draws per architecture: where fewer are valid, others are found by mutation
_STAYS = 0.5  # the probability that a mutant is mutated no further
_FAR = 10  # mutations that lead to one that is as good as random


class CandidatePool:
    """Lists of candidates, each beginning with the networks that were proposed, in their order.

    Args:
        space: The space, not enumerated.
        encodings: What the features of candidates are; see `CandidateFeatures`.
        rng: Draws the candidates.

    Attributes:
        whole: The space.
        space: The present list; at first, of random architectures.
        features: Those of the list, on the scale of the first one.
        proposed: Architectures of the networks proposed so far.
    """

    def __init__(self, space: EnumerableSpace[Any], encodings: str, rng: np.random.Generator) -> None:
        assert isinstance(space, ChoiceSpace)
        self.whole, self._encodings, self._rng = space, encodings, rng
        self.space = ListedSpace(space, self._anywhere(_N_FIRST))
        self._scale = self.features = CandidateFeatures(encodings, self.space)
        self.proposed: list[Any] = []

    def network(self, architecture: Any) -> int:
        """Return what tells the network of an architecture apart, in any list."""
        return self.whole.canonical_list()[self.whole.index(architecture)]

    def row(self, architecture: Any) -> int:
        """Return the row of an architecture's network in the list; -1 if it is not there."""
        return int(self.space.network_of_index()[self.space.index(architecture)]) if architecture in self.space else -1

    def renew(self, parents: Sequence[Any], *, anywhere: bool) -> None:
        """Draw other candidates.

        Args:
            parents: Architectures to mutate.
            anywhere: Whether to add random ones.
        """
        mutants = [self._mutant(parents[i % len(parents)]) for i in range(_N_MUTANTS if parents else 0)]
        others = self._anywhere(_N_RANDOM) if anywhere or not parents else []
        self.space = ListedSpace(self.whole, [*self.proposed, *mutants, *others])
        self.features = CandidateFeatures(self._encodings, self.space, self._scale)

    def _anywhere(self, n: int) -> list[Any]:
        """Return random architectures; where few are valid, some that are far from each other by mutations instead."""
        found = self.whole.samples(self._rng, n, _TRIES * n)
        while len(found) < n:
            found.append(found[int(self._rng.integers(len(found)))])
            for _ in range(_FAR):
                found[-1] = self.whole.mutate(found[-1], self._rng)
        return found

    def _mutant(self, parent: Any) -> Any:
        for _ in range(int(self._rng.geometric(_STAYS))):
            parent = self.whole.mutate(parent, self._rng)
        return parent
