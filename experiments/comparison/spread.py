"""Step functions over seeds: values that hold from one moment of a run to the next, and their spread."""

from __future__ import annotations

from typing import Any

import numpy as np

from robustnas.arrays import FloatArray

CONFIDENCE = 0.95


def stepped(at: FloatArray, values: FloatArray, grid: FloatArray) -> FloatArray:
    """Return a step function on a grid.

    Args:
        at: Where it changes, ascending, shape (n,).
        values: Its values from there on, shape (n,).
        grid: Where to read it.

    Returns:
        Its values, shape of the grid; NaN before the first change.

    >>> stepped(np.array([1.0, 3.0]), np.array([5.0, 7.0]), np.array([0.0, 1.0, 2.0, 3.0])).tolist()
    [nan, 5.0, 5.0, 7.0]
    """
    place = np.searchsorted(at, grid, side="right") - 1
    return np.where(place < 0, np.nan, values[np.maximum(place, 0)]) if len(at) else np.full(len(grid), np.nan)


def spread(values: FloatArray) -> dict[str, Any]:
    """Return mean, std, ci_low, ci_high (95 % t interval of the mean), median, q25, q75 and n_seeds of every column.

    Args:
        values: One row per seed, one column per point; NaN where unknown, which does not count.
    """
    from scipy.special import stdtrit

    known = np.isfinite(values)
    n = known.sum(axis=0)
    mean = np.divide(np.where(known, values, 0).sum(axis=0), n, out=np.full(len(n), np.nan), where=n > 0)
    squares = (np.where(known, values - mean, 0) ** 2).sum(axis=0)
    variance = np.divide(squares, n - 1, out=np.full(len(n), np.nan), where=n > 1)
    same = np.where(known, values, -np.inf).max(axis=0) == np.where(known, values, np.inf).min(axis=0)
    std = np.where(same & (n > 1), 0.0, np.sqrt(variance))  # exactly zero, without the rounding of the mean
    half = np.where(
        n > 1, stdtrit(np.maximum(n - 1, 1), 0.5 + CONFIDENCE / 2) * std / np.sqrt(np.maximum(n, 1)), np.nan
    )
    median, q25, q75 = _quartiles(values, n > 0)
    moments = {"mean": mean, "std": std, "ci_low": mean - half, "ci_high": mean + half}
    return {**moments, "median": median, "q25": q25, "q75": q75, "n_seeds": n}


def _quartiles(values: FloatArray, some: np.ndarray[Any, Any]) -> FloatArray:
    found = np.full((3, values.shape[1]), np.nan)
    if some.any():
        found[:, some] = np.nanquantile(values[:, some], [0.5, 0.25, 0.75], axis=0)
    return found
