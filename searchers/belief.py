"""A model-based searcher's belief about all networks, given the utilities known so far.

A belief works on rows of networks (ascending uid) and on standardised utilities. For pending networks, whose utility is
not known yet, the predicted utility is used, so that a batch does not contain near-duplicates.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np

from robustnas.arrays import FloatArray, IntArray, read_only
from robustnas.spaces import EnumerableSpace, encoding
from searchers.candidate_features import CandidateFeatures
from surrogates.incremental_gp import Distances, IncrementalPosterior
from surrogates.matern import standardise

_GP_REFITS = frozenset((10, 15, 20, 30, 40, 60, 80, 110, 160, 220, 300, 400, 550, 750, 1000))
_JOINT_CANDIDATES = 400
_SMALLEST_STD = 1e-6


class Belief(ABC):
    """A model of one utility over all networks.

    Attributes:
        trust: The probability, after the last update, that what it was told before the search explains the outcomes.
        noise: The variance of a measurement that the deviations of `update` leave out, in the units of the utilities.
    """

    noise: float = 0.0
    trust: float = 1.0

    @abstractmethod
    def update(self, rows: Sequence[int], values: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Condition on everything known and return the mean and standard deviation of every network.

        Args:
            rows: The networks proposed or known, in order; extends the rows of the previous call.
            values: Their standardised utilities, shape (n,); NaN where not known yet.
        """

    @abstractmethod
    def draw(self, rng: np.random.Generator) -> FloatArray:
        """Draw a function from the model after the last update, shape (n_networks,)."""

    def move(self, candidates: CandidateFeatures, former: IntArray) -> None:
        """Go on with other networks; what was learned of those proposed is kept.

        Args:
            candidates: Their features; those proposed come first, in order.
            former: The rows of the proposed ones before, -1 of one that was not there.
        """
        raise NotImplementedError(f"{type(self).__name__} keeps to the networks that it was made for")


