"""The kernel of the Gaussian processes: Matern 5/2 over groups of features, one length scale per group.

The scaled squared distances of the groups are added before the kernel is applied (ARD over groups, Rasmussen and
Williams 2006, section 5.1), so that two cells are similar only if they are similar in every group. Hyperparameters
maximise the marginal likelihood times weak log-normal priors. The mean is a constant, plus a linear trend in columns
that are given (section 2.7); both are profiled out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg.lapack import dpotrf, dpotri
from scipy.optimize import minimize

from robustnas.arrays import FloatArray

JITTER = 1e-8
"""Added to the noise variance, for standardised targets; keeps a covariance with equal rows invertible."""

_BOUNDS = (-8.0, 6.0)  # of every logarithm: far beyond what standardised targets and features need
_FAILED = 1e10  # value of the objective if the covariance cannot be factorised


@dataclass(frozen=True)
class Hyperparameters:
    """Logarithms of the signal variance, the noise variance and one length scale per group.

    Args:
        log_signal: Logarithm of the variance of the function.
        log_noise: Logarithm of the variance of the observations around it.
        log_lengths: Logarithms of the length scales, shape (n_groups,).
    """

    log_signal: float
    log_noise: float
    log_lengths: FloatArray

    @property
    def signal(self) -> float:
        """Variance of the function."""
        return float(np.exp(self.log_signal))

    @property
    def noise(self) -> float:
        """Variance of the noise, jitter included."""
        return float(np.exp(self.log_noise)) + JITTER

    def flat(self) -> FloatArray:
        """Return signal, lengths and noise as one vector of logarithms, shape (n_groups + 2,)."""
        return np.concatenate([[self.log_signal], self.log_lengths, [self.log_noise]])

    @classmethod
    def from_flat(cls, vector: FloatArray) -> Hyperparameters:
        """Build hyperparameters from the vector that `flat` returns."""
        return cls(float(vector[0]), float(vector[-1]), vector[1:-1])


def prior(n_groups: int) -> tuple[FloatArray, FloatArray]:
    """Return means and deviations of the priors on the logarithms, for standardised targets and features."""
    lengths = np.full(n_groups, 0.5 * np.log(n_groups) + 0.3)
    return np.concatenate([[0.0], lengths, [np.log(0.2)]]), np.ones(n_groups + 2)


def standardise(values: FloatArray) -> FloatArray:
    """Return features centred and scaled, without constant columns; rows have unit mean square, so groups compare.

    Args:
        values: All candidates, shape (n, d). Only their statistics are used, no labels.

    >>> standardise(np.array([[0.0, 5.0], [2.0, 5.0]])).tolist()
    [[-1.0], [1.0]]
    """
    return Standardisation(values)(values)


class Standardisation:
    """What `standardise` does to some features, for others of the same columns.

    >>> Standardisation(np.array([[0.0, 5.0], [2.0, 5.0]]))(np.array([[4.0, 7.0]])).tolist()
    [[3.0]]
    """

    def __init__(self, values: FloatArray) -> None:
        scale = values.std(axis=0)
        self._kept = scale > 1e-9 * (1 + np.abs(values).max(axis=0, initial=0.0))
        self._mean, self._scale = values[:, self._kept].mean(axis=0), scale[self._kept]

    def __call__(self, values: FloatArray) -> FloatArray:
        """Return features of the same columns, centred and scaled."""
        scaled: FloatArray = (values[:, self._kept] - self._mean) / self._scale
        return np.asarray(scaled / np.sqrt(max(int(self._kept.sum()), 1)))


def squared_distances(first: FloatArray, second: FloatArray) -> FloatArray:
    """Return squared Euclidean distances of rows, shape (len(first), len(second))."""
    norms = (first * first).sum(axis=1)[:, None] + (second * second).sum(axis=1)[None]
    return np.asarray(np.maximum(norms - 2 * first @ second.T, 0.0))


def matern52(params: Hyperparameters, distances: Sequence[FloatArray], out: FloatArray | None = None) -> FloatArray:
    """Return covariances of the function, in the shape of the groups' squared distances; in `out`, if given."""
    r = _scaled_distance(params.log_lengths, distances)
    covariance = np.multiply(r, r, out=out)  # in place from here on: there may be millions
    covariance /= 3
    covariance += 1 + r
    covariance *= params.signal
    covariance *= np.exp(np.negative(r, out=r), out=r)
    return covariance


