"""What is known of all networks before a search: another dataset's table, a cheap column, or a user's belief.

A prior is features and a start, never an oath. Its features join those of the surrogate, its guess is a linear trend of
a Gaussian process's mean, and the networks that it ranks highest are asked for first. How much it counts is learned
from the outcomes. PriorBand (Mallik et al. 2023) and piBO (Hvarfner et al. 2022) let a belief fade with the number of
queries instead, whether it is right or not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import zip_longest
from typing import Any

import numpy as np

from robustnas.arrays import FloatArray, read_only
from robustnas.errors import InvalidInputError, excerpt
from robustnas.spaces import EnumerableSpace
from surrogates.incremental_gp import Distances
from surrogates.matern import standardise
from surrogates.normal_scores import normal_scores

N_COMPONENTS = 12
"""Principal components of a table's metrics that are features."""

_SHARE = 1e-3  # the least accuracy whose logit is told apart from 0, and the most from 1


@dataclass(frozen=True, eq=False)
class Prior:
    """What one source says of all networks of a space.

    Attributes:
        name: Where it comes from, such as ``cifar10``.
        guesses: What it expects of each utility, larger is better, shape (n_objectives, n_networks) or, for all
            objectives alike, (1, n_networks); only the order counts. NaN where it says nothing.
        features: Whatever else is known of the networks, shape (n_networks, n_features).
        digest: A SHA-256 of the table that it was read from, for provenance; empty if it was none.

    Raises:
        InvalidInputError: Shapes are wrong, or nothing is known of any network.

    >>> prior = Prior("my guess", np.array([[0.1, 0.9, 0.5]]))
    >>> prior.best(0).tolist()
    [1, 2, 0]
    """

    name: str
    guesses: FloatArray
    features: FloatArray | None = None
    digest: str = ""

    def __post_init__(self) -> None:
        guesses = np.asarray(self.guesses, dtype=np.float64)
        if guesses.ndim != 2 or not np.isfinite(guesses).any(axis=1).all():
            raise InvalidInputError(
                f"prior {excerpt(self.name)}: guesses have shape {guesses.shape} and are known for "
                f"{int(np.isfinite(guesses).sum())} networks; expected objectives x networks, some known for each"
            )
        features = np.empty((guesses.shape[1], 0)) if self.features is None else np.asarray(self.features, dtype=float)
        if features.ndim != 2 or len(features) != guesses.shape[1] or not np.isfinite(features).all():
            raise InvalidInputError(
                f"prior {excerpt(self.name)}: features have shape {features.shape}; expected finite numbers, "
                f"({guesses.shape[1]}, n_features)"
            )
        object.__setattr__(self, "guesses", read_only(guesses))
        object.__setattr__(self, "features", read_only(features))

    @property
    def n_networks(self) -> int:
        """Networks of the space that it is about."""
        return int(self.guesses.shape[1])

    def guess(self, objective: int) -> FloatArray:
        """Return the normal scores of its guess of an objective, shape (n_networks,), 0 where it says nothing."""
        found = self._guess(objective)
        known = np.isfinite(found)
        scores = np.zeros(len(found))
        scores[known] = normal_scores(found[known])
        return scores

    def group(self, objective: int) -> FloatArray:
        """Return its features for one objective, on the scale of encodings, shape (n_networks, n); all if it has any.

        A prior without features has its guess instead.
        """
        assert self.features is not None
        return standardise(self.features if self.features.shape[1] else self.guess(objective)[:, None])

    def distances(self, objective: int) -> Distances:
        """Return the distances between networks by its features; what they keep is shared by all searches with it."""
        return _distances(self, objective)

    def best(self, objective: int) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
        """Return the networks that it knows, from best to worst."""
        found = self._guess(objective)
        order = np.argsort(-found, kind="stable")  # NaN comes last
        return order[: int(np.isfinite(found).sum())]

    def _guess(self, objective: int) -> FloatArray:
        return np.asarray(self.guesses[objective if len(self.guesses) > 1 else 0])


@lru_cache(maxsize=4)
def _distances(prior: Prior, objective: int) -> Distances:
    return Distances(prior.group(objective))


def start(priors: Sequence[Prior], n_objectives: int, n: int) -> list[int]:
    """Return the networks that priors rank highest, taking the best of each prior and objective in turn.

    >>> one, other = Prior("a", np.array([[3.0, 2.0, 1.0]])), Prior("b", np.array([[1.0, 2.0, 3.0]]))
    >>> start([one, other], 1, 2)
    [0, 2]
    """
    orders = [prior.best(objective)[:n].tolist() for prior in priors for objective in range(n_objectives)]
    in_turn = [row for rows in zip_longest(*orders) for row in rows if row is not None]
    return list(dict.fromkeys(in_turn))[:n]


def checked_priors(prior: object, space: EnumerableSpace[Any]) -> tuple[Prior, ...]:
    """Return a searcher's parameter ``prior``, one or several, as a tuple.

    Raises:
        InvalidInputError: It is something else, such as a name, or about another number of networks.
    """
    priors = () if prior is None else (prior,) if isinstance(prior, Prior | str) else prior
    if not isinstance(priors, Sequence) or not all(isinstance(one, Prior | str) for one in priors):
        raise InvalidInputError(f"prior is {excerpt(prior)}; expected a searchers.Prior, or several")
    if priors and not space.is_enumerated:
        raise InvalidInputError(f"a prior is about every network, and {space!r} has too many; leave out prior")
    for one in priors:
        if isinstance(one, str):
            raise InvalidInputError(
                f"prior is {excerpt(one)}, a name; expected what searchers.open_prior returns for it"
            )
        if one.n_networks != space.n_networks:
            raise InvalidInputError(
                f"prior {excerpt(one.name)} is about {one.n_networks} networks; {space.name} has {space.n_networks}"
            )
    return tuple(one for one in priors if isinstance(one, Prior))


def components(accuracies: FloatArray, n: int = N_COMPONENTS) -> FloatArray:
    """Return the principal components of the logits of accuracies, a network's first scores largest in spread.

    Args:
        accuracies: In [0, 1], shape (n_networks, n_metrics); NaN counts as the metric's mean.
        n: How many, at most.

    Returns:
        Shape (n_networks, n), or fewer columns for fewer metrics; those that do not vary are left out.
    """
    known = np.clip(accuracies, _SHARE, 1 - _SHARE)
    logits = np.log(known / (1 - known))
    logits = logits[:, np.isfinite(logits).any(axis=0)]
    means = np.nanmean(logits, axis=0) if logits.shape[1] else np.empty(0)
    centred = np.where(np.isfinite(logits), logits, means) - means
    spread = centred.std(axis=0)
    varying = centred[:, spread > 0] / spread[spread > 0]
    if not varying.shape[1]:
        return np.empty((len(accuracies), 0))
    left, singular, right = np.linalg.svd(varying, full_matrices=False)
    kept = np.flatnonzero(singular[:n] > 1e-9 * singular[0])
    signs = np.sign(right[kept, np.abs(right[kept]).argmax(axis=1)])  # the same on any machine
    return np.asarray(left[:, kept] * (singular[kept] * signs))
