"""Gradient-boosted trees (Chen and Guestrin, 2016): the default surrogate."""

# ruff: noqa: N803 - X is scikit-learn's name for rows of features

from __future__ import annotations

from typing import Any

import numpy as np
import xgboost

from robustnas.arrays import FloatArray, IntArray
from surrogates.base import MOST_THREADS, MOST_TREES, TreeSurrogate, at_least, number
from surrogates.cross_fitted import CrossFitted

_DEEPEST = 1000  # levels of a tree


class BoostedTrees(CrossFitted, TreeSurrogate):
    """XGBoost, cross-fitted: ten boosters, each leaving out a tenth of the rows.

    Args:
        n_estimators: Trees per booster.
        max_depth: Maximum depth of a tree.
        learning_rate: Above 0, up to 1.
        subsample: Share of the rows used per tree.
        colsample_bynode: Share of the features considered per split.
        min_child_weight: Minimum number of rows in a leaf.
        n_folds: Number of boosters.
        n_jobs: Threads; 1 is fastest on a few hundred rows.
        random_state: Seeds folds and trees.

    Attributes:
        feature_importances_: Each feature's share of the total gain, shape (d,).

    >>> rng = np.random.default_rng(0)
    >>> x = rng.random((200, 3))
    >>> model = BoostedTrees(random_state=0).fit(x, x[:, 0] ** 2)
    >>> mean, deviation = model.predict(x[:5], return_std=True)
    >>> mean.shape, int(model.feature_importances_.argmax())
    ((5,), 0)
    """

    def __init__(
        self,
        *,
        n_estimators: int = 100,
        max_depth: int = 5,
        learning_rate: float = 0.1,
        subsample: float = 0.7,
        colsample_bynode: float = 0.3,
        min_child_weight: float = 2.0,
        n_folds: int = 10,
        n_jobs: int = 1,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        super().__init__(n_folds=n_folds, random_state=random_state)
        self.n_estimators = n_estimators
        self.max_depth = max_depth
        self.learning_rate = learning_rate
        self.subsample = subsample
        self.colsample_bynode = colsample_bynode
        self.min_child_weight = min_child_weight
        self.n_jobs = n_jobs

    @property
    def feature_importances_(self) -> FloatArray:
        """Each feature's share of the total gain, shape (d,); zeros if no tree splits."""
        gains = np.zeros(self.n_features_in_)
        for member in self.members_:
            assert isinstance(member, _Booster)
            for feature, gain in member.booster.get_score(importance_type="total_gain").items():
                gains[int(feature.removeprefix("f"))] += gain
        return np.asarray(gains / max(gains.sum(), 1e-300))

    def _leaves(self, X: FloatArray) -> IntArray:
        rows = xgboost.DMatrix(X)
        boosters = [member.booster for member in self.members_ if isinstance(member, _Booster)]
        each = [booster.predict(rows, pred_leaf=True).reshape(len(X), -1) for booster in boosters]
        return np.concatenate(each, axis=1).astype(np.int64)

    def _fit_member(self, X: FloatArray, y: FloatArray, seed: int) -> _Booster:
        parameters = {
            "max_depth": at_least(self, "max_depth", 1, _DEEPEST),
            "eta": number(self, "learning_rate", above=0, up_to=1),
            "subsample": number(self, "subsample", above=0, up_to=1),
            "colsample_bynode": number(self, "colsample_bynode", above=0, up_to=1),
            "min_child_weight": number(self, "min_child_weight", above=0),
            "nthread": at_least(self, "n_jobs", 1, MOST_THREADS),
            "tree_method": "hist",
            "seed": seed,
        }
        n_estimators = at_least(self, "n_estimators", 1, MOST_TREES)
        return _Booster(xgboost.train(parameters, xgboost.DMatrix(X, y), n_estimators))


class _Booster:
    def __init__(self, booster: Any) -> None:
        self.booster = booster

    def predict(self, X: FloatArray, /) -> FloatArray:
        return np.asarray(self.booster.inplace_predict(X), dtype=np.float64)