def with_constant(trend: FloatArray | None, n: int) -> FloatArray:
    """Return the columns that a mean is linear in, the constant first, shape (n, 1 + n_trend)."""
    ones = np.ones((n, 1))
    return ones if trend is None else np.hstack([ones, trend])


def trend_precision(n_columns: int) -> FloatArray:
    """Return the prior precisions of a mean's weights: flat for the constant, normal with variance 1 for the others."""
    return np.diag([0.0, *[1.0] * (n_columns - 1)])


def fit_hyperparameters(
    distances: Sequence[FloatArray],
    y: FloatArray,
    start: Hyperparameters | None = None,
    max_iterations: int = 40,
    trend: FloatArray | None = None,
) -> Hyperparameters:
    """Maximise the posterior of the hyperparameters with L-BFGS.

    Args:
        distances: Squared distances of the n observations per group, each of shape (n, n).
        y: Standardised targets, shape (n,).
        start: Starting point; the prior's mean if None.
        max_iterations: Iterations of L-BFGS.
        trend: Columns that the mean is linear in, besides a constant, standardised, shape (n, n_trend); none if None.
    """
    mean, _ = prior(len(distances))
    found = minimize(
        negative_log_posterior,
        mean if start is None else start.flat(),
        args=(distances, y, with_constant(trend, len(y))),
        jac=True,
        method="L-BFGS-B",
        bounds=[_BOUNDS] * len(mean),
        options={"maxiter": max_iterations},
    )
    return Hyperparameters.from_flat(np.asarray(found.x))


def negative_log_posterior(
    vector: FloatArray, distances: Sequence[FloatArray], y: FloatArray, basis: FloatArray | None = None
) -> tuple[float, FloatArray]:
    """Return the objective of `fit_hyperparameters` up to a constant, and its gradient.

    Args:
        vector: Hyperparameters as `Hyperparameters.flat` returns them.
        distances: Squared distances of the n observations per group, each of shape (n, n).
        y: Standardised targets, shape (n,).
        basis: The columns that the mean is linear in, as `with_constant` returns them; a constant if None.
    """
    basis = with_constant(None, len(y)) if basis is None else basis
    params = Hyperparameters.from_flat(vector)
    r = _scaled_distance(params.log_lengths, distances)
    decay = np.exp(-r)
    covariance = params.signal * (1 + r + r * r / 3) * decay
    factor, failed = dpotrf(covariance + params.noise * np.eye(len(y)), lower=True, overwrite_a=True)
    if failed:
        return _FAILED, np.zeros_like(vector)
    lower, _ = dpotri(factor, lower=True)  # half the work of solving for an identity
    inverse = lower.T + np.tril(lower, -1)
    precision = trend_precision(basis.shape[1])
    weighted = inverse @ basis
    weights = np.linalg.solve(basis.T @ weighted + precision, weighted.T @ y)
    residual = y - basis @ weights
    alpha = inverse @ residual
    inner = inverse - np.outer(alpha, alpha)
    slope = inner * (params.signal * 5 * (1 + r) / 3 * decay)  # of the sum of scaled distances, up to the sign
    lengths = [0.5 * w * np.vdot(slope, d) for w, d in zip(_weights(params.log_lengths), distances, strict=True)]
    noise = 0.5 * np.trace(inner) * np.exp(params.log_noise)
    gradient = np.concatenate([[0.5 * np.vdot(inner, covariance)], lengths, [noise]])
    mean, deviation = prior(len(distances))
    z = (vector - mean) / deviation
    value = 0.5 * (residual @ alpha + weights @ precision @ weights) + np.log(np.diag(factor)).sum() + 0.5 * z @ z
    return float(value), gradient + z / deviation


def _weights(log_lengths: FloatArray) -> FloatArray:
    return np.asarray(np.exp(-2 * log_lengths))


def _scaled_distance(log_lengths: FloatArray, distances: Sequence[FloatArray]) -> FloatArray:
    total, term = np.zeros_like(distances[0]), np.empty_like(distances[0])
    for weight, squared in zip(_weights(log_lengths), distances, strict=True):
        total += np.multiply(weight, squared, out=term)
    total *= 5
    found: FloatArray = np.sqrt(total, out=total)
    return found
