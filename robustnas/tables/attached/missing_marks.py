"""Numbers that mark missing ones: benchmarks write -1 where a device could not run a network.

A column that holds one negative number, a whole one, and otherwise numbers of at least 0 does not measure that number.
Left in, it would be the best latency of the table.
"""

from __future__ import annotations

import numpy as np

from robustnas.arrays import FloatArray

_FEWEST_OTHERS = 3
"""Different numbers beside the mark: of fewer, the column may hold classes, such as -1, 0 and 1."""


def missing_mark(values: FloatArray) -> float | None:
    """Return the number by which a column marks missing ones; None if it does not.

    >>> missing_mark(np.array([0.5, -1, 0.7, 0.2, -1])), missing_mark(np.array([-1, 0, 1])), missing_mark(np.array([]))
    (-1.0, None, None)
    >>> missing_mark(np.array([-0.03, 0.5, 0.7, 0.2])), missing_mark(np.array([-1, -2, 0.5, 0.7, 0.2]))
    (None, None)
    """
    known = values[np.isfinite(values)]
    negative = known[known < 0]
    if not len(negative) or (negative != negative[0]).any() or not float(negative[0]).is_integer():
        return None
    return float(negative[0]) if len(np.unique(known)) > _FEWEST_OTHERS else None


def without_marks(values: FloatArray) -> FloatArray:
    """Return a column with NaN where a number marks a missing one; the column itself if none does."""
    mark = missing_mark(values)
    return values if mark is None else np.where(values == mark, np.nan, values)
