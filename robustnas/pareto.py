"""Several objectives at once: non-dominated sets, and how near some networks come to the front of a whole table.

Utilities (larger is better) are scaled to [0, 1] per objective over all known networks. The hypervolume is measured
from the worst corner 0 and divided by that of the table's front, so a value of 1 means the whole front was found. IGD+
is the mean distance that is lacking to the points of the table's front (Ishibuchi, Masuda, Tanigaki and Nojima, EMO
2015), 0 if the whole front was found.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from robustnas.arrays import FloatArray, IntArray
from robustnas.errors import InvalidInputError


def non_dominated(utilities: FloatArray) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Return which rows are not dominated: no other row is at least as good everywhere and better somewhere.

    Args:
        utilities: Shape (n, n_objectives), larger is better; rows with NaN are dominated.

    >>> non_dominated(np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 0.5]])).tolist()
    [True, True, False]
    """
    from moocore import is_nondominated

    known = np.isfinite(utilities).all(axis=1)
    mask = np.zeros(len(utilities), dtype=bool)
    if known.any():
        mask[known] = is_nondominated(utilities[known], maximise=True, keep_weakly=True)
    return mask


def pareto_ranks(utilities: FloatArray) -> IntArray:
    """Return the non-dominated rank of every row: 0 for the front, 1 for the front of the others, and so on.

    Args:
        utilities: Shape (n, n_objectives), larger is better, no NaN; equal rows have equal ranks.

    >>> pareto_ranks(np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 0.5], [1.0, 0.0]])).tolist()
    [0, 0, 1, 0]
    """
    from moocore import pareto_rank

    return np.asarray(pareto_rank(utilities, maximise=True), dtype=np.int64)


class Progress(NamedTuple):
    """How near networks come to the front of a table, after each of them.

    Attributes:
        igd_plus: IGD+ to the table's front, scaled; before the first known network, that of the worst corner.
        share: The share of the points of the table's front that are found.
    """

    igd_plus: FloatArray
    share: FloatArray


class HypervolumeScale:
    """Normalised hypervolume with respect to a whole table.

    Args:
        utilities: The utilities of every network, shape (n, n_objectives), larger is better.

    Attributes:
        front: The distinct points of the table's front, shape (n_points, n_objectives), ascending.

    Raises:
        InvalidInputError: No network has all utilities known, or there is only one objective.

    >>> scale = HypervolumeScale(np.array([[0.0, 2.0], [1.0, 0.0], [1.0, 2.0]]))
    >>> scale(np.array([[0.5, 2.0]]))
    0.5
    """

    def __init__(self, utilities: FloatArray) -> None:
        known = utilities[np.isfinite(utilities).all(axis=1)]
        if known.ndim != 2 or known.shape[1] < 2 or not len(known):
            raise InvalidInputError(f"utilities have shape {known.shape}; expected networks x at least 2 objectives")
        span = known.max(axis=0) - known.min(axis=0)
        self._low = known.min(axis=0) - (span == 0)  # of an objective that all are equal in, every network has the best
        self._span = np.where(span > 0, span, 1.0)
        self.front: FloatArray = np.unique(known[non_dominated(known)], axis=0)
        self._whole = 1.0
        self._whole = self(self.front) or 1.0

    def scaled(self, utilities: FloatArray) -> FloatArray:
        """Return utilities scaled to [0, 1] per objective."""
        return np.asarray((utilities - self._low) / self._span)

    def __call__(self, utilities: FloatArray) -> float:
        """Return the hypervolume of some networks' utilities, shape (n, n_objectives), in [0, 1]."""
        from moocore import hypervolume

        known = utilities[np.isfinite(utilities).all(axis=1)]
        if not len(known):
            return 0.0
        return float(hypervolume(1.0 - self.scaled(known), ref=np.ones(known.shape[1]))) / self._whole

    def progress(self, utilities: FloatArray) -> Progress:
        """Return how near networks come to the table's front, after each of them.

        Args:
            utilities: In the order in which they were found, shape (n, n_objectives); NaN where unknown.

        >>> scale = HypervolumeScale(np.array([[0.0, 1.0], [1.0, 0.0], [0.0, 0.0]]))
        >>> found = scale.progress(np.array([[np.nan, np.nan], [0.0, 0.5], [1.0, 0.0]]))
        >>> found.igd_plus.tolist(), found.share.tolist()
        ([1.0, 0.75, 0.25], [0.0, 0.0, 0.5])
        """
        front, scaled = self.scaled(self.front), self.scaled(utilities)
        scaled[~np.isfinite(scaled).all(axis=1)] = 0.0
        lacking = np.zeros((len(scaled), len(front)))
        for found, wanted in zip(scaled.T, front.T, strict=True):
            lacking += np.maximum(wanted - found[:, None], 0.0) ** 2
        lacking = np.sqrt(np.minimum.accumulate(lacking, axis=0))
        return Progress(lacking.mean(axis=1), (lacking == 0).mean(axis=1))
