"""Read-only arrays: no caller may change what is cached for the whole process."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Scalar = TypeVar("Scalar", bound=np.generic)

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
AnyArray = NDArray[Any]


def read_only(array: NDArray[Scalar]) -> NDArray[Scalar]:
    """Mark `array` as read-only and return it."""
    array.flags.writeable = False
    return array
