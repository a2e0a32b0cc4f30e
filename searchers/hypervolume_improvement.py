"""Expected hypervolume improvement: how much more a candidate is expected to let the front dominate.

The region that the front does not dominate is cut into boxes. Over one box, the volume that an outcome adds is a
product over objectives, so that its expectation under independent normal beliefs is exact, in any number of objectives
(Yang, Emmerich, Deutz and Bäck, Journal of Global Optimization 2019). What is known in advance, such as a cost, has a
deviation of 0.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr

from robustnas.arrays import FloatArray, IntArray
from robustnas.pareto import non_dominated

OPTIMISM = 2.0
"""Standard deviations by which a candidate may be better than expected."""

_MOST = 400  # candidates whose improvement is worked out, the most promising ones
_DIRECTIONS = np.abs(np.random.default_rng(0).standard_normal((32, 16))) + 1e-9
_DECIMALS = 9  # as in `searchers.model_based`: no choice hangs on a machine's rounding
_BLOCK = 2_000_000  # candidates x boxes at a time: what fits into a processor's cache and little memory


def hypervolume_improvement(
    mean: FloatArray, std: FloatArray, found: FloatArray, reference: FloatArray, allowed: IntArray
) -> FloatArray:
    """Return the expected improvement of the most promising candidates, divided by the largest; -1 for the others.

    Args:
        mean: Expected utilities of all candidates, shape (n, n_objectives).
        std: Their standard deviations, of the same shape; 0 where a utility is known.
        found: Utilities found so far, shape (m, n_objectives).
        reference: The point from which volume is measured, shape (n_objectives,).
        allowed: The candidates to choose from, by row.
    """
    front = found[non_dominated(found)]
    optimistic = mean[allowed] + OPTIMISM * std[allowed]
    rows = allowed[promising(optimistic - reference, front - reference)]
    score = np.full(len(mean), -1.0)
    improvement = expected_improvement(mean[rows], std[rows], front, reference)
    largest = float(improvement.max(initial=0.0))
    score[rows] = improvement / largest if largest > 0 else improvement
    return score


def promising(gains: FloatArray, front: FloatArray) -> IntArray:
    """Return the candidates that may reach farthest beyond a front, at most 400, all of fewer.

    They are those of the largest mean advance beyond it over fixed directions, an estimate of hypervolume.

    Args:
        gains: Utilities above a reference point, shape (n, n_objectives).
        front: The front's, of the same kind.
    """
    if len(gains) <= _MOST:
        return np.arange(len(gains))
    advance = np.zeros(len(gains))
    for direction in _DIRECTIONS[:, : gains.shape[1]]:
        direction = direction / np.linalg.norm(direction)
        reached = np.minimum.reduce([column / share for column, share in zip(gains.T, direction, strict=True)])
        advance += np.maximum(reached - (front / direction).min(axis=1).max(), 0.0)
    return np.argsort(-np.round(advance, _DECIMALS), kind="stable")[:_MOST]


def expected_improvement(mean: FloatArray, std: FloatArray, front: FloatArray, reference: FloatArray) -> FloatArray:
    """Return the hypervolume that each candidate is expected to add, shape (n,).

    Args:
        mean: Expected utilities of the candidates, shape (n, n_objectives).
        std: Their standard deviations, of the same shape; 0 where a utility is known.
        front: Utilities found so far, shape (m, n_objectives).
        reference: The point from which volume is measured, shape (n_objectives,).

    >>> front = np.array([[1.0, 0.0], [0.0, 1.0]])
    >>> mean, std = np.array([[1.0, 1.0], [0.0, 0.0]]), np.zeros((2, 2))
    >>> expected_improvement(mean, std, front, np.array([-1.0, -1.0])).tolist()
    [1.0, 0.0]
    """
    lower, upper = free_boxes(front, reference)
    levels = [np.unique(np.concatenate([lower[:, i], upper[:, i]]), return_inverse=True) for i in range(len(reference))]
    found = np.empty(len(mean))
    n_rows = max(1, _BLOCK // max(len(lower), 1))
    for start in range(0, len(mean), n_rows):
        rows = slice(start, start + n_rows)
        gains = np.ones((len(mean[rows]), len(lower)))
        for i, (values, places) in enumerate(levels):
            beyond = _exceedance(mean[rows, i], std[rows, i], values)
            gains *= beyond[:, places[: len(lower)]] - beyond[:, places[len(lower) :]]
        found[rows] = gains.sum(axis=1)
    return found


def free_boxes(front: FloatArray, reference: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Cut what a front does not dominate, above a reference point, into boxes.

    Args:
        front: Utilities, shape (m, n_objectives).
        reference: Shape (n_objectives,).

    Returns:
        The lower and the upper corners of disjoint boxes, each of shape (n_boxes, n_objectives); infinity where a box
        is open.

    >>> lower, upper = free_boxes(np.array([[1.0, 2.0]]), np.zeros(2))
    >>> lower.tolist(), upper.tolist()
    ([[1.0, 0.0], [0.0, 2.0]], [[inf, inf], [1.0, inf]])
    """
    n = len(reference)
    lower, upper = np.array(reference, dtype=float)[None], np.full((1, n), np.inf)
    points = np.unique(front[(front > reference).all(axis=1)], axis=0)
    points = points[non_dominated(points)]
    for point in points:
        cut = (lower < point).all(axis=1)
        low, high = lower[cut], upper[cut]
        parts = [(lower[~cut], upper[~cut])]
        for i in range(n):  # what is beyond the point in objective i, and not in those before it
            beyond, below = low.copy(), high.copy()
            beyond[:, i] = np.maximum(low[:, i], point[i])
            below[:, :i] = np.minimum(high[:, :i], point[:i])
            some = (beyond < below).all(axis=1)
            parts.append((beyond[some], below[some]))
        lower, upper = (np.concatenate(corners) for corners in zip(*parts, strict=True))
    return lower, upper


def hypervolume_scalarisation(gains: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Return each candidate's scalarisation in a random positive direction (Zhang and Golovin 2020, equation 3).

    Args:
        gains: Utilities above a reference point, shape (n, n_objectives).
        rng: Draws the direction, uniform on the positive part of the sphere.
    """
    direction = np.abs(rng.standard_normal(gains.shape[1])) + 1e-9
    direction /= np.linalg.norm(direction)
    return np.asarray((gains / direction).min(axis=1))


def _exceedance(mean: FloatArray, std: FloatArray, levels: FloatArray) -> FloatArray:
    """Return by how much normal outcomes are expected to exceed levels, shape (n, n_levels); 0 beyond infinity."""
    gain = mean[:, None] - levels[None]
    spread = np.broadcast_to(std[:, None], gain.shape)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(np.isfinite(gain), gain / spread, -np.inf)
        density = np.exp(-0.5 * ratio * ratio) / np.sqrt(2 * np.pi)
        expected = gain * ndtr(ratio) + spread * density
    expected = np.where(spread > 0, expected, np.maximum(gain, 0.0))
    return np.where(np.isfinite(gain), expected, 0.0)
