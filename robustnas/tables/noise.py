"""The noise floor: how much of a difference between two networks is training noise.

The database trained many networks of the same function separately (functional twins). Within a group of twins all
spread is noise, so the pooled within-group standard deviation estimates the noise of a single training. Good networks
may be less noisy than bad ones, or more: `noise_near_best` pools the best groups alone. Where networks were trained
with several seeds, the spread between these says the same without twins: `repeated_noise`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from robustnas.arrays import FloatArray, IntArray
from robustnas.errors import InvalidInputError
from robustnas.spaces import EnumerableSpace, open_space

N_NEAR_BEST = 100
"""Networks with a twin, at least, that `noise_near_best` pools."""

_ROUNDING = 1e-13


class NoiseFloor(NamedTuple):
    """The training noise of one score.

    Attributes:
        std: Standard deviation of a single training, in the units of the score.
        degrees_of_freedom: Networks with a twin, less the groups that they form; or trainings, less networks.
    """

    std: float
    degrees_of_freedom: int

    @property
    def standard_error(self) -> float:
        """The standard error of `std`, for normal noise."""
        return self.std / float(np.sqrt(2 * self.degrees_of_freedom)) if self.degrees_of_freedom else float("nan")


def noise_floor(scores: FloatArray, space: EnumerableSpace[Any] | None = None) -> NoiseFloor:
    """Estimate the training noise from functional twins.

    Args:
        scores: One value per network, shape (n_networks,), in ascending order of uid; NaN where unknown.
        space: Whose networks they are; NAS-Bench-201 if None.

    Returns:
        The pooled standard deviation within groups of twins; NaN if no two twins are known, or the space knows none.

    Raises:
        InvalidInputError: Another shape.
    """
    found = twin_deviations(scores, space)
    return _pooled(found.deviations, found.labels)


def noise_near_best(
    scores: FloatArray, space: EnumerableSpace[Any] | None = None, *, minimised: bool = False
) -> NoiseFloor:
    """Estimate the training noise of the best networks: that of the best groups of twins, `N_NEAR_BEST` networks.

    Args:
        scores: As for `noise_floor`.
        space: Whose networks they are; NAS-Bench-201 if None.
        minimised: Whether the smallest scores are the best.

    Returns:
        Their pooled standard deviation; with fewer twins, that of all, as `noise_floor`.
    """
    found = twin_deviations(scores, space)
    order = np.argsort(found.means if minimised else -found.means, kind="stable")
    if len(order) > N_NEAR_BEST:
        last = found.means[order[N_NEAR_BEST - 1]]
        near = found.means <= last if minimised else found.means >= last  # whole groups
        return _pooled(found.deviations[near], found.labels[near])
    return _pooled(found.deviations, found.labels)


def repeated_noise(values: FloatArray, networks: IntArray) -> NoiseFloor:
    """Estimate the training noise from networks that were trained several times.

    Args:
        values: One score per training, shape (n_trainings,), none of them NaN.
        networks: Whose training each is, shape (n_trainings,): numbers of networks, 0 or larger.

    Returns:
        The pooled standard deviation between trainings of one network; NaN if none was trained twice.

    >>> repeated_noise(np.array([0.5, 0.7, 0.9]), np.array([0, 0, 1]))
    NoiseFloor(std=0.1414..., degrees_of_freedom=1)
    """
    counts = np.bincount(networks) if len(networks) else np.zeros(1)
    means = np.bincount(networks, weights=values, minlength=len(counts)) / np.maximum(counts, 1)
    return _pooled(values - means[networks], networks)


class TwinDeviations(NamedTuple):
    """What functional twins say of the noise, one entry per network with a known score that has a twin with one.

    Attributes:
        rows: The networks' rows, in ascending order of uid.
        labels: Their functional classes.
        means: The mean score of a network's class.
        deviations: The network's score less that mean.
    """

    rows: IntArray
    labels: IntArray
    means: FloatArray
    deviations: FloatArray

    @property
    def scaled(self) -> FloatArray:
        """Deviations with the variance of a single training: those from a mean of n scores are too small by (n-1)/n."""
        n = np.bincount(self.labels)[self.labels] if len(self.labels) else np.zeros(0)
        return np.asarray(self.deviations * np.sqrt(n / (n - 1)))


def twin_deviations(scores: FloatArray, space: EnumerableSpace[Any] | None = None) -> TwinDeviations:
    """Return how far functional twins are from the mean of their class; no entries if the space knows no twins.

    Args:
        scores: One value per network, shape (n_networks,), in ascending order of uid; NaN where unknown.
        space: Whose networks they are; NAS-Bench-201 if None.

    Raises:
        InvalidInputError: Another shape.
    """
    values = np.asarray(scores, dtype=np.float64)
    space = space or open_space()
    if values.shape != (space.n_networks,):
        raise InvalidInputError(f"scores have shape {values.shape}; expected ({space.n_networks},), one per network")
    twins = space.twin_labels()
    rows = np.flatnonzero(np.isfinite(values)) if twins is not None else np.zeros(0, dtype=np.int64)
    labels = twins[rows] if twins is not None else rows
    size = np.bincount(labels)
    twin = size[labels] > 1
    rows, labels = rows[twin], labels[twin]
    means = (np.bincount(labels, weights=values[rows], minlength=len(size)) / np.maximum(size, 1))[labels]
    deviations = values[rows] - means
    equal = np.abs(deviations) <= _ROUNDING * np.abs(means)  # twins that score the same, their mean rounded
    return TwinDeviations(rows, labels, means, np.where(equal, 0.0, deviations))


def _pooled(deviations: FloatArray, labels: IntArray) -> NoiseFloor:
    freedom = len(labels) - len(np.unique(labels))
    return NoiseFloor(float(np.sqrt((deviations**2).sum() / freedom)) if freedom else float("nan"), freedom)
