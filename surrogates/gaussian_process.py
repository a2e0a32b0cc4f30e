"""Gaussian process over groups of features, one length scale per group (Rasmussen and Williams, 2006)."""

# ruff: noqa: N803 - X is scikit-learn's name for rows of features

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.linalg import cho_factor, cho_solve, solve_triangular

from robustnas.arrays import FloatArray
from robustnas.checks import listed
from robustnas.errors import InvalidInputError, excerpt
from surrogates.base import MOST_ITERATIONS, Scaled, StandardFeatures, Surrogate, at_least
from surrogates.matern import fit_hyperparameters, matern52, squared_distances
from surrogates.normal_scores import normal_scores

_FLOOR = 1e-9  # of deviations, in units of the targets' scale
_MAX_ROWS = 500  # for estimating hyperparameters, evenly spaced: few parameters, and the cost is cubic in the rows


class GaussianProcess(Surrogate):
    """Matern 5/2 over groups of features; hyperparameters by marginal likelihood on the targets' normal scores.

    Accuracies have a long lower tail, which a Gaussian model mistakes for noise. Their ranks, mapped to quantiles of
    the standard normal distribution, have no such tail; predictions are mapped back.

    Args:
        groups: Column counts of the groups, in order, such as an encoding's; None for a single group of all columns.
        warp: Whether to model normal scores instead of the targets.
        max_iterations: Iterations of the hyperparameter optimiser.

    Attributes:
        params_: The hyperparameters (`surrogates.matern.Hyperparameters`).

    >>> x = np.linspace(0, 6, 40)[:, None]
    >>> model = GaussianProcess().fit(x, np.sin(x[:, 0]))
    >>> mean, deviation = model.predict([[1.0], [30.0]], return_std=True)
    >>> bool(abs(mean[0] - np.sin(1.0)) < 0.05), bool(deviation[0] < deviation[1])
    (True, True)
    """

    def __init__(self, *, groups: tuple[int, ...] | None = None, warp: bool = True, max_iterations: int = 40) -> None:
        self.groups = groups
        self.warp = warp
        self.max_iterations = max_iterations

    def _fit(self, X: FloatArray, y: FloatArray) -> None:
        self._splits = self._group_bounds(X.shape[1])
        self._features, self._warp = StandardFeatures(X), Warp(y, identity=not self.warp)
        self._groups = self._split(X)
        z = self._warp.forward(y)
        distances = [squared_distances(group, group) for group in self._groups]
        few = np.unique(np.linspace(0, len(z) - 1, _MAX_ROWS).astype(int))
        self.params_ = fit_hyperparameters(
            [distance[np.ix_(few, few)] for distance in distances],
            z[few],
            max_iterations=at_least(self, "max_iterations", 1, MOST_ITERATIONS),
        )
        covariance = matern52(self.params_, distances) + self.params_.noise * np.eye(len(z))
        self._factor = cho_factor(covariance, lower=True)
        ones = cho_solve(self._factor, np.ones(len(z)))
        self._mean = float(ones @ z / ones.sum())
        self._alpha = cho_solve(self._factor, z - self._mean)

    def _predict(self, X: FloatArray, return_std: bool) -> tuple[FloatArray, FloatArray]:
        pairs = zip(self._groups, self._split(X), strict=True)
        columns = matern52(self.params_, [squared_distances(known, new) for known, new in pairs])
        mean = self._mean + columns.T @ self._alpha
        if not return_std:
            return self._warp.back(mean), np.empty(0)
        explained = (solve_triangular(self._factor[0], columns, lower=True) ** 2).sum(axis=0)
        deviation = np.sqrt(np.maximum(self.params_.signal - explained, 0.0) + self.params_.noise)
        half_width = (self._warp.back(mean + deviation) - self._warp.back(mean - deviation)) / 2
        return self._warp.back(mean), np.maximum(half_width, _FLOOR * self._warp.scale)

    def _split(self, X: FloatArray) -> list[FloatArray]:
        """Return standardised rows by group, scaled so that the rows of each group have unit mean square."""
        parts = np.split(self._features(X), self._splits, axis=1)
        return [np.ascontiguousarray(part) / np.sqrt(max(part.shape[1], 1)) for part in parts]

    def _group_bounds(self, n_features: int) -> list[int]:
        groups = [n_features] if self.groups is None else listed(self.groups)
        if not all(isinstance(size, int | np.integer) and size >= 1 for size in groups) or sum(groups) != n_features:
            raise InvalidInputError(
                f"GaussianProcess: groups is {excerpt(self.groups)}; expected column counts that add up to {n_features}"
            )
        bounds: Sequence[int] = np.cumsum(groups)[:-1].tolist()
        return list(bounds)


class Warp:
    """A monotone map of targets to standardised normal scores, and back; linear beyond the observed range.

    Args:
        y: Observed targets, shape (n,).
        identity: Standardise only.
    """

    def __init__(self, y: FloatArray, *, identity: bool = False) -> None:
        self._identity = identity
        self._targets = Scaled(y)
        self.scale = self._targets.scale
        scores = normal_scores(y)
        self._standard = Scaled(scores)
        values, first = np.unique(y, return_index=True)
        known, reach = self._standard.forward(scores)[first], 4.0
        self._scores = np.concatenate([[known[0] - reach], known, [known[-1] + reach]])
        slope = reach * float(y.std())
        self._values = np.concatenate([[values[0] - slope], values, [values[-1] + slope]])

    def forward(self, y: FloatArray) -> FloatArray:
        """Return the scores of the observed targets, shape (n,)."""
        return self._targets.forward(y) if self._identity else np.interp(y, self._values, self._scores)

    def back(self, z: FloatArray) -> FloatArray:
        """Return scores as targets."""
        return self._targets.back(z) if self._identity else np.interp(z, self._scores, self._values)
