"""The belief of searchers guided by trees: a Gaussian process over the trees' leaves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from robustnas.arrays import FloatArray
from searchers.belief import RegressorBelief
from surrogates.leaf_kernel import LeafPosterior

if TYPE_CHECKING:
    from surrogates import TreeSurrogate


class LeafBelief(RegressorBelief):
    """A Gaussian process over the leaves of trees, which are grown anew whenever the data has grown by a fifth.

    The surrogates' own deviation is that of an observation, training noise included: the size of residuals at similar
    predicted values, which is largest among bad networks. An upper confidence bound of it asks for these. The process
    over the leaves knows what was observed nearby instead, and takes every observation into account at once.

    Args:
        make: Builds the trees from a seed.
        features: Shape (n_networks, n_features).
        rng: Seeds the trees.
    """

    growth: ClassVar[float] = 1.2  # in between, the posterior is updated

    def __init__(self, make: Callable[[int], TreeSurrogate], features: FloatArray, rng: np.random.Generator) -> None:
        super().__init__(make, features, rng)
        self._posterior: LeafPosterior | None = None

    def _predict_moved(self) -> None:
        self._posterior = None  # made anew of the leaves of the networks that there are now

    def update(self, rows: Sequence[int], values: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Grow new trees if due, then add the rows that the posterior does not hold yet one by one."""
        believed = np.where(np.isnan(values), self._mean[list(rows)], values)
        if self._posterior is None or self._is_due(rows):
            trees = self._fitted(rows, values) if self._model is None or self._is_due(rows) else self._model
            self._posterior = LeafPosterior(trees.leaves(self._features), rows, believed)
        for row in rows[len(self._posterior.points) :]:
            self._posterior.add(row)
        self._set(*self._posterior.predict(believed))
        return self._mean, self._std
