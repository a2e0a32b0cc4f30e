"""Shrinkage: what a score is worth without the luck of one training, by empirical Bayes.

The mean score of a functional class is ``prediction + discrepancy + noise / sqrt(n)``: what a model says that has not
seen the class, how far the function is from that, and the noise of n trainings. With Gaussian discrepancy and noise,
the posterior mean goes from the prediction towards the score by the discrepancy's share of the variance (Efron and
Morris, 1975). Both variances depend on the level: bad networks may be noisier than good ones, and harder to predict.
The discrepancy's is estimated from classes of similar prediction, never of similar score, which luck has selected; the
noise's from classes of several scores whose posterior means are similar, after a first pass by prediction. What is not
known of the variances themselves is integrated over a grid, so that intervals stay honest where noise hides the
discrepancy.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from robustnas.arrays import FloatArray, IntArray

_NEAR, _FEWEST = 0.05, 100  # share and number of the classes that count as similar
_NEAR_TWINS, _FEWEST_TWINS = 0.1, 40  # the same of classes with several trainings
_N_KNOTS = 48  # levels at which variances are estimated; between them, moments are interpolated
_RATIOS = np.geomspace(1e-3, 1e3, 37)  # variance of the discrepancy over that of the noise
_FACTORS = np.geomspace(0.5, 2.0, 13)  # variance of the noise over its local estimate
_PRIOR_STD = 0.7  # of the logarithm of a level's ratio around that of all classes
_LEAST_VARIANCE = 1e-9  # of the noise, in units of the scores' variance


class Classes(NamedTuple):
    """Functional classes and what is known of each, shape (n,).

    Attributes:
        predicted: What a model says that has not seen the class.
        means: The mean of its scores.
        counts: How many scores, at least 1.
        squares: The sum of their squared distances to the mean.
    """

    predicted: FloatArray
    means: FloatArray
    counts: IntArray
    squares: FloatArray


class Posterior(NamedTuple):
    """What is believed of the noise-free scores of classes, shape (n,).

    Attributes:
        mean: The expected score of another training.
        std: The standard deviation of what is not known of it, the noise of another training aside.
        noise: The standard deviation of the noise of one training.
    """

    mean: FloatArray
    std: FloatArray
    noise: FloatArray


def shrunk(classes: Classes, noise: float | None = None) -> Posterior:
    """Return the posterior of the noise-free scores of some classes.

    Args:
        classes: One or more.
        noise: The standard deviation of the noise, above 0; if None, classes with several scores show it, and there
            must be one.

    >>> rng = np.random.default_rng(0)
    >>> truth = rng.normal(size=2000)
    >>> scores = truth + rng.normal(size=2000)
    >>> classes = Classes(np.zeros(2000), scores, np.ones(2000, dtype=int), np.zeros(2000))
    >>> float(np.std(shrunk(classes, noise=1.0).mean - truth).round(1))  # the scores are off by 1
    0.7
    """
    bias, bias_variance = _bias(classes)
    level = classes.predicted + bias
    found = _posterior(classes, level, bias_variance, level, noise)
    return found if noise is not None else _posterior(classes, level, bias_variance, found.mean, None)


def _posterior(
    classes: Classes, level: FloatArray, level_variance: FloatArray, noise_level: FloatArray, noise: float | None
) -> Posterior:
    """Return the posterior around a level, with the noise of classes of like `noise_level`, each of shape (n,)."""
    order = np.argsort(level, kind="stable")
    variance, log_factors = _noise(noise_level, classes.counts, classes.squares, noise)
    least = max(_LEAST_VARIANCE * float(classes.means.var()), 1e-200)
    variance, residuals = np.maximum(variance, least)[order], (classes.means - level)[order]
    share, spread, rest = _moments(level[order], residuals**2 / variance, classes.counts[order], log_factors)
    uncertain = rest * variance + spread * residuals**2 + (1 - share) ** 2 * level_variance[order]
    back = np.argsort(order, kind="stable")
    return Posterior(level + (share * residuals)[back], np.sqrt(uncertain)[back], np.sqrt(variance)[back])


def _bias(classes: Classes) -> tuple[FloatArray, FloatArray]:
    """Return how far classes of like predictions are from them on average, and the squared standard error of that.

    Models err towards the mean of all.
    """
    order = np.argsort(classes.predicted, kind="stable")
    x, counts = classes.predicted[order], classes.counts[order]
    errors = classes.means[order] - x
    knots = _knots(len(x), 4 * _N_KNOTS)
    found = np.empty((2, len(knots)))
    for k, knot in enumerate(knots):
        near, kernel = _near(x, x[knot], _NEAR, _FEWEST)
        weights = kernel * counts[near] / (kernel @ counts[near])
        mean = weights @ errors[near]
        found[:, k] = mean, weights**2 @ (errors[near] - mean) ** 2
    mean, variance = (np.interp(classes.predicted, x[knots], values) for values in found)
    return np.asarray(mean), np.asarray(variance)


def _noise(
    level: FloatArray, counts: IntArray, squares: FloatArray, noise: float | None
) -> tuple[FloatArray, FloatArray]:
    """Return the variance of the noise of every class, shape (n,), and log likelihoods of `_FACTORS` of it."""
    certain = np.where(_FACTORS == 1.0, 0.0, -np.inf)
    if noise is not None:
        return np.full(len(level), noise**2), certain
    several = np.flatnonzero(counts > 1)
    several = several[np.argsort(level[several], kind="stable")]
    x, squares, freedom = level[several], squares[several], (counts - 1.0)[several]
    knots = _knots(len(x), _N_KNOTS)
    windows = [(knot, *_near(x, x[knot], _NEAR_TWINS, _FEWEST_TWINS)) for knot in knots]
    known = np.array([float((kernel * freedom[near]).sum()) for _, near, kernel in windows])
    found = np.array([float((kernel * squares[near]).sum()) for _, near, kernel in windows]) / known
    likely = -0.5 * float(np.median(known)) * (np.log(_FACTORS) + 1 / _FACTORS)
    return np.interp(level, x[knots], found), likely


def _moments(level: FloatArray, squares: FloatArray, counts: IntArray, log_factors: FloatArray) -> FloatArray:
    """Return what the classes of a level say of each: shape (3, n).

    Mean and variance of the discrepancy's share in the variance of the class's mean, and the mean posterior variance of
    its noise-free score in units of the noise's variance.

    Args:
        level: Ascending, shape (n,).
        squares: Squared residuals in units of the noise's variance.
        counts: Scores of each class.
        log_factors: Log likelihoods of `_FACTORS`.
    """
    everywhere = _log_likelihood(squares, counts, np.ones(len(level)))[:, _FACTORS == 1.0]
    logs = np.log(_RATIOS)
    prior = log_factors - 0.5 * ((logs - logs[np.argmax(everywhere)]) / _PRIOR_STD)[:, None] ** 2
    knots, kinds = _knots(len(level), _N_KNOTS), np.unique(counts)
    shares = _RATIOS / (_RATIOS + 1 / kinds[:, None])  # (n_kinds, n_ratios): by number of scores
    at_knots = np.empty((3, len(kinds), len(knots)))
    for k, knot in enumerate(knots):
        near, kernel = _near(level, level[knot], _NEAR, _FEWEST)
        log_posterior = prior + _log_likelihood(squares[near], counts[near], kernel)
        posterior = np.exp(log_posterior - log_posterior.max())
        posterior /= posterior.sum()
        of_ratio, of_both = posterior.sum(axis=1), posterior @ _FACTORS
        mean = shares @ of_ratio
        at_knots[:, :, k] = mean, shares**2 @ of_ratio - mean**2, (shares / kinds[:, None]) @ of_both
    place, kind = np.arange(len(level)), np.searchsorted(kinds, counts)
    every = np.array([[np.interp(place, knots, row) for row in rows] for rows in at_knots])
    return np.asarray(np.maximum(every[:, kind, place], 0.0))


def _log_likelihood(squares: FloatArray, counts: IntArray, weights: FloatArray) -> FloatArray:
    """Return the weighted log likelihood of every ratio and factor, shape (n_ratios, n_factors)."""
    kinds, kind = np.unique(counts, return_inverse=True)
    number, total = (np.bincount(kind, weights=values) for values in (weights, weights * squares))
    variance = _FACTORS[None, :, None] * (_RATIOS[:, None, None] + 1 / kinds)
    return np.asarray(-0.5 * (number * np.log(variance) + total / variance).sum(axis=2))


def _knots(n: int, n_knots: int) -> IntArray:
    """Return places among n, the first and the last included."""
    return np.unique(np.linspace(0, n - 1, n_knots).round().astype(np.int64))


def _near(x: FloatArray, value: float, share: float, fewest: int) -> tuple[slice, FloatArray]:
    """Return the nearest values of an ascending array and their tricube weights."""
    n = len(x)
    size = min(n, max(fewest, round(share * n)))
    first = int(np.searchsorted(x, value))
    low = max(0, min(first - size // 2, n - size))
    near = slice(low, low + size)
    distance = np.abs(x[near] - value)
    width = float(distance.max())
    kernel = (1 - (distance / (1.001 * width)) ** 3) ** 3 if width > 0 else np.ones(size)
    return near, np.asarray(kernel)
