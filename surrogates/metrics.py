"""Quality of predictions: ranking, error, selection of the best networks, and calibration of deviations.

Each function takes true values first, then predictions, both of shape (n,), larger is better. If values or predictions
are all equal, predictions are not finite, or there are fewer than two rows, the result is 0: nothing was predicted.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import stats

from robustnas.arrays import FloatArray
from robustnas.checks import whole_number
from robustnas.errors import InvalidInputError, excerpt

NOMINAL_COVERAGES = (0.5, 0.8, 0.95)
"""The shares of new networks that the checked intervals should contain."""


def kendall_tau(true: Any, predicted: Any) -> float:
    """Return Kendall's tau-b, -1 to 1.

    >>> round(kendall_tau([1, 2, 3], [10, 30, 20]), 3)
    0.333
    """
    pair = _informative(true, predicted)
    return float(stats.kendalltau(*pair).statistic) if pair else 0.0


def spearman(true: Any, predicted: Any) -> float:
    """Return Spearman's rank correlation, -1 to 1."""
    pair = _informative(true, predicted)
    return float(stats.spearmanr(*pair).statistic) if pair else 0.0


def r2(true: Any, predicted: Any) -> float:
    """Return the share of variance explained, up to 1; negative if the mean is a better prediction.

    >>> r2([1, 2, 3], [1, 2, 3]), r2([1, 2, 3], [2, 2, 2])
    (1.0, 0.0)
    """
    true, predicted = _pair(true, predicted)
    if len(true) < 2 or np.ptp(true) == 0 or not np.isfinite(predicted).all():
        return 0.0
    return 1.0 - float(((true - predicted) ** 2).sum() / ((true - true.mean()) ** 2).sum())


def precision_at_k(true: Any, predicted: Any, k: int = 10) -> float:
    """Return the share of the `k` best predicted that is among the `k` best, 0 to 1; ties are broken by row order.

    Raises:
        InvalidInputError: `k` is below 1.

    >>> precision_at_k([4, 3, 2, 1], [1, 2, 3, 0], k=2)
    0.5
    """
    k = whole_number("k", k, at_least=1)
    pair = _informative(true, predicted)
    if pair is None:
        return 0.0
    best, picked = (set(np.argsort(-values, kind="stable")[:k].tolist()) for values in pair)
    return len(best & picked) / min(k, len(pair[0]))


def regret_of_top(true: Any, predicted: Any) -> float:
    """Return the regret of choosing the best predicted row, in the unit of `true`, at least 0.

    Unlike for the other measures, smaller is better; constant predictions amount to a random choice, so their regret is
    the mean regret.

    >>> regret_of_top([4, 3, 2, 1], [1, 2, 3, 0])
    2.0
    """
    true, predicted = _pair(true, predicted)
    if len(true) < 2:
        return 0.0
    picked = predicted == predicted.max() if np.isfinite(predicted).all() else slice(None)
    return float(true.max() - true[picked].mean()) if np.ptp(true) else 0.0


def coverage(true: Any, predicted: Any, deviation: Any, nominal: float = 0.95) -> float:
    """Return the share of true values inside the central normal interval of nominal probability, 0 to 1.

    Args:
        true: True values, shape (n,).
        predicted: Means, shape (n,).
        deviation: Deviations, shape (n,) or one for all.
        nominal: The share that the interval should contain, above 0 and below 1.

    Raises:
        InvalidInputError: The nominal probability is out of range, or shapes are inconsistent.

    >>> coverage([0.0, 1.0], [0.0, 0.0], [1.0, 1.0], 0.5)
    0.5
    """
    if not 0 < nominal < 1:
        raise InvalidInputError(f"nominal is {excerpt(nominal)}; expected a probability above 0 and below 1")
    true, predicted = _pair(true, predicted)
    deviation = np.broadcast_to(np.asarray(deviation, dtype=np.float64), true.shape)
    if not len(true):
        return 0.0
    width = float(stats.norm.ppf(0.5 + nominal / 2))
    return float((np.abs(true - predicted) <= width * deviation).mean())


def _pair(true: Any, predicted: Any) -> tuple[FloatArray, FloatArray]:
    true, predicted = np.asarray(true, dtype=np.float64), np.asarray(predicted, dtype=np.float64)
    if true.ndim != 1 or true.shape != predicted.shape:
        raise InvalidInputError(f"shapes are {true.shape} and {predicted.shape}; expected two of one shape (n,)")
    if not np.isfinite(true).all():
        raise InvalidInputError("true values are not all finite; leave out networks that were not measured")
    return true, predicted


def _informative(true: Any, predicted: Any) -> tuple[FloatArray, FloatArray] | None:
    """Return both if they vary and all predictions are finite, otherwise None."""
    true, predicted = _pair(true, predicted)
    if len(true) < 2 or not np.isfinite(predicted).all() or np.ptp(true) == 0 or np.ptp(predicted) == 0:
        return None
    return true, predicted
