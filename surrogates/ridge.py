"""Ridge regression: the baseline that every other surrogate should beat."""

# ruff: noqa: N803 - X is scikit-learn's name for rows of features

from __future__ import annotations

import numpy as np

from robustnas.arrays import FloatArray
from surrogates.base import Scaled, StandardFeatures, Surrogate, number
from surrogates.calibration import LocalScale

_PENALTIES = np.geomspace(1e-2, 1e4, 25)


class RidgeRegression(Surrogate):
    """Ridge regression on standardised features, with the penalty chosen by exact leave-one-out error.

    The deviation is the size of leave-one-out residuals at similar predicted values (`LocalScale`), widened by the
    leverage of the row.

    Args:
        penalty: Penalty on the squared weights, above 0; None for the best of 25 from 0.01 to 10,000.

    Attributes:
        penalty_: The penalty used.
        coef_: Weights of the standardised features, in the unit of the targets, shape (d,).

    >>> x = np.random.default_rng(0).random((100, 2))
    >>> mean = RidgeRegression().fit(x, 3 * x[:, 0]).predict(x)
    >>> bool(abs(mean - 3 * x[:, 0]).max() < 0.01)
    True
    """

    def __init__(self, *, penalty: float | None = None) -> None:
        self.penalty = penalty

    def _fit(self, X: FloatArray, y: FloatArray) -> None:
        penalties = _PENALTIES if self.penalty is None else np.array([number(self, "penalty", above=0)])
        self._scaled, self._features = Scaled(y), StandardFeatures(X)
        z, rows = self._scaled.forward(y), self._features(X)
        left, singular, right = np.linalg.svd(rows, full_matrices=False)
        residuals = np.array([_leave_one_out(left, singular, z, penalty) for penalty in penalties])
        best = int((residuals**2).sum(axis=1).argmin())
        self.penalty_ = float(penalties[best])
        self._weights = right.T @ (singular / (singular**2 + self.penalty_) * (left.T @ z))
        self.coef_ = self._weights * self._scaled.scale
        self._spread = right.T / np.sqrt(singular**2 + self.penalty_)  # its rows' squares give a row's leverage
        self._local = LocalScale(z - residuals[best], z)

    def _predict(self, X: FloatArray, return_std: bool) -> tuple[FloatArray, FloatArray]:
        rows = self._features(X)
        mean = rows @ self._weights
        deviation = np.empty(0)
        if return_std:
            deviation = self._local(mean) * np.sqrt(1 + ((rows @ self._spread) ** 2).sum(axis=1))
        return self._scaled.back(mean), deviation * self._scaled.scale


def _leave_one_out(left: FloatArray, singular: FloatArray, z: FloatArray, penalty: float) -> FloatArray:
    """Return each row's residual when the model is fitted without it, shape (n,)."""
    shrink = singular**2 / (singular**2 + penalty)
    fitted = left @ (shrink * (left.T @ z))
    leverage = (left**2) @ shrink + 1 / len(z)
    return np.asarray((z - fitted) / np.maximum(1 - leverage, 1e-3))
