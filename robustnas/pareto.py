"""Several objectives at once: non-dominated sets and normalised hypervolume.

Utilities (larger is better) are scaled to [0, 1] per objective over all known networks; the hypervolume is measured
from the worst corner 0 and divided by that of the whole table's front, so a value of 1 means the whole front was found.
"""

from __future__ import annotations

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


class HypervolumeScale:
    """Normalised hypervolume with respect to a whole table.

    Args:
        utilities: The utilities of every network, shape (n, n_objectives), larger is better.

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
        self._low = known.min(axis=0)
        span = known.max(axis=0) - self._low
        self._span = np.where(span > 0, span, 1.0)
        self._whole = 1.0
        self._whole = self(known[non_dominated(known)]) or 1.0

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
