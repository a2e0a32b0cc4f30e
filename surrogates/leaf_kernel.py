"""A Gaussian process over the leaves of trees, updated one observation at a time.

An ensemble of trees says which candidates are alike: its kernel is the share of trees in which two of them fall into
the same leaf (Breiman 2000; Davies and Ghahramani 2014, "The random forest kernel"). A Gaussian process with this
kernel weights the leaves anew, as linear models on boosted leaves do (He et al. 2014), and it knows what trees do not:
how much is known of a candidate. Its deviation falls where observations are and stays high where none are, and a new
observation costs no new trees.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.linalg import solve_triangular

from robustnas.arrays import FloatArray, IntArray
from surrogates.triangular import solve_lower

_NOISES = np.geomspace(0.01, 3.0, 16)  # variances of the noise to choose from, in units of the function's variance
_LOG_NOISE, _LOG_NOISE_STD = math.log(0.15), 1.0  # prior on its logarithm: few observations cannot tell it
_SMALLEST_VARIANCE = 1e-10


class LeafPosterior:
    """Exact posterior over all candidates, one row of the Cholesky factor per new observation.

    With L the factor of K(X, X) + noise, this class keeps V = inv(L) K(X, candidates), as `IncrementalPosterior` does
    for its kernel. The targets are passed to every call of `predict`, so that their scale may change in between.

    Args:
        leaves: The leaf of every candidate in every tree, shape (n_candidates, n_trees), integers from 0.
        points: The candidates observed so far, in order.
        y: Their targets, standardised, shape (len(points),); the noise is estimated from them.

    Attributes:
        noise: Variance of the noise, in units of the function's variance.
        points: As above, with those added since.

    >>> posterior = LeafPosterior(np.array([[0, 0], [0, 1], [1, 1]]), [0, 2], np.array([-1.0, 1.0]))
    >>> mean, deviation = posterior.predict(np.array([-1.0, 1.0]))
    >>> bool(mean[0] < mean[1] < mean[2]), bool(deviation[0] < deviation[1])
    (True, True)
    """

    def __init__(self, leaves: IntArray, points: Sequence[int], y: FloatArray) -> None:
        self._leaves = np.ascontiguousarray(leaves.T, dtype=np.min_scalar_type(int(leaves.max())))
        self.points = list(points)
        columns = self._kernel(self.points)
        known = columns[:, self.points]
        self.noise = _estimated_noise(known, np.asarray(y, dtype=np.float64))
        n = len(self.points)
        capacity = n + n // 4 + 16
        self._factor = np.zeros((capacity, capacity))
        self._v = np.empty((capacity, len(leaves)))
        self._factor[:n, :n] = np.linalg.cholesky(known + self.noise * np.eye(n))
        self._v[:n] = columns
        solve_lower(self._factor[:n, :n], self._v[:n])
        self._explained = np.einsum("ij,ij->j", self._v[:n], self._v[:n])

    def add(self, point: int) -> None:
        """Condition on one more candidate, with the same trees and noise."""
        n = len(self.points)
        if n == len(self._factor):
            self._grow()
        row = self._v[:n, point].copy()
        pivot = math.sqrt(max(1.0 + self.noise - float(row @ row), _SMALLEST_VARIANCE))
        self._factor[n, :n], self._factor[n, n] = row, pivot
        self._v[n] = (self._kernel([point])[0] - row @ self._v[:n]) / pivot
        self._explained += self._v[n] ** 2
        self.points.append(point)

    def predict(self, y: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the mean and deviation (of the function, without noise) of every candidate, each (n_candidates,).

        Args:
            y: Targets of `points`, standardised, shape (len(points),).
        """
        n = len(self.points)
        both = np.column_stack([y, np.ones(n)])
        solved = solve_triangular(self._factor[:n, :n], both, lower=True, check_finite=False)
        targets, ones = solved[:, 0], solved[:, 1]
        mean = (ones @ targets) / (ones @ ones)
        residuals = targets - mean * ones
        signal = float(residuals @ residuals) / n  # the variance of greatest likelihood
        variance = signal * np.maximum(1.0 - self._explained, _SMALLEST_VARIANCE)
        return mean + residuals @ self._v[:n], np.sqrt(variance)

    def _kernel(self, rows: Sequence[int]) -> FloatArray:
        """Return the share of trees in which rows and candidates share a leaf, shape (len(rows), n_candidates)."""
        shared = [np.count_nonzero(self._leaves == self._leaves[:, [row]], axis=0) for row in rows]
        return np.asarray(np.array(shared) / len(self._leaves))

    def _grow(self) -> None:
        added = len(self._factor) // 2
        self._factor = np.pad(self._factor, (0, added))
        self._v = np.concatenate([self._v, np.empty((added, self._v.shape[1]))])


def _estimated_noise(kernel: FloatArray, y: FloatArray) -> float:
    """Return the variance of the noise of greatest posterior density, in units of the function's variance."""
    values, vectors = np.linalg.eigh(kernel)
    ones, targets = vectors.sum(axis=0), vectors.T @ y
    losses = []
    for noise in _NOISES:
        weights = 1.0 / (np.maximum(values, 0.0) + noise)
        residuals = targets - (ones * weights @ targets) / (ones * weights @ ones) * ones
        signal = max(float(residuals * weights @ residuals) / len(y), _SMALLEST_VARIANCE)
        z = (math.log(noise) - _LOG_NOISE) / _LOG_NOISE_STD
        losses.append(len(y) * math.log(signal) - np.log(weights).sum() + z * z)
    return float(_NOISES[int(np.argmin(losses))])