class GPBelief(Belief):
    """A Gaussian process with an incremental factorisation: each observation costs one pass over the networks.

    Length scales, one per group of features, are re-estimated (by marginal likelihood) at a few scheduled sizes.

    Args:
        features: Groups of features, each of shape (n_networks, n_features), on a common scale; or their `Distances`.
        trend: Columns that the mean is linear in, standardised, shape (n_networks, n_trend); a constant mean if None.
    """

    def __init__(self, features: Sequence[FloatArray | Distances], trend: FloatArray | None = None) -> None:
        self._features, self._trend = list(features), trend
        self._capacity = 512
        self._posterior = IncrementalPosterior(self._features, self._capacity, trend)
        self._n = 0
        self._has_moved = False
        self._mean, self._std = _unknown(self._posterior.n_candidates)

    def move(self, candidates: CandidateFeatures, former: IntArray) -> None:
        """Go on with other networks, with the same hyperparameters until they are due."""
        self._features = list(candidates.groups)
        params = self._posterior.params
        self._posterior = IncrementalPosterior(self._features, self._capacity)
        self._posterior.params, self._has_moved = params, self._n > 0
        self._mean = _carried(self._mean, former, self._posterior.n_candidates)

    def update(self, rows: Sequence[int], values: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Refit at scheduled sizes; otherwise add the new rows one by one."""
        believed = np.where(np.isnan(values), self._mean[list(rows)], values)
        added = range(self._n + 1, len(rows) + 1)
        if len(rows) > self._capacity:
            self._grow(len(rows))
            added = range(len(rows), len(rows) + 1)
            self._n = 0
        if self._n == 0 or not _GP_REFITS.isdisjoint(added):
            self._posterior.refit(list(rows), believed)
        elif self._has_moved:
            self._posterior.refit(list(rows), believed, max_iterations=0)
        else:
            self._posterior.extend(rows[self._n :])
        self._n, self._has_moved = len(rows), False
        self._mean, self._std = self._posterior.predict(believed)
        self.noise = self._posterior.params.noise if self._posterior.params else 0.0
        self._believed = believed
        return self._mean, np.maximum(self._std, _SMALLEST_STD)

    @property
    def log_evidence(self) -> float:
        """How well it explains what was known at the last update; see `IncrementalPosterior.log_evidence`."""
        return self._posterior.log_evidence(self._believed)

    def draw(self, rng: np.random.Generator) -> FloatArray:
        """Draw jointly for the networks that could be best (highest mean + 3 std), independently for the others."""
        values = self._mean + self._std * rng.standard_normal(len(self._mean))
        top = np.arange(len(values))
        if len(values) > _JOINT_CANDIDATES:
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
        self._posterior = IncrementalPosterior(self._features, self._capacity, self._trend)
        self._posterior.params = params


class RegressorBelief(Belief):
    """Any regressor with ``predict(X, return_std=True)``, refitted whenever the data has grown by a share.

    Attributes:
        growth: By what factor the data grows from one fit to the next, which keeps fits few.

    Args:
        make: Builds the regressor from a seed.
        features: Shape (n_networks, n_features).
        rng: Seeds the regressors.
    """

    growth: ClassVar[float] = 1.1

    def __init__(self, make: Callable[[int], Any], features: FloatArray, rng: np.random.Generator) -> None:
        self._make = make
        self._features = features
        self._rng = rng
        self._next_fit = 0
        self._model: Any = None
        self._mean, self._std = _unknown(len(features))

    def move(self, candidates: CandidateFeatures, former: IntArray) -> None:
        """Go on with other networks, which the model of the last fit predicts."""
        self._features = candidates.values
        self._mean = _carried(self._mean, former, len(self._features))
        self._std = np.ones(len(self._features))
        if self._model is not None:
            self._predict_moved()

    def _predict_moved(self) -> None:
        self._set(*self._model.predict(self._features, return_std=True))

    def update(self, rows: Sequence[int], values: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Refit if due; utilities reported since the last fit are used at the next one."""
        if self._is_due(rows):
            self._set(*self._fitted(rows, values).predict(self._features, return_std=True))
        return self._mean, self._std

    def _is_due(self, rows: Sequence[int]) -> bool:
        return len(rows) >= self._next_fit

    def _fitted(self, rows: Sequence[int], values: FloatArray) -> Any:
        """Return a new model of what is known, and put off the next one."""
        self._next_fit = max(len(rows) + 1, int(self.growth * len(rows)))
        known = ~np.isnan(values)
        model = self._make(int(self._rng.integers(2**31)))
        model.fit(self._features[np.array(rows)[known]], values[known])
        self._model = model
        return model

    def _set(self, mean: FloatArray, std: FloatArray) -> None:
        self._mean, self._std = np.asarray(mean, dtype=float), np.maximum(std, _SMALLEST_STD)

    def draw(self, rng: np.random.Generator) -> FloatArray:
        """Draw every network independently: regressors provide no covariance."""
        return np.asarray(self._mean + self._std * rng.standard_normal(len(self._mean)))


@lru_cache(maxsize=32)
def network_features(encodings: str, space: EnumerableSpace[Any]) -> tuple[FloatArray, ...]:
    """Return the groups of features of all networks, on a common scale."""
    rows = space.network_indices()
    parts = [encoding(part.strip(), space=space).values[rows] for part in encodings.split(",")]
    return tuple(read_only(standardise(part)) for part in parts)


@lru_cache(maxsize=4)
def network_distances(encodings: str, space: EnumerableSpace[Any]) -> tuple[Distances, ...]:
    """Return the distances between all networks by each group of features; what they keep is shared by all searches."""
    return tuple(Distances(group) for group in network_features(encodings, space))


def _carried(mean: FloatArray, former: IntArray, n: int) -> FloatArray:
    """Return the means of networks that were there before, first, and 0 for the others, shape (n,)."""
    found = np.zeros(n)
    found[: len(former)] = np.where(former >= 0, mean[former], 0.0)
    return found


def _unknown(n_networks: int) -> tuple[FloatArray, FloatArray]:
    """Return mean 0 and standard deviation 1 for every network."""
    return np.zeros(n_networks), np.ones(n_networks)
