"""The belief of searchers guided by trees: a Gaussian process over the trees' leaves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from robustnas.arrays import FloatArray
from searchers.belief import Belief
from surrogates.leaf_kernel import LeafPosterior

if TYPE_CHECKING:
    from surrogates import TreeSurrogate

_REFIT_GROWTH = 1.2  # new trees only after the data has grown by a fifth; in between, the posterior is updated
_SMALLEST_STD = 1e-6


class LeafBelief(Belief):
    """A Gaussian process over the leaves of trees, which are grown anew whenever the data has grown by a fifth.

    The surrogates' own deviation is that of an observation, training noise included: the size of residuals at similar
    predicted values, which is largest among bad networks. An upper confidence bound of it asks for these. The process
    over the leaves knows what was observed nearby instead, and takes every observation into account at once.

    Args:
        make: Builds the trees from a seed.
        features: Shape (n_networks, n_features).
        rng: Seeds the trees.
    """

    def __init__(self, make: Callable[[int], TreeSurrogate], features: FloatArray, rng: np.random.Generator) -> None:
        self._make = make
        self._features = features
        self._rng = rng
        self._next_fit = 0
        self._posterior: LeafPosterior | None = None
        self._mean, self._std = np.zeros(len(features)), np.ones(len(features))

    def update(self, rows: Sequence[int], values: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Grow new trees if due, then add the rows that the posterior does not hold yet one by one."""
        believed = np.where(np.isnan(values), self._mean[list(rows)], values)
        if self._posterior is None or len(rows) >= self._next_fit:
            self._next_fit = max(len(rows) + 1, int(_REFIT_GROWTH * len(rows)))
            known = ~np.isnan(values)
            trees = self._make(int(self._rng.integers(2**31))).fit(self._features[np.array(rows)[known]], values[known])
            self._posterior = LeafPosterior(trees.leaves(self._features), rows, believed)
        for row in rows[len(self._posterior.points) :]:
            self._posterior.add(row)
        mean, std = self._posterior.predict(believed)
        self._mean, self._std = mean, np.maximum(std, _SMALLEST_STD)
        return self._mean, self._std

    def draw(self, rng: np.random.Generator) -> FloatArray:
        """Draw every network independently."""
        return np.asarray(self._mean + self._std * rng.standard_normal(len(self._mean)))
