"""The interface of surrogates: scikit-learn regressors that also return standard deviations.

A surrogate is any regressor whose ``predict(X, return_std=True)`` returns mean and standard deviation ("deviation" for
short). The deviation is that of an *observation*, training noise included, so that ``mean +- 1.96 deviation`` covers
about 95 % of new networks.
"""

# ruff: noqa: N803, N806 - X is scikit-learn's name for rows of features

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any, Literal, overload

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.impute import SimpleImputer
from sklearn.utils import Tags, check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from robustnas.arrays import FloatArray, IntArray
from robustnas.checks import LARGEST_INTEGER, whole_number
from robustnas.errors import InvalidInputError, excerpt

LARGEST_SEED = 2**31 - 1
MOST_TREES, MOST_ITERATIONS, MOST_THREADS = 100_000, 1_000_000, 1024


class Surrogate(RegressorMixin, BaseEstimator, ABC):  # type: ignore[misc]
    """Base class of surrogates: validates input and passes finite targets to `_fit` and rows to `_predict`.

    Constructors only store parameters; `_fit` validates them and stores learned state in attributes ending in ``_``.
    Missing features (NaN) are allowed: trees split on them, other surrogates impute the mean of the training rows.
    """

    def fit(self, X: Any, y: Any) -> Surrogate:
        """Fit the surrogate to features and targets.

        Args:
            X: Features, shape (n, d); NaN where missing.
            y: Targets, shape (n,), finite.

        Raises:
            ValueError: Shapes are inconsistent, values are not finite, or a parameter is invalid; names it.
        """
        X, y = validate_data(self, X, y, dtype=np.float64, ensure_all_finite="allow-nan", y_numeric=True)
        self._fit(X, np.asarray(y, dtype=np.float64))
        return self

    @overload
    def predict(self, X: Any, return_std: Literal[False] = False) -> FloatArray: ...
    @overload
    def predict(self, X: Any, return_std: Literal[True]) -> tuple[FloatArray, FloatArray]: ...
    def predict(self, X: Any, return_std: bool = False) -> FloatArray | tuple[FloatArray, FloatArray]:
        """Return predictions, shape (n,); with `return_std` also their standard deviations, positive, shape (n,)."""
        check_is_fitted(self)
        mean, deviation = self._predict(self._checked(X), return_std)
        return (mean, deviation) if return_std else mean

    def _checked(self, X: Any) -> FloatArray:
        """Return rows to predict as an array, checked against those that the surrogate was fitted to."""
        return np.asarray(validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan", reset=False))

    @abstractmethod
    def _fit(self, X: FloatArray, y: FloatArray) -> None:
        """Fit to validated rows and targets."""

    @abstractmethod
    def _predict(self, X: FloatArray, return_std: bool) -> tuple[FloatArray, FloatArray]:
        """Return means and deviations; the deviations are used only if `return_std` is set."""

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


class TreeSurrogate(Surrogate):
    """Base class of surrogates made of trees, whose leaves say which rows are alike."""

    def leaves(self, X: Any) -> IntArray:
        """Return the leaf of every row in every tree, shape (n, n_trees), integers from 0."""
        check_is_fitted(self)
        return self._leaves(self._checked(X))

    @abstractmethod
    def _leaves(self, X: FloatArray) -> IntArray:
        """Return the leaves of validated rows."""


class Scaled:
    """Centre and scale of targets; constant targets have scale 1."""

    def __init__(self, y: FloatArray) -> None:
        self.centre = float(y.mean())
        spread = float(y.std())
        self.scale = spread if spread > 1e-12 * (1 + abs(self.centre)) else 1.0

    def forward(self, y: FloatArray) -> FloatArray:
        """Return standardised targets."""
        return np.asarray((y - self.centre) / self.scale)

    def back(self, z: FloatArray) -> FloatArray:
        """Return targets in their original unit."""
        return np.asarray(z * self.scale + self.centre)


class StandardFeatures:
    """Imputes missing features with the mean of the training rows, then centres and scales them.

    Columns that are constant in the training rows are uninformative and become 0.
    """

    def __init__(self, X: FloatArray) -> None:
        self._imputer = SimpleImputer(keep_empty_features=True).fit(X)
        filled = self._imputer.transform(X)
        self._mean = filled.mean(axis=0)
        spread = filled.std(axis=0)
        varies = spread > 1e-9 * (1 + np.abs(self._mean))
        self._weight = np.where(varies, 1 / np.where(varies, spread, 1.0), 0.0)

    def __call__(self, X: FloatArray) -> FloatArray:
        """Return standardised rows, of the same shape as `X`."""
        return np.asarray((self._imputer.transform(X) - self._mean) * self._weight)


def seeds(random_state: int | np.random.RandomState | None, n: int) -> IntArray:
    """Return `n` seeds drawn from a scikit-learn random state."""
    if random_state is not None and not isinstance(random_state, np.random.RandomState):
        whole_number("random_state", random_state, at_least=0, at_most=2**32 - 1)
    return np.asarray(check_random_state(random_state).randint(LARGEST_SEED, size=n), dtype=np.int64)


def at_least(surrogate: BaseEstimator, name: str, minimum: int, maximum: int = LARGEST_INTEGER) -> int:
    """Return an integer parameter; the error for a bad one names surrogate, parameter, value and bound."""
    value = getattr(surrogate, name)
    return whole_number(f"{type(surrogate).__name__}: {name}", value, at_least=minimum, at_most=maximum)


def number(surrogate: BaseEstimator, name: str, *, above: float, up_to: float = math.inf) -> float:
    """Return a real parameter; the error for a bad one names surrogate, parameter, value and bounds."""
    value = getattr(surrogate, name)
    if isinstance(value, (int, float, np.number)) and not isinstance(value, bool) and above < value <= up_to:
        return float(value)
    bounds = f"above {above:g}" + (f" and up to {up_to:g}" if math.isfinite(up_to) else "")
    raise InvalidInputError(f"{type(surrogate).__name__}: {name} is {excerpt(value)}; expected a number {bounds}")
