"""Random forest (Breiman, 2001) with standard deviations from out-of-bag residuals."""

# ruff: noqa: N803 - X is scikit-learn's name for rows of features

from __future__ import annotations

import numpy as np
from sklearn.ensemble import RandomForestRegressor
from sklearn.tree import DecisionTreeRegressor

from robustnas.arrays import FloatArray, IntArray
from surrogates.base import MOST_THREADS, MOST_TREES, Scaled, TreeSurrogate, at_least, number, seeds
from surrogates.calibration import LocalScale


class Forest(TreeSurrogate):
    """A random forest; the deviation is the size of out-of-bag residuals at similar predicted values (`LocalScale`).

    Args:
        n_estimators: Number of trees.
        max_features: Share of the features considered per split, above 0, up to 1.
        min_samples_leaf: Minimum number of rows in a leaf.
        n_jobs: Threads.
        random_state: Seeds bootstrap samples and splits.

    Attributes:
        forest_: The fitted forest, on standardised targets.
        feature_importances_: Each feature's share of the total gain, shape (d,).

    >>> x = np.random.default_rng(0).random((100, 2))
    >>> model = Forest(n_estimators=50, random_state=0).fit(x, x[:, 1])
    >>> int(model.feature_importances_.argmax())
    1
    """

    def __init__(
        self,
        *,
        n_estimators: int = 200,
        max_features: float = 0.3,
        min_samples_leaf: int = 1,
        n_jobs: int = 1,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.n_estimators = n_estimators
        self.max_features = max_features
        self.min_samples_leaf = min_samples_leaf
        self.n_jobs = n_jobs
        self.random_state = random_state

    @property
    def feature_importances_(self) -> FloatArray:
        """Each feature's share of the total gain, shape (d,)."""
        return np.asarray(self.forest_.feature_importances_)

    def _fit(self, X: FloatArray, y: FloatArray) -> None:
        self.forest_ = RandomForestRegressor(
            n_estimators=at_least(self, "n_estimators", 1, MOST_TREES),
            max_features=number(self, "max_features", above=0, up_to=1),
            min_samples_leaf=at_least(self, "min_samples_leaf", 1),
            n_jobs=at_least(self, "n_jobs", 1, MOST_THREADS),
            random_state=int(seeds(self.random_state, 1)[0]),
        )
        self._scaled = Scaled(y)
        z = self._scaled.forward(y)
        self.forest_.fit(X, z)
        self._local = LocalScale(self._out_of_bag(X), z)

    def _out_of_bag(self, X: FloatArray) -> FloatArray:
        """Return the mean over the trees that left a row out; 0, the mean of the targets, if no tree did."""
        total, count = np.zeros((2, len(X)))
        single = X.astype(np.float32)
        for tree, sampled in zip(self.forest_.estimators_, self.forest_.estimators_samples_, strict=True):
            unseen = np.bincount(sampled, minlength=len(X)) == 0
            if unseen.any():
                total[unseen] += _tree_prediction(tree, single[unseen])
                count += unseen
        return np.asarray(total / np.maximum(count, 1))

    def _leaves(self, X: FloatArray) -> IntArray:
        single = X.astype(np.float32)
        return np.column_stack([tree.tree_.apply(single) for tree in self.forest_.estimators_]).astype(np.int64)

    def _predict(self, X: FloatArray, return_std: bool) -> tuple[FloatArray, FloatArray]:
        mean = np.asarray(self.forest_.predict(X))
        deviation = self._local(mean) if return_std else np.empty(0)
        return self._scaled.back(mean), deviation * self._scaled.scale


def _tree_prediction(tree: DecisionTreeRegressor, X: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> FloatArray:
    return np.asarray(tree.tree_.predict(X)[:, 0])
