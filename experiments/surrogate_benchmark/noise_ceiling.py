"""The noise ceiling: how well a perfect predictor would rank networks whose scores carry training noise.

A surrogate is tested on measured scores, each of one noisy training. Even a predictor that knew every network's
noise-free score would not rank the measured ones perfectly; its Kendall tau is the ceiling that benchmarks show.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from robustnas.arrays import FloatArray
from robustnas.spaces import EnumerableSpace
from robustnas.tables.noise import noise_floor

_REPEATS = 5  # tau over thousands of networks varies in the third decimal from one draw of the noise to the next


def noise_ceiling(scores: FloatArray, space: EnumerableSpace[Any] | None = None) -> float:
    """Estimate the Kendall tau between noise-free and measured scores, by simulation.

    The standard deviation s of the training noise comes from functional twins (`robustnas.tables.noise`). The
    noise-free scores are unknown, but their distribution is not: measured scores, shrunk towards their mean until
    their variance is that of the measured ones less s squared. Fresh normal noise of deviation s is added to these,
    and tau is taken between the two; the mean of five draws is returned.

    The noise is taken to be the same for all networks. Where it is larger among bad networks (clean accuracy), the
    ceiling is too low: a predictor that comes close to it, or passes it, says so.

    Args:
        scores: One value per network, shape (n_networks,), in ascending order of uid; NaN where unknown.
        space: Whose networks they are; NAS-Bench-201 if None.

    Returns:
        A tau in [0, 1]; NaN if no two functional twins are known, or fewer than two scores.
    """
    from scipy.stats import kendalltau

    noise = noise_floor(scores, space).std
    known = np.asarray(scores, dtype=np.float64)[np.isfinite(scores)]
    if math.isnan(noise) or len(known) < 2 or known.std() == 0.0:
        return float("nan")
    shrinkage = math.sqrt(max(0.0, 1.0 - (noise / known.std()) ** 2))
    noise_free = known.mean() + shrinkage * (known - known.mean())
    if shrinkage == 0.0:
        return 0.0  # nothing but noise
    rng = np.random.default_rng(0)
    draws = (noise_free + rng.normal(0.0, noise, len(known)) for _ in range(_REPEATS))
    return float(np.mean([kendalltau(noise_free, measured).statistic for measured in draws]))
