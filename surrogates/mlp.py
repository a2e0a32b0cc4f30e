"""An ensemble of small neural networks, as in BANANAS (White, Neiswanger and Savani, 2021)."""

# ruff: noqa: N803 - X is scikit-learn's name for rows of features

from __future__ import annotations

import warnings
from itertools import pairwise

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPRegressor

from robustnas.arrays import FloatArray
from robustnas.checks import listed, whole_number
from robustnas.errors import InvalidInputError, excerpt
from surrogates.base import MOST_ITERATIONS, StandardFeatures, at_least, number
from surrogates.cross_fitted import CrossFitted

_MOST_WEIGHTS = 10_000_000  # L-BFGS keeps twenty copies of them


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
        sizes = self._sizes(X.shape[1])
        features = StandardFeatures(X)
        network = MLPRegressor(
            hidden_layer_sizes=sizes,
            alpha=number(self, "alpha", above=0),
            max_iter=at_least(self, "max_iterations", 1, MOST_ITERATIONS),
            solver="lbfgs",
            random_state=seed,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # stopping early is intended
            network.fit(features(X), y)
        return _Network(features, network)

    def _sizes(self, n_features: int) -> list[int]:
        given = excerpt(self.hidden_layer_sizes)
        name = f"MLPEnsemble: a size in hidden_layer_sizes {given}"
        sizes = [whole_number(name, size, at_least=1) for size in listed(self.hidden_layer_sizes)]
        n_weights = sum(before * after for before, after in pairwise([n_features, *sizes, 1]))
        if not sizes or n_weights > _MOST_WEIGHTS:
            raise InvalidInputError(
                f"MLPEnsemble: hidden_layer_sizes is {given}; expected a list of sizes with at most {_MOST_WEIGHTS:,} "
                "weights in all"
            )
        return sizes


class _Network:
    def __init__(self, features: StandardFeatures, network: MLPRegressor) -> None:
        self._features, self._network = features, network

    def predict(self, X: FloatArray, /) -> FloatArray:
        return np.asarray(self._network.predict(self._features(X)))
