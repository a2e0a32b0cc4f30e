"""The noise floor: how much of a difference between two networks is training noise.

The database trained many networks of the same function separately (functional twins). Within a group of twins all
spread is noise, so the pooled within-group standard deviation estimates the noise of a single training.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from robustnas.arrays import FloatArray
from robustnas.errors import InvalidInputError
from robustnas.spaces import EnumerableSpace, open_space


class NoiseFloor(NamedTuple):
    """The training noise of one score.

    Attributes:
        std: Standard deviation of a single training, in the units of the score.
        degrees_of_freedom: Networks with a twin, less the groups that they form.
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
    values = np.asarray(scores, dtype=np.float64)
    space = space or open_space()
    if values.shape != (space.n_networks,):
        raise InvalidInputError(f"scores have shape {values.shape}; expected ({space.n_networks},), one per network")
    twins = space.twin_labels()
    if twins is None:
        return NoiseFloor(float("nan"), 0)
    known = np.isfinite(values)
    labels, values = twins[known], values[known]
    size = np.bincount(labels)
    mean = np.bincount(labels, weights=values) / np.maximum(size, 1)
    squares = np.bincount(labels, weights=(values - mean[labels]) ** 2)
    freedom = int((size[size > 1] - 1).sum())
    std = float(np.sqrt(squares[size > 1].sum() / freedom)) if freedom else float("nan")
    return NoiseFloor(std, freedom)
