"""One model for several metrics: each learns from the cheaper ones before it."""

# ruff: noqa: N803, N806 - X is scikit-learn's name for rows of features

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils import Tags, check_array, check_consistent_length
from sklearn.utils.validation import check_is_fitted, validate_data

from robustnas.arrays import FloatArray
from robustnas.errors import InvalidInputError
from surrogates.base import MOST_TREES, Surrogate, at_least, seeds
from surrogates.boosted_trees import BoostedTrees


class MultiTask(Surrogate):
    """A chain of boosted trees over several metrics (Spyromitros-Xioufis et al., 2016).

    Metrics are learned in the order of how many rows have them, most first. Each metric has two models. The *blind*
    model adds the chain's predictions of the earlier metrics to the features (out of fold for training rows). It is
    used for networks without measurements, and learns an expensive attack from few measurements if clean and FGSM
    accuracy are known for many networks. The *informed* model adds the measured earlier metrics. It is used for
    networks whose cheap metrics are known, and gains more the more informative these are.

    Args:
        n_estimators: Trees per booster.
        n_folds: Boosters per metric.
        random_state: Seeds folds and trees.

    Attributes:
        order_: The columns of y in the order of the chain.
        blind_: The model of each metric without measurements, by column of y.
        informed_: The model of each metric but the first with measurements of earlier ones, by column of y.

    >>> rng = np.random.default_rng(0)
    >>> x = rng.random((200, 2))
    >>> y = np.column_stack([x[:, 0], x[:, 0] ** 2])
    >>> y[50:, 1] = np.nan
    >>> model = MultiTask(random_state=0).fit(x, y)
    >>> model.predict(x[:5]).shape, model.order_
    ((5, 2), (0, 1))
    """

    def __init__(
        self,
        *,
        n_estimators: int = 100,
        n_folds: int = 5,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.n_estimators = n_estimators
        self.n_folds = n_folds
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> MultiTask:
        """Fit several metrics.

        Args:
            X: Features, shape (n, d); NaN where missing.
            y: Metrics, shape (n, k) with NaN where unknown, or (n,) for one metric.

        Raises:
            ValueError: Shapes are inconsistent, values are infinite, a metric is unknown in every row, or a parameter
                is invalid (the message names it).
        """
        X = validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan")
        if y is None:
            raise InvalidInputError(f"{type(self).__name__} requires y to be passed, but the target y is None")
        y = check_array(y, dtype=np.float64, ensure_2d=False, ensure_all_finite="allow-nan", input_name="y")
        check_consistent_length(X, y)
        self._single = y.ndim == 1
        self._fit(X, y.reshape(len(y), -1))
        return self

    def predict(self, X: Any, return_std: bool = False, known: Any = None) -> Any:
        """Return predicted metrics, shape (n, k), or (n,) if `y` was; with `return_std` also their deviations.

        Args:
            X: Features, shape (n, d).
            return_std: Whether to return deviations too.
            known: Measured metrics of these rows, shape (n, k), NaN where unknown; they inform the more expensive ones.
        """
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan", reset=False)
        mean, deviation = self._chain(X, self._checked_known(known, len(X)))
        if self._single:
            mean, deviation = mean[:, 0], deviation[:, 0]
        return (mean, deviation) if return_std else mean

    def _fit(self, X: FloatArray, y: FloatArray) -> None:
        n_known = np.isfinite(y).sum(axis=0)
        if not n_known.all():
            raise InvalidInputError(f"column {int(n_known.argmin())} of y has no known value; expected at least one")
        self.order_ = tuple(np.argsort(-n_known, kind="stable").tolist())
        self.blind_: dict[int, BoostedTrees] = {}
        self.informed_: dict[int, BoostedTrees] = {}
        drawn = iter(seeds(self.random_state, 2 * y.shape[1]))
        predicted = np.full(y.shape, np.nan)
        for place, task in enumerate(self.order_):
            earlier, rows = list(self.order_[:place]), np.isfinite(y[:, task])
            blind, informed = self._link(int(next(drawn))), self._link(int(next(drawn)))
            features = np.column_stack([X, predicted[:, earlier]])
            self.blind_[task] = blind.fit(features[rows], y[rows, task])
            predicted[:, task] = blind.predict(features)
            predicted[rows, task] = blind.out_of_fold_
            if earlier:
                measured = np.column_stack([X, y[:, earlier]])
                self.informed_[task] = informed.fit(measured[rows], y[rows, task])

    def _link(self, seed: int) -> BoostedTrees:
        n_estimators, n_folds = at_least(self, "n_estimators", 1, MOST_TREES), at_least(self, "n_folds", 2)
        return BoostedTrees(n_estimators=n_estimators, n_folds=n_folds, random_state=seed)

    def _predict(self, X: FloatArray, return_std: bool) -> tuple[FloatArray, FloatArray]:  # noqa: ARG002 - both at once
        return self._chain(X, self._checked_known(None, len(X)))

    def _chain(self, X: FloatArray, known: FloatArray) -> tuple[FloatArray, FloatArray]:
        mean, deviation = np.empty((2, len(X), len(self.order_)))
        for place, task in enumerate(self.order_):
            earlier = list(self.order_[:place])
            features = np.column_stack([X, mean[:, earlier]])
            mean[:, task], deviation[:, task] = self.blind_[task].predict(features, return_std=True)
            told = np.isfinite(known[:, earlier]).any(axis=1)
            if told.any():
                features = np.column_stack([X, known[:, earlier]])[told]
                mean[told, task], deviation[told, task] = self.informed_[task].predict(features, return_std=True)
        return mean, deviation

    def _checked_known(self, known: Any, n: int) -> FloatArray:
        shape = (n, len(self.order_))
        if known is None:
            return np.full(shape, np.nan)
        known = np.asarray(known, dtype=np.float64)
        if known.shape != shape:
            raise InvalidInputError(f"known has shape {known.shape}; expected {shape}")
        return np.asarray(known)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
