"""An exact Gaussian process over a fixed set of candidates, updated one observation at a time.

A search over an enumerable space needs the posterior of every candidate after every query. With L the Cholesky
factor of K(X, X) + noise, this class keeps V = inv(L) K(X, candidates): a new observation appends one row to both,
which costs one kernel column and one pass over V, O(t n_candidates), instead of a new factorisation.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache, partial

import numpy as np
from scipy.linalg import solve_triangular

from robustnas.arrays import FloatArray, IntArray
from robustnas.checks import whole_number
from robustnas.errors import InvalidInputError
from surrogates.matern import (
    Hyperparameters,
    fit_hyperparameters,
    matern52,
    squared_distances,
    standardise,
    trend_precision,
    with_constant,
)
from surrogates.triangular import solve_lower

__all__ = ["Distances", "IncrementalPosterior", "standardise"]

_SMALLEST_VARIANCE = 1e-10


class Distances:
    """Squared distances between candidates by one group of features, kept by row: several posteriors may share them.

    Every row is computed by itself, so that it does not depend on what was asked for before.

    Args:
        group: Features of the candidates, shape (n_candidates, d).
        most: Rows that are kept, those asked for last; others are computed anew.

    >>> distances = Distances(np.array([[0.0], [1.0], [3.0]]))
    >>> distances([2, 0]).tolist()
    [[9.0, 4.0, 0.0], [0.0, 1.0, 9.0]]
    """

    def __init__(self, group: FloatArray, most: int = 512) -> None:
        self.group = np.ascontiguousarray(group, dtype=np.float64)
        norms = (self.group * self.group).sum(axis=1)
        self._row = lru_cache(maxsize=most)(partial(_squared_row, self.group, norms))

    def row(self, row: int) -> FloatArray:
        """Return squared distances from a row to all candidates, shape (n_candidates,); not to be written to."""
        return self._row(row)

    def __call__(self, rows: Sequence[int]) -> FloatArray:
        """Return squared distances from rows to all candidates, shape (len(rows), n_candidates)."""
        return np.array([self._row(row) for row in rows]).reshape(len(rows), len(self.group))


def _squared_row(group: FloatArray, norms: FloatArray, row: int) -> FloatArray:
    squared = norms[row] + norms - 2 * (group @ group[row])
    return np.asarray(np.maximum(squared, 0.0, out=squared))


class IncrementalPosterior:
    """Exact posterior over all candidates, one Cholesky row per new observation.

    The targets are passed to every call of `predict`, standardised by the caller, so that their scale may change
    between queries. Hyperparameters change only in `refit`.

    Args:
        groups: Features of the candidates, one array of shape (n_candidates, d_g) per length scale; `standardise`
            makes groups comparable. Or the `Distances` of a group, to share what they keep.
        capacity: Maximum number of observations.
        trend: Columns that the mean is linear in, besides a constant, shape (n_candidates, n_trend), standardised;
            none if None.

    Attributes:
        params: The hyperparameters; None before the first `refit`.
        points: The candidates observed so far, in order.
        n_candidates: How many candidates there are.

    Raises:
        InvalidInputError: There is no group, groups differ in length, or the capacity is below 1.

    >>> x = np.linspace(-1, 1, 101)[:, None]
    >>> posterior = IncrementalPosterior([x], capacity=10)
    >>> posterior.refit([0, 100], np.array([-1.0, 1.0]))
    >>> posterior.add(50)
    >>> mean, deviation = posterior.predict(np.array([-1.0, 1.0, 0.0]))
    >>> mean.shape, bool(deviation[50] < deviation[25])
    ((101,), True)
    """

    def __init__(
        self, groups: Sequence[FloatArray | Distances], capacity: int, trend: FloatArray | None = None
    ) -> None:
        self._each = [group if isinstance(group, Distances) else Distances(group, most=0) for group in groups]
        self._groups = [each.group for each in self._each]
        lengths = [len(group) for group in self._groups]
        if len(set(lengths)) != 1:
            raise InvalidInputError(f"groups have {lengths} rows; expected at least one group, all of equal length")
        capacity = whole_number("capacity", capacity, at_least=1)
        n_candidates = self.n_candidates = len(self._groups[0])
        self._trend = trend
        self._basis = with_constant(trend, n_candidates)
        self._v = np.empty((capacity, n_candidates))
        self._factor = np.zeros((capacity, capacity))
        self._explained = np.zeros(n_candidates)
        self.points: list[int] = []
        self.params: Hyperparameters | None = None

    def refit(self, points: Sequence[int], y: FloatArray, max_iterations: int = 15) -> None:
        """Re-estimate the hyperparameters, starting from the previous ones, and rebuild the factorisation.

        Args:
            points: All candidates observed so far, in order; they replace those added before.
            y: Their targets, standardised, shape (len(points),).
            max_iterations: Iterations of the optimiser.

        Raises:
            InvalidInputError: There are no points, more points than the capacity, or not one target per point.
        """
        points, y = list(points), np.asarray(y, dtype=np.float64)
        whole_number("the number of points", len(points), at_least=1, at_most=len(self._factor))
        self._check_targets(y, points)
        small = [squared_distances(group[points], group[points]) for group in self._groups]
        trend = None if self._trend is None else self._trend[points]
        self.params = fit_hyperparameters(small, y, self.params, max_iterations, trend)
        n = len(points)
        solved = self._covariances(points, out=self._v[:n])
        self._factor[:n, :n] = np.linalg.cholesky(solved[:, points] + self.params.noise * np.eye(n))
        solve_lower(self._factor[:n, :n], solved)
        self._explained = np.einsum("ij,ij->j", solved, solved)
        self.points = points

    def add(self, point: int) -> None:
        """Condition on one more candidate, with the same hyperparameters.

        Raises:
            InvalidInputError: Called before the first `refit`, or the capacity is exceeded.
        """
        params, n = self._fitted(), len(self.points)
        whole_number("the number of points", n + 1, at_least=1, at_most=len(self._factor))
        added = self._covariances([point], out=self._v[n : n + 1])[0]
        row = self._v[:n, point].copy()
        pivot = math.sqrt(max(params.signal + params.noise - float(row @ row), _SMALLEST_VARIANCE))
        self._factor[n, :n], self._factor[n, n] = row, pivot
        added -= row @ self._v[:n]
        added /= pivot
        self._explained += added**2
        self.points.append(point)

    def extend(self, points: Sequence[int]) -> None:
        """Condition on several more candidates at once: one pass over what is kept, where `add` takes one for each.

        Raises:
            InvalidInputError: Called before the first `refit`, or the capacity is exceeded.
        """
        if len(points) == 1:
            self.add(points[0])
        if len(points) < 2:
            return
        params, n, k = self._fitted(), len(self.points), len(points)
        whole_number("the number of points", n + k, at_least=1, at_most=len(self._factor))
        added = self._covariances(points, out=self._v[n : n + k])
        rows = self._v[:n, points].T.copy()
        inner = added[:, points] + params.noise * np.eye(k) - rows @ rows.T
        try:
            corner = np.linalg.cholesky(inner)
        except np.linalg.LinAlgError:  # equal rows, without noise: `add` bounds each pivot
            for point in points:
                self.add(point)
            return
        self._factor[n : n + k, :n], self._factor[n : n + k, n : n + k] = rows, corner
        added -= rows @ self._v[:n]
        solve_lower(self._factor[n : n + k, n : n + k], added)
        self._explained += np.einsum("ij,ij->j", added, added)
        self.points.extend(points)

    def predict(self, y: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the mean and deviation (of the function, without noise) of every candidate, each (n_candidates,).

        Args:
            y: Targets of `points`, standardised, shape (len(points),).

        Raises:
            InvalidInputError: Called before the first `refit`, or there is not one target per point.
        """
        params, n = self._fitted(), len(self.points)
        targets, basis = self._whitened(y)
        known = basis.T @ basis + trend_precision(basis.shape[1])
        weights = np.linalg.solve(known, basis.T @ targets)
        posterior_mean = self._basis @ weights + (targets - basis @ weights) @ self._v[:n]
        variance = params.signal - self._explained
        if self._trend is not None:  # the weights are not known for certain (Rasmussen and Williams, equation 2.41)
            open_ended = self._basis - (basis.T @ self._v[:n]).T
            variance = variance + np.einsum("ij,ij->i", open_ended, np.linalg.solve(known, open_ended.T).T)
        return posterior_mean, np.sqrt(np.maximum(variance, _SMALLEST_VARIANCE))

    def log_evidence(self, y: FloatArray) -> float:
        """Return the logarithm of the marginal likelihood of targets, up to a constant, to compare posteriors by.

        All weights of the mean have normal priors of variance 1 here, the constant's too (Rasmussen and Williams,
        equation 2.43).

        Args:
            y: Targets of `points`, standardised, shape (len(points),).

        Raises:
            InvalidInputError: Called before the first `refit`, or there is not one target per point.
        """
        self._fitted()
        targets, basis = self._whitened(y)
        known = basis.T @ basis + np.eye(basis.shape[1])
        explained = basis.T @ targets
        fit = targets @ targets - explained @ np.linalg.solve(known, explained)
        size = 2 * np.log(np.diag(self._factor)[: len(self.points)]).sum() + float(np.linalg.slogdet(known)[1])
        return float(-0.5 * (fit + size))

    def _whitened(self, y: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return targets, shape (n,), and the columns of the mean, shape (n, n_columns), times the inverse factor."""
        n, y = len(self.points), np.asarray(y, dtype=np.float64)
        self._check_targets(y, self.points)
        both = np.column_stack([y, self._basis[self.points]])
        solved = solve_triangular(self._factor[:n, :n], both, lower=True, check_finite=False)
        return solved[:, 0], solved[:, 1:]

    def covariance(self, rows: IntArray) -> FloatArray:
        """Return the posterior covariance of the function at some candidates, shape (len(rows), len(rows)).

        Raises:
            InvalidInputError: Called before the first `refit`.
        """
        params, n = self._fitted(), len(self.points)
        prior = matern52(params, [squared_distances(group[rows], group[rows]) for group in self._groups])
        explained = self._v[:n, rows]
        return np.asarray(prior - explained.T @ explained)

    def _covariances(self, points: Sequence[int], out: FloatArray) -> FloatArray:
        """Return covariances of points and all candidates in `out`, shape (len(points), n_candidates).

        One row at a time: it stays in the processor's cache, where all of them would not.
        """
        params = self._fitted()
        for point, row in zip(points, out, strict=True):
            matern52(params, [distances.row(point) for distances in self._each], out=row)
        return out

    def _fitted(self) -> Hyperparameters:
        if self.params is None:
            raise InvalidInputError("the posterior holds no observations; call refit first")
        return self.params

    def _check_targets(self, y: FloatArray, points: Sequence[int]) -> None:
        if y.shape != (len(points),):
            raise InvalidInputError(f"y has shape {y.shape}; expected ({len(points)},), one target per point")
