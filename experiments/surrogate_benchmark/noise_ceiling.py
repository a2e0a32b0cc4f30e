"""The noise ceiling: how well a perfect predictor would rank networks whose scores carry training noise.

A surrogate is tested on measured scores, each of one noisy training. Even a predictor that knew every network's
noise-free score would not rank the measured ones perfectly; its Kendall tau is the ceiling that benchmarks show.

The noise of a network is that of functional twins of similar score: bad networks may be noisier than good ones. For
Kendall's tau it is drawn on normal scores of the ranks, since noise may have heavy tails and a column may span many
orders of magnitude. The noise-free scores are unknown, but their distribution is not: with noise added, it must be the
measured one. R2 depends on values, not ranks; its ceiling is one less the noise's share of the variance.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from robustnas.arrays import FloatArray, IntArray
from robustnas.spaces import EnumerableSpace, open_space
from robustnas.tables.exchangeable_twins import LEAST_SIGNIFICANCE, share_of_cells
from robustnas.tables.noise import TwinDeviations, twin_deviations

FEWEST_TWINS = 30
"""Networks with a twin, below which no ceiling is estimated."""

MOST_TIED = 0.25
"""Share of networks of one and the same score, above which their order, and the noise in it, is hidden."""

_N_SIMILAR = 100  # twins that a network's noise is drawn from: about 7 % of them
_N_STEPS = 5  # more fit the quantiles' own noise: tau falls slowly below that of simulated truths
_SMOOTHED = 0.1  # share of the networks over which a correction of the quantiles is averaged
_N_DRAWS = 5
_N_BOOTSTRAP = 20


class NoiseCeiling(NamedTuple):
    """What a perfect predictor would reach on measured scores.

    Attributes:
        kendall_tau: Its Kendall tau; NaN where there is no estimate.
        tau_error: The standard error of it, by a bootstrap over groups of twins.
        r2: Its R2; NaN where the variance is that of few networks.
        r2_error: The standard error of it.
        reason: Why there is no estimate; empty if there is one.
    """

    kendall_tau: float
    tau_error: float
    r2: float
    r2_error: float
    reason: str = ""


def noise_ceiling(scores: FloatArray, space: EnumerableSpace[Any] | None = None) -> NoiseCeiling:
    """Estimate the Kendall tau and R2 between noise-free and measured scores, by simulation.

    There is no estimate if the spread of twins is not that of independent noise around a score: fewer than
    `FEWEST_TWINS` networks have a twin; more than `MOST_TIED` of the networks share one score (accuracies of 0 under a
    strong attack); cells explain the twins' variance, by `share_of_cells` (twins of
    equal function are not equally fast); or scores differ no more between functions than between twins (F-test).

    Args:
        scores: One value per network, shape (n_networks,), in ascending order of uid; NaN where unknown.
        space: Whose networks they are; NAS-Bench-201 if None.
    """
    from surrogates.normal_scores import normal_scores

    space = space or open_space()
    scores = np.where(np.isfinite(scores), scores, np.nan)
    known = np.isfinite(scores)
    normal = np.full(len(scores), np.nan)
    normal[known] = normal_scores(scores[known])
    by_rank, by_value = (twin_deviations(column, space) for column in (normal, scores))
    if reason := _no_estimate(scores[known], by_rank, space):
        return NoiseCeiling(math.nan, math.nan, math.nan, math.nan, reason)
    measured = (np.sort(normal[known]), np.sort(scores[known]))
    rng = np.random.default_rng(0)
    tau, r2 = _tau(*measured, TwinNoise(by_rank)), _r2(measured[1], TwinNoise(by_value))
    resampled = [_resampled(by_rank.labels, rng) for _ in range(_N_BOOTSTRAP)]
    taus = [_tau(*measured, TwinNoise(by_rank, counts)) for counts in resampled]
    r2s = [_r2(measured[1], TwinNoise(by_value, counts)) for counts in resampled]
    return NoiseCeiling(tau, float(np.std(taus, ddof=1)), r2, float(np.std(r2s, ddof=1)))


class TwinNoise:
    """Noise of networks, as the deviations of the twins nearest to them show it.

    Args:
        twins: Of n networks.
        counts: How often each counts, shape (n,); once if None.
    """

    def __init__(self, twins: TwinDeviations, counts: IntArray | None = None) -> None:
        order = np.argsort(twins.means, kind="stable")
        if counts is not None:
            order = np.repeat(order, counts[order])
        self.means, self.deviations = twins.means[order], twins.scaled[order]
        self.n_similar = min(_N_SIMILAR, len(self.means))
        self.rng = np.random.default_rng(0)

    def draw(self, places: FloatArray) -> FloatArray:
        """Draw the noise of one training at each of n scores, shape (n,); signs are drawn."""
        chosen = self._first(places) + self.rng.integers(0, self.n_similar, len(places))
        return np.asarray(self.deviations[chosen] * self.rng.choice([-1.0, 1.0], len(places)))

    def variance(self, places: FloatArray) -> FloatArray:
        """Return the variance of the noise at each of n scores, shape (n,)."""
        sums = np.concatenate([[0.0], np.cumsum(self.deviations**2)])
        first = self._first(places)
        return np.asarray((sums[first + self.n_similar] - sums[first]) / self.n_similar)

    def _first(self, places: FloatArray) -> IntArray:
        first = np.searchsorted(self.means, places) - self.n_similar // 2
        return np.asarray(np.clip(first, 0, len(self.means) - self.n_similar))


def _no_estimate(scores: FloatArray, twins: TwinDeviations, space: EnumerableSpace[Any]) -> str:
    """Return why there is no estimate for known scores, or an empty text."""
    if len(twins.rows) < FEWEST_TWINS:
        return f"{len(twins.rows)} networks have a functional twin; a ceiling needs {FEWEST_TWINS}"
    most = int(np.unique(scores, return_counts=True)[1].max())
    if most > MOST_TIED * len(scores):
        return f"{most / len(scores):.0%} of the networks have the same score"
    if share := share_of_cells(twins, space):
        return f"functional twins differ by their cells, which explain {share:.0%} of it, and not by noise alone"
    if _p_value_of_no_signal(twins) > LEAST_SIGNIFICANCE:
        return "functions differ no more than functional twins: nothing but noise"
    return ""


def _p_value_of_no_signal(twins: TwinDeviations) -> float:
    """Return the p-value of an analysis of variance: whether functions differ by more than their twins' noise."""
    from scipy.special import fdtrc

    n_groups = len(np.unique(twins.labels))
    freedom = (n_groups - 1, len(twins.labels) - n_groups)
    between = ((twins.means - twins.means.mean()) ** 2).sum() / freedom[0]
    within = (twins.deviations**2).sum() / freedom[1]
    return float(fdtrc(*freedom, between / within)) if within > 0 else 0.0


