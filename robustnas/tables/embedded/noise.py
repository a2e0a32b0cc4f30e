"""The noise model: what another training of a network would have scored.

It is Gaussian on standardised logits: a standard deviation per metric, whose logarithm is piecewise linear in the
prediction, and a few factors that metrics share, since a network that is unlucky under PGD is unlucky under APGD too.
All of it is estimated from functional twins, which the database trained separately.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from robustnas.arrays import FloatArray

LEVELS = (-2.0, 4.0)
"""Standardised predictions are cut to this range before they set a deviation."""

BEND = 1.0
"""The standardised prediction from which on the logarithm of a deviation has another slope."""


class NoiseModel(NamedTuple):
    """The parameters of the noise of m metrics with r factors.

    Attributes:
        log_std: Logarithm of the standard deviation at a standardised prediction of 0, (m,).
        slope: Its change per unit of the standardised prediction, (m,).
        bend: What is added to the slope above `BEND`, (m,).
        loadings: Correlation of each metric's noise with each factor, (m, r); the rest of a metric's noise is its own.
    """

    log_std: FloatArray
    slope: FloatArray
    bend: FloatArray
    loadings: FloatArray

    def std(self, predictions: FloatArray) -> FloatArray:
        """Return standard deviations in standardised logits, in the shape of the predictions, (n, m)."""
        levels = np.clip(predictions, *LEVELS)
        return np.asarray(np.exp(self.log_std + self.slope * levels + self.bend * np.maximum(levels - BEND, 0)))

    def correlation(self) -> FloatArray:
        """Return the correlations between the metrics' noise, shape (m, m)."""
        matrix: FloatArray = self.loadings @ self.loadings.T
        np.fill_diagonal(matrix, 1.0)
        return matrix

    def draw(self, predictions: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Draw the noise of n independent trainings, in the shape of the predictions, (n, m)."""
        n, (m, r) = len(predictions), self.loadings.shape
        own = np.sqrt(np.maximum(1 - (self.loadings**2).sum(axis=1), 0))
        shared = rng.standard_normal((n, r)) @ self.loadings.T
        noise: FloatArray = self.std(predictions) * (shared + own * rng.standard_normal((n, m)))
        return noise
