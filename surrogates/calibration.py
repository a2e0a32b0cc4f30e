"""Predictive standard deviations from out-of-sample residuals.

A model's own estimate of its error is rarely right. Residuals of out-of-fold predictions are honest, and their size
depends on the predicted value: bad networks differ by tens of points, good ones by tenths. The deviation at a predicted
value is therefore a quantile of the residuals at nearby predicted values, in the manner of locally weighted conformal
prediction (Lei et al., 2018).
"""

from __future__ import annotations

import numpy as np

from robustnas.arrays import FloatArray

_QUANTILE = 0.8
_NORMAL_QUANTILE = 1.2815515655446004  # of the absolute standard normal at 0.8
_SHARE, _FEWEST = 0.15, 15  # of the rows that count as near in predicted value
_FLOOR = 1e-3  # in units of standardised targets


class LocalScale:
    """The standard deviation of residuals as a function of the predicted value.

    Args:
        predicted: Out-of-fold predictions of the training rows, shape (n,), for standardised targets.
        targets: Their targets, shape (n,).

    >>> predicted = np.linspace(-1, 1, 1000)
    >>> noise = np.random.default_rng(0).standard_normal(1000) * np.where(predicted < 0, 1.0, 0.1)
    >>> scale = LocalScale(predicted, predicted + noise)
    >>> scale(np.array([-0.7, 0.7])).round(1).tolist()
    [1.0, 0.1]
    """

    def __init__(self, predicted: FloatArray, targets: FloatArray) -> None:
        order = np.argsort(predicted, kind="stable")
        residuals = np.abs(targets - predicted)[order]
        n = len(residuals)
        window = min(n, max(_FEWEST, int(_SHARE * n)))
        first = np.clip(np.arange(n) - window // 2, 0, n - window)
        near = np.lib.stride_tricks.sliding_window_view(residuals, window)
        quantile = np.quantile(near, _QUANTILE, axis=1)[first] / _NORMAL_QUANTILE
        self._predicted = predicted[order]
        self._deviation = np.maximum(quantile, _FLOOR)

    def __call__(self, predicted: FloatArray) -> FloatArray:
        """Return positive deviations at predicted values, of the same shape."""
        return np.asarray(np.interp(predicted, self._predicted, self._deviation))