def _tau(normal: FloatArray, scores: FloatArray, noise: TwinNoise) -> float:
    """Return the Kendall tau of knowing the noise-free scores, given the sorted measured ones, on both scales."""
    from scipy.stats import kendalltau

    noise_free = _noise_free(normal, noise)
    if np.ptp(noise_free) == 0.0:
        return 0.0
    draws = (_measured(noise_free, scores, noise) for _ in range(_N_DRAWS))
    return float(np.mean([kendalltau(noise_free, drawn).statistic for drawn in draws]))


def _r2(scores: FloatArray, noise: TwinNoise) -> float:
    """Return the R2 of knowing the noise-free scores; NaN if 1 % of the networks make most of the variance."""
    squares = np.sort((scores - scores.mean()) ** 2)
    if squares[int(0.99 * len(squares)) :].sum() > 0.5 * squares.sum():
        return math.nan
    return float(1.0 - noise.variance(scores).mean() / scores.var())


def _noise_free(normal: FloatArray, noise: TwinNoise) -> FloatArray:
    """Return sorted noise-free normal scores whose distribution, once noise is added, is that of the measured ones.

    They start as the measured ones, shrunk by the variance of the noise. Then, the differences between measured and
    simulated quantiles, averaged over neighbours, are taken off step by step.
    """
    from scipy.ndimage import uniform_filter1d

    variance = noise.variance(normal).mean() / normal.var()
    found = normal * math.sqrt(max(0.0, 1.0 - float(variance)))
    width = max(1, int(_SMOOTHED * len(normal)))
    for _ in range(_N_STEPS):
        quantiles = np.mean([np.sort(found + noise.draw(found)) for _ in range(3)], axis=0)
        found = np.sort(found + 0.5 * uniform_filter1d(normal - quantiles, width, mode="nearest"))
    return found


def _measured(noise_free: FloatArray, scores: FloatArray, noise: TwinNoise) -> FloatArray:
    """Return simulated measured scores: the sorted ones in the order of noise-free scores plus noise, ties drawn."""
    simulated = noise_free + noise.draw(noise_free)
    order = np.lexsort((noise.rng.random(len(simulated)), simulated))
    measured = np.empty_like(scores)
    measured[order] = scores
    return measured


def _resampled(labels: IntArray, rng: np.random.Generator) -> IntArray:
    """Return how often each network counts when groups are drawn with replacement, shape (n,)."""
    groups, place = np.unique(labels, return_inverse=True)
    return np.bincount(rng.integers(0, len(groups), len(groups)), minlength=len(groups))[place]
