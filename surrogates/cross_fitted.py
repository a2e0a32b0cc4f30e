"""Cross-fitted ensembles: each member leaves out a fold, so one set of fits gives predictions, spread and residuals."""

# ruff: noqa: N803 - X is scikit-learn's name for rows of features

from __future__ import annotations

import inspect
from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, clone
from sklearn.pipeline import Pipeline
from sklearn.utils import Tags, get_tags

from robustnas.arrays import FloatArray, IntArray
from surrogates.base import Scaled, Surrogate, at_least, seeds
from surrogates.calibration import LocalScale


class Member(Protocol):
    """A fitted member of an ensemble."""

    def predict(self, X: Any, /) -> Any:
        """Return predictions, shape (n,)."""


def cross_fit(
    fit: Callable[[NDArray[Any], FloatArray, int], Member],
    X: NDArray[Any],
    y: FloatArray,
    seed: int,
    member_seeds: Sequence[int],
    groups: IntArray | None = None,
) -> tuple[list[Member], FloatArray]:
    """Fit members that each leave out one fold.

    Args:
        fit: Fits a member to rows and targets, with a seed.
        X: Rows, n of them.
        y: Targets, shape (n,).
        seed: Seeds the folds.
        member_seeds: One per fold and member, at most n, or as many as there are groups.
        groups: A label per row, shape (n,): rows of one label are in one fold. None if each is on its own.

    Returns:
        The members, and each row's prediction by the member that left it out, shape (n,).
    """
    labels = np.arange(len(y)) if groups is None else np.unique(groups, return_inverse=True)[1]
    folds = (np.random.default_rng(seed).permutation(int(labels.max()) + 1) % len(member_seeds))[labels]
    members, out_of_fold = [], np.empty(len(y))
    for fold, member_seed in enumerate(member_seeds):
        left_out = folds == fold
        kept = left_out if left_out.all() else ~left_out  # a single row, or group, is its own fold
        members.append(fit(X[kept], y[kept], int(member_seed)))
        out_of_fold[left_out] = members[-1].predict(X[left_out])
    return members, out_of_fold


class CrossFitted(Surrogate):
    """Base class of ensembles: every member is fitted without one fold; predictions are the mean over members.

    The deviation adds the members' spread, which grows away from the training data, to the size of the out-of-fold
    residuals at similar predicted values (`LocalScale`). Targets are standardised for the members.

    Args:
        n_folds: Number of folds and members, limited to the number of rows.
        random_state: Seeds folds and members.

    Attributes:
        members_: The fitted members.
        out_of_fold_: Each training row's prediction by the member that left it out, shape (n,).
    """

    def __init__(self, *, n_folds: int = 10, random_state: int | np.random.RandomState | None = None) -> None:
        self.n_folds = n_folds
        self.random_state = random_state

    @abstractmethod
    def _fit_member(self, X: FloatArray, y: FloatArray, seed: int) -> Member:
        """Fit one member to standardised targets."""

    def cross_predict(self, X: FloatArray, y: FloatArray, groups: IntArray) -> FloatArray:
        """Return a prediction of every row by a member that has seen no row of its group, shape (n,).

        Args:
            X: Features, shape (n, d).
            y: Targets, shape (n,), finite.
            groups: A label per row, shape (n,).
        """
        scaled = Scaled(y)
        n_folds = min(at_least(self, "n_folds", 2), len(np.unique(groups)))
        own, *others = seeds(self.random_state, n_folds + 1)
        return scaled.back(cross_fit(self._fit_member, X, scaled.forward(y), own, others, groups)[1])

    def _fit(self, X: FloatArray, y: FloatArray) -> None:
        n_folds = min(at_least(self, "n_folds", 2), len(y))
        own, *others = seeds(self.random_state, n_folds + 1)
        self._scaled = Scaled(y)
        z = self._scaled.forward(y)
        self.members_, out_of_fold = cross_fit(self._fit_member, X, z, own, others)
        self._local = LocalScale(out_of_fold, z)
        self.out_of_fold_ = self._scaled.back(out_of_fold)

    def _predict(self, X: FloatArray, return_std: bool) -> tuple[FloatArray, FloatArray]:
        each = np.array([member.predict(X) for member in self.members_], dtype=np.float64)
        mean = each.mean(axis=0)
        deviation = np.hypot(self._local(mean), each.std(axis=0)) if return_std else np.empty(0)
        return self._scaled.back(mean), deviation * self._scaled.scale


class WithDeviation(CrossFitted):
    """Turns any regressor into a surrogate: a cross-fitted ensemble of clones.

    Args:
        regressor: A scikit-learn regressor; it is cloned, never fitted itself.
        n_folds: Number of folds and clones.
        random_state: Seeds the folds, and the clones if they have that parameter.

    >>> from sklearn.neighbors import KNeighborsRegressor
    >>> x = np.linspace(0, 1, 50)[:, None]
    >>> model = WithDeviation(KNeighborsRegressor(), random_state=0).fit(x, x[:, 0])
    >>> mean, deviation = model.predict(x, return_std=True)
    >>> mean.shape, bool((deviation > 0).all())
    ((50,), True)
    """

    def __init__(
        self,
        regressor: BaseEstimator,
        *,
        n_folds: int = 5,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        super().__init__(n_folds=n_folds, random_state=random_state)
        self.regressor = regressor

    def _fit_member(self, X: FloatArray, y: FloatArray, seed: int) -> Member:
        member = clone(self.regressor)
        if "random_state" in member.get_params():
            member.set_params(random_state=seed)
        fitted: Member = member.fit(X, y)
        return fitted

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = get_tags(self.regressor).input_tags.allow_nan
        return tags


def with_std(regressor: BaseEstimator, random_state: int | np.random.RandomState | None = 0) -> BaseEstimator:
    """Return the regressor itself if its `predict` accepts `return_std`; otherwise wrap it in a `WithDeviation`.

    >>> from sklearn.linear_model import BayesianRidge, LinearRegression
    >>> type(with_std(BayesianRidge())).__name__, type(with_std(LinearRegression())).__name__
    ('BayesianRidge', 'WithDeviation')
    """
    last = regressor[-1] if isinstance(regressor, Pipeline) else regressor
    if "return_std" in inspect.signature(last.predict).parameters:
        return regressor
    return WithDeviation(regressor, random_state=random_state)
