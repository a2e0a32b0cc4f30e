"""What a model-based searcher believes of all networks, given the utilities it knows.

A belief works on rows of networks (ascending uid) and on utilities in standardised units. Networks asked for
whose utility is not known yet count as what was expected of them, so that a batch does not ask for like networks.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from robustnas.arrays import FloatArray, read_only
from robustnas.spaces import EnumerableSpace, encoding
from surrogates.incremental_gp import IncrementalPosterior
from surrogates.matern import standardise

_GP_REFITS = frozenset((10, 15, 20, 30, 40, 60, 80, 110, 160, 220, 300, 400, 550, 750, 1000))
_REFIT_GROWTH = 1.1  # a fitted surrogate is kept until the data grew by a tenth, so that fits stay few
_JOINT_CANDIDATES = 400
_SMALLEST_STD = 1e-6


class Belief(ABC):
    """A model of one utility over all networks."""

    @abstractmethod
    def update(self, rows: Sequence[int], values: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Take in everything known and return mean and deviation of every network.

        Args:
            rows: The networks asked for or known, in order; longer than at the last call, or equal.
            values: Their standardised utilities, shape (n,); NaN where not known yet.
        """

    @abstractmethod
    def draw(self, rng: np.random.Generator) -> FloatArray:
        """Draw a function from the model as of the last update, shape (n_networks,)."""


class GPBelief(Belief):
    """A Gaussian process that keeps its factorisation: one observation costs one pass over the networks.

    Length scales, one per group of features, are re-estimated at few, growing sizes (marginal likelihood).

    Args:
        features: Groups of features, each of shape (n_networks, n_features), scaled alike.
    """

    def __init__(self, features: Sequence[FloatArray]) -> None:
        self._features = list(features)
        self._capacity = 512
        self._posterior = IncrementalPosterior(self._features, self._capacity)
        self._n = 0
        self._mean, self._std = _prior(self._features[0])

    def update(self, rows: Sequence[int], values: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Refit at scheduled sizes, else add the new rows one by one."""
        believed = np.where(np.isnan(values), self._mean[list(rows)], values)
        added = range(self._n + 1, len(rows) + 1)
        if len(rows) > self._capacity:
            self._grow(len(rows))
            added = range(len(rows), len(rows) + 1)
            self._n = 0
        if self._n == 0 or not _GP_REFITS.isdisjoint(added):
            self._posterior.refit(list(rows), believed)
        else:
            for row in rows[self._n :]:
                self._posterior.add(row)
        self._n = len(rows)
        self._mean, self._std = self._posterior.predict(believed)
        return self._mean, np.maximum(self._std, _SMALLEST_STD)

    def draw(self, rng: np.random.Generator) -> FloatArray:
        """Draw jointly for the networks that could be best (highest mean + 3 std), independently for the others."""
        values = self._mean + self._std * rng.standard_normal(len(self._mean))
        top = np.argpartition(-(self._mean + 3 * self._std), _JOINT_CANDIDATES)[:_JOINT_CANDIDATES]
        covariance = self._posterior.covariance(top)
        jitter = 1e-8 * max(float(np.trace(covariance)) / len(top), 1e-6)
        eigenvalues, vectors = np.linalg.eigh(covariance + jitter * np.eye(len(top)))
        root = vectors * np.sqrt(np.maximum(eigenvalues, 0.0))
        values[top] = self._mean[top] + root @ rng.standard_normal(len(top))
        return np.asarray(values)

    def _grow(self, n: int) -> None:
        self._capacity = 2 * n
        params = self._posterior.params
        self._posterior = IncrementalPosterior(self._features, self._capacity)
        self._posterior.params = params


class RegressorBelief(Belief):
    """Any regressor with ``predict(X, return_std=True)``, fitted again when the data grew by a tenth.

    Args:
        make: Builds the regressor from a seed.
        features: Shape (6466, n_features).
        rng: Seeds the regressors.
    """

    def __init__(self, make: Callable[[int], object], features: FloatArray, rng: np.random.Generator) -> None:
        self._make = make
        self._features = features
        self._rng = rng
        self._next_fit = 0
        self._mean, self._std = _prior(features)

    def update(self, rows: Sequence[int], values: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Fit where it is time to; what became known since the last fit counts at the next."""
        if len(rows) >= self._next_fit:
            self._next_fit = max(len(rows) + 1, int(_REFIT_GROWTH * len(rows)))
            model = self._make(int(self._rng.integers(2**31)))
            known = ~np.isnan(values)
            model.fit(self._features[np.array(rows)[known]], values[known])  # type: ignore[attr-defined]
            mean, std = model.predict(self._features, return_std=True)  # type: ignore[attr-defined]
            self._mean, self._std = np.asarray(mean, dtype=float), np.maximum(std, _SMALLEST_STD)
        return self._mean, self._std

    def draw(self, rng: np.random.Generator) -> FloatArray:
        """Draw every network independently: regressors give no covariance."""
        return np.asarray(self._mean + self._std * rng.standard_normal(len(self._mean)))


def make_belief(
    surrogate: str, encodings: str, space: EnumerableSpace[Any], rng: np.random.Generator, **parameters: object
) -> Belief:
    """Return a belief for a surrogate's name and an encoding's name.

    Args:
        surrogate: ``gp``, which is updated per observation, or any other name of `surrogates.SURROGATES`.
        encodings: Encodings joined by ``+``; a comma separates groups that the GP's kernel scales apart.
        space: What is searched.
        rng: Seeds the regressors.
        parameters: The surrogate's own parameters.
    """
    if surrogate == "gp":
        return GPBelief(network_features(encodings, space))
    from surrogates import make_surrogate

    name = "+".join(part.strip() for part in encodings.split(","))
    features = encoding(name, space=space).values[space.network_indices()]

    def make(seed: int) -> object:
        return make_surrogate(surrogate, encoding(name, space=space), random_state=seed, **parameters)

    return RegressorBelief(make, features, rng)


@lru_cache(maxsize=32)
def network_features(encodings: str, space: EnumerableSpace[Any]) -> tuple[FloatArray, ...]:
    """Return the groups of features of all networks, each scaled so that groups compare."""
    rows = space.network_indices()
    parts = [encoding(part.strip(), space=space).values[rows] for part in encodings.split(",")]
    return tuple(read_only(standardise(part)) for part in parts)


def _prior(features: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return mean 0 and deviation 1 of every network."""
    return np.zeros(len(features)), np.ones(len(features))
