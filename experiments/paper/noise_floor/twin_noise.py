"""Twin noise: what functional twins reveal about training noise, for every metric, with intervals over their groups."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from robustnas.arrays import FloatArray
from robustnas.spaces.nasbench201.twins import twin_groups
from robustnas.tables.noise import noise_near_best

NORMAL_95 = 1.959964
N_FOUND = (1, 5, 10, 20, 50, 100)
"""Numbers of distinct networks for which a difference that matters is shown."""

_N_BOOTSTRAP = 2000
_N_LEVELS = 6


@dataclass(frozen=True, eq=False)
class TwinSpread:
    """The spread within groups of twins of one score.

    Attributes:
        squares: Sum of squared distances to the mean of its group, one per group with two known networks or more.
        freedom: Known networks of each group less one.
        means: The mean of each group.
    """

    squares: FloatArray
    freedom: FloatArray
    means: FloatArray

    @property
    def std(self) -> float:
        """The pooled standard deviation; NaN without a group."""
        return pooled(self.squares, self.freedom)

    def interval(self, seed: int = 0, n_bootstrap: int = _N_BOOTSTRAP) -> tuple[float, float]:
        """Return the 95 % percentile bootstrap interval of `std`: groups are drawn with replacement, whole."""
        n = len(self.squares)
        if n < 2:
            return math.nan, math.nan
        counts = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=n_bootstrap)
        drawn = np.sqrt((counts @ self.squares) / (counts @ self.freedom))
        low, high = np.quantile(drawn, (0.025, 0.975))
        return float(low), float(high)

    def chosen(self, mask: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> TwinSpread:
        """Return some of the groups."""
        return TwinSpread(self.squares[mask], self.freedom[mask], self.means[mask])


def twin_spread(scores: FloatArray) -> TwinSpread:
    """Return the spread of a score within groups of functional twins.

    Args:
        scores: One per network, shape (6466,), in ascending order of uid; NaN where unknown.
    """
    found = []
    for group in twin_groups():
        values = scores[list(group)]
        values = values[np.isfinite(values)]
        if len(values) > 1:
            found.append((((values - values.mean()) ** 2).sum(), len(values) - 1.0, values.mean()))
    columns = np.array(found, dtype=float).reshape(-1, 3).T
    return TwinSpread(*columns)


def pooled(squares: FloatArray, freedom: FloatArray) -> float:
    """Return the pooled standard deviation of groups; NaN without any.

    >>> pooled(np.array([2.0, 6.0]), np.array([1.0, 1.0]))
    2.0
    """
    total = float(freedom.sum())
    return math.sqrt(float(squares.sum()) / total) if total else math.nan


def noise_frame(columns: Mapping[str, FloatArray], seed: int = 0) -> pd.DataFrame:
    """Return the noise of every score, and the differences that it hides.

    Args:
        columns: Scores over the networks by name, larger is better.
        seed: Of the bootstrap.

    Returns:
        Columns metric, n_groups, std, low, high (95 % interval), best, n_within (networks whose score is within one
        std of the best), n_within_95 (within 1.96 √2 std, what two trainings of equal networks may differ by),
        std_near_best and n_within_near_best (the same for the noise of the best twins alone, `noise_near_best`),
        variance (over networks) and noise_share (of it).
    """
    return pd.DataFrame([{"metric": name, **_noise_row(scores, seed)} for name, scores in columns.items()])


def _noise_row(scores: FloatArray, seed: int) -> dict[str, float]:
    spread = twin_spread(scores)
    low, high = spread.interval(seed)
    known = scores[np.isfinite(scores)]
    best, variance, near_best = float(known.max()), float(known.var(ddof=1)), noise_near_best(scores).std
    return {
        "n_groups": len(spread.squares),
        "std": spread.std,
        "low": low,
        "high": high,
        "best": best,
        "n_within": int((known >= best - spread.std).sum()),
        "n_within_95": int((known >= best - NORMAL_95 * math.sqrt(2) * spread.std).sum()),
        "std_near_best": near_best,
        "n_within_near_best": int((known >= best - near_best).sum()),
        "variance": variance,
        "noise_share": spread.std**2 / variance if variance else math.nan,
    }


def noise_by_level(columns: Mapping[str, FloatArray], seed: int = 0, n_levels: int = _N_LEVELS) -> pd.DataFrame:
    """Return the noise of every score by accuracy: groups of twins, by their mean, in bins of about equally many.

    Returns:
        Columns metric, level (0 the lowest), n_groups, mean (of the groups' means), std, low, high (95 % interval).
    """
    rows = []
    for name, scores in columns.items():
        spread = twin_spread(scores)
        if not len(spread.means):
            continue
        edges = np.unique(np.quantile(spread.means, np.linspace(0, 1, n_levels + 1)[1:-1]))
        place = np.searchsorted(edges, spread.means, side="right")
        for level, number in enumerate(np.unique(place)):
            part = spread.chosen(place == number)
            low, high = part.interval(seed)
            moments = {"mean": float(part.means.mean()), "std": part.std, "low": low, "high": high}
            rows.append({"metric": name, "level": level, "n_groups": len(part.means), **moments})
    return pd.DataFrame(rows, columns=["metric", "level", "n_groups", "mean", "std", "low", "high"])


def difference_that_matters(std: float, n_found: int) -> float:
    """Return the difference between two strategies' mean scores that training noise alone exceeds in 5 % of cases.

    Each mean is over `n_found` networks, each trained once and none found by both.

    >>> round(difference_that_matters(1.8, 20), 2)
    1.12
    """
    return NORMAL_95 * std * math.sqrt(2.0 / n_found)


def differences(noise: pd.DataFrame, n_found: Sequence[int] = N_FOUND) -> pd.DataFrame:
    """Return `difference_that_matters` of every score: columns metric, n_found, difference."""
    rows = [
        {"metric": line["metric"], "n_found": n, "difference": difference_that_matters(line["std"], n)}
        for line in noise.to_dict("records")
        for n in n_found
    ]
    return pd.DataFrame(rows, columns=["metric", "n_found", "difference"])
