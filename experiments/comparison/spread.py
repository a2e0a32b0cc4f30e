"""Step functions over seeds: values that hold from one moment of a run to the next, and their spread."""

from __future__ import annotations

from typing import Any

import numpy as np

from robustnas.arrays import FloatArray

CONFIDENCE = 0.95
_RESAMPLES = 1000


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
    """Return mean, std, ci_low, ci_high, median, q25, q75 and n_seeds of every column.

    The interval is that of the mean, 95 %, by a bootstrap over seeds: unlike one of Student's t, it does not leave the
    range of what was seen, such as regrets below 0, where few seeds differ much.

    Args:
        values: One row per seed, one column per point; NaN where unknown, which does not count.
    """
    known = np.isfinite(values)
    n = known.sum(axis=0)
    mean = np.divide(np.where(known, values, 0).sum(axis=0), n, out=np.full(len(n), np.nan), where=n > 0)
    squares = (np.where(known, values - mean, 0) ** 2).sum(axis=0)
    variance = np.divide(squares, n - 1, out=np.full(len(n), np.nan), where=n > 1)
    same = np.where(known, values, -np.inf).max(axis=0) == np.where(known, values, np.inf).min(axis=0)
    std = np.where(same & (n > 1), 0.0, np.sqrt(variance))  # exactly zero, without the rounding of the mean
    low, high = bootstrap_interval(values)
    median, q25, q75 = _quartiles(values, n > 0)
    moments = {"mean": mean, "std": std, "ci_low": low, "ci_high": high}
    return {**moments, "median": median, "q25": q25, "q75": q75, "n_seeds": n}


def bootstrap_interval(values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the ends of the 95 % percentile bootstrap interval of every column's mean (Efron 1979).

    Args:
        values: One row per seed, one column per point; NaN where unknown, which does not count.

    Returns:
        NaN where fewer than two seeds are known.

    >>> low, high = bootstrap_interval(np.array([[0.0, 1.0], [0.0, 2.0], [0.0, 3.0]]))
    >>> low.tolist(), high.tolist()
    ([0.0, 1.0], [0.0, 3.0])
    """
    known = np.isfinite(values)
    n = len(values)
    drawn = np.random.default_rng(0).multinomial(n, np.full(n, 1.0 / n), size=_RESAMPLES).astype(np.float64)
    counts = drawn @ known
    means = np.divide(drawn @ np.where(known, values, 0.0), counts, out=np.full(counts.shape, np.nan), where=counts > 0)
    low, high = np.full((2, values.shape[1]), np.nan)
    several = known.sum(axis=0) > 1
    if several.any():
        ends = (0.5 - CONFIDENCE / 2, 0.5 + CONFIDENCE / 2)
        low[several], high[several] = np.nanquantile(means[:, several], ends, axis=0)
    return low, high


def _quartiles(values: FloatArray, some: np.ndarray[Any, Any]) -> FloatArray:
    found = np.full((3, values.shape[1]), np.nan)
    if some.any():
        found[:, some] = np.nanquantile(values[:, some], [0.5, 0.25, 0.75], axis=0)
    return found
