"""Initial designs of model-based searches: networks far apart, chosen before any outcome is known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from robustnas.arrays import FloatArray, IntArray
from surrogates.incremental_gp import Distances

_DECIMALS = 9  # equal distances are ties on any machine


class SpaceFilling:
    """Finds the row farthest from those chosen, which may be any and grow from call to call.

    Args:
        distances: Between candidates, one per group of features, each scaled so that Euclidean distance is meaningful.
    """

    def __init__(self, distances: Sequence[Distances]) -> None:
        self._distances = distances
        self._nearest = np.full(len(distances[0].group), np.inf)
        self._n = 0

    def farthest(self, chosen: Sequence[int], allowed: IntArray, rng: np.random.Generator) -> int:
        """Return the allowed row farthest from those chosen; ties are broken at random.

        Args:
            chosen: Rows, those of the previous call first.
            allowed: Rows to choose from.
            rng: Breaks ties.
        """
        for row in chosen[self._n :]:
            away = sum(distances.row(row) for distances in self._distances)
            self._nearest = np.minimum(self._nearest, away)
        self._n = len(chosen)
        distance = np.round(self._nearest[allowed], _DECIMALS)
        return int(allowed[rng.choice(np.flatnonzero(distance == distance.max()))])


def maximin(features: FloatArray, n: int, rng: np.random.Generator) -> list[int]:
    """Return a farthest-point design: a random row first, then repeatedly the row farthest from those chosen.

    A greedy 2-approximation of the maximin distance design (Gonzalez 1985; Johnson, Moore and Ylvisaker 1990).

    Args:
        features: Shape (n_candidates, n_features), scaled so that Euclidean distance is meaningful.
        n: Number of rows, at most n_candidates.
        rng: Draws the first row and breaks ties.

    >>> design = maximin(np.array([[0.0], [0.1], [1.0]]), 2, np.random.default_rng(0))
    >>> 2 in design
    True
    """
    chosen = [int(rng.integers(len(features)))]
    nearest = np.full(len(features), np.inf)
    while len(chosen) < n:
        nearest = np.minimum(nearest, ((features - features[chosen[-1]]) ** 2).sum(axis=1))
        nearest[chosen] = -1.0
        chosen.append(int(rng.choice(np.flatnonzero(nearest == nearest.max()))))
    return chosen
