"""An ensemble of small neural networks, as in BANANAS (White, Neiswanger and Savani, 2021)."""

# ruff: noqa: N803 - X is scikit-learn's name for rows of features

from __future__ import annotations

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPRegressor

from robustnas.arrays import FloatArray
from robustnas.checks import whole_number
from surrogates.base import StandardFeatures, at_least, number
from surrogates.cross_fitted import CrossFitted


class MLPEnsemble(CrossFitted):
    """Multi-layer perceptrons, cross-fitted: each has its own initial weights and leaves out one fold.

    BANANAS trains five networks of ten narrow layers with mini-batches; on a few hundred rows, one wide layer and
    L-BFGS on all rows at once are enough and take a third of a second.

    Args:
        hidden_layer_sizes: Neurons per hidden layer.
        alpha: Penalty on the squared weights, above 0.
        max_iterations: Iterations of L-BFGS; few iterations also regularise.
        n_folds: Number of networks.
        random_state: Seeds folds and initial weights.

    >>> x = np.random.default_rng(0).random((100, 2))
    >>> MLPEnsemble(random_state=0).fit(x, x[:, 0]).predict(x[:3]).shape
    (3,)
    """

    def __init__(
        self,
        *,
        hidden_layer_sizes: tuple[int, ...] = (64,),
        alpha: float = 3.0,
        max_iterations: int = 100,
        n_folds: int = 5,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        super().__init__(n_folds=n_folds, random_state=random_state)
        self.hidden_layer_sizes = hidden_layer_sizes
        self.alpha = alpha
        self.max_iterations = max_iterations

    def _fit_member(self, X: FloatArray, y: FloatArray, seed: int) -> _Network:
        sizes = [self._positive(size) for size in self.hidden_layer_sizes]
        features = StandardFeatures(X)
        network = MLPRegressor(
            hidden_layer_sizes=sizes,
            alpha=number(self, "alpha", above=0),
            max_iter=at_least(self, "max_iterations", 1),
            solver="lbfgs",
            random_state=seed,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # stopping early is intended
            network.fit(features(X), y)
        return _Network(features, network)

    def _positive(self, size: int) -> int:
        return whole_number(f"MLPEnsemble: a size in hidden_layer_sizes {self.hidden_layer_sizes!r}", size, at_least=1)


class _Network:
    def __init__(self, features: StandardFeatures, network: MLPRegressor) -> None:
        self._features, self._network = features, network

    def predict(self, X: FloatArray, /) -> FloatArray:
        return np.asarray(self._network.predict(self._features(X)))
