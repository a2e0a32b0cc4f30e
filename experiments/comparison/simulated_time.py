"""Simulated time: how good the best so far is after so many hours of training, from the seconds in the records.

A query counts from the moment when its training ends. All runs are read on one grid: from the moment when each has its
first network to the budget or, where the budget is one of networks, to the end of the shortest run.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from experiments.comparison import analysis
from experiments.comparison.records import Records
from experiments.comparison.schema import RUN_KEY
from experiments.comparison.spread import spread, stepped
from robustnas.arrays import FloatArray
from robustnas.errors import InvalidInputError, excerpt

_N_POINTS = 200
_SHARES = (0.125, 0.25, 0.5, 1.0)
_HOUR = 3600.0
_ROUNDING = 1e-9  # of a sum of seconds, relative


def hours_grid(records: Records) -> FloatArray:
    """Return hours at which all runs can be compared, ascending, shape (n,); empty without a clock."""
    if not records.is_timed:
        return np.empty(0)
    spent = records.queries.groupby(list(RUN_KEY), observed=True)["seconds"]
    first = float(spent.first().max())
    last = records.deadline if records.deadline is not None else float(spent.sum().min())
    if not first < last:
        return np.array([last / _HOUR])
    grid = np.geomspace(first, last, _N_POINTS) / _HOUR
    grid[-1] = last / _HOUR
    return grid


def hours_points(records: Records) -> tuple[float, ...]:
    """Return the hours of tables: an eighth, a quarter and a half of the grid's end, as far as it has them, and it."""
    grid = hours_grid(records)
    return tuple(float(share * grid[-1]) for share in _SHARES if share * grid[-1] >= grid[0]) if len(grid) else ()


def hours_summary(records: Records, hours: Sequence[float] | None = None) -> pd.DataFrame:
    """Return the best so far after chosen numbers of simulated hours, over seeds.

    Args:
        records: What was run.
        hours: Positive numbers; None for `hours_points`.

    Returns:
        Columns objective, searcher, hours, mean, std, n_seeds, ci_low, ci_high, as `analysis.summary`; seeds without a
        network by then do not count. Empty without a clock.

    Raises:
        InvalidInputError: An hour is not positive.
    """
    points = hours_points(records) if hours is None else tuple(hours)
    for point in points:
        if not point > 0:
            raise InvalidInputError(f"{excerpt(point)} hours: expected a positive number")
    frames = [
        pd.DataFrame({"objective": objective, "searcher": searcher, "hours": points, **spread(best)})
        for objective, searcher, best in best_by_hours(records, np.array(points, dtype=np.float64))
    ]
    return analysis.joined(frames, ["hours", "mean", "std", "n_seeds", "ci_low", "ci_high"], records)


def hours_curves(records: Records) -> pd.DataFrame:
    """Return the regret on `hours_grid`: columns objective, searcher, hours, then as `analysis.regret_curves`."""
    grid, frames = hours_grid(records), []
    for objective, searcher, best in best_by_hours(records, grid):
        regret = analysis.regret_of(best, records, objective)
        frames.append(pd.DataFrame({"objective": objective, "searcher": searcher, "hours": grid, **spread(regret)}))
    return analysis.joined(frames, ["hours", "mean", "ci_low", "ci_high", "median", "q25", "q75", "n_seeds"], records)


def best_by_hours(records: Records, grid: FloatArray) -> Iterator[tuple[str, str, FloatArray]]:
    """Yield objective, searcher and the best so far on a grid of hours, shape (n_seeds, n_points)."""
    if not len(grid) or not records.is_timed:
        return
    groups = records.queries.groupby(["objective", "searcher"], observed=True)
    for key, group in groups:
        runs = [run for _, run in group.groupby("seed")]
        rows = [stepped(hours_passed(run["seconds"].to_numpy()), run["best"].to_numpy(), grid) for run in runs]
        yield str(key[0]), str(key[1]), np.array(rows)


def hours_passed(seconds: FloatArray) -> FloatArray:
    """Return when each query of a run ends, in hours, from the seconds that each takes."""
    return np.cumsum(seconds) / _HOUR * (1 - _ROUNDING)
