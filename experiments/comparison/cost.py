"""Cost: how good the best so far is after so many forward and backward passes per test image.

Against queries, a searcher that looks at cheap metrics first has them for nothing; here it pays. Each searcher is shown
from where all its runs have their first network to the end of its shortest run, and compared up to where the first of
the searchers ends. Objectives whose searchers all pay the same per query are left out: queries say as much of them.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from experiments.comparison import analysis
from experiments.comparison.records import Records
from experiments.comparison.spread import spread, stepped
from robustnas.arrays import FloatArray

_N_POINTS = 200
_SHARES = (0.125, 0.25, 0.5, 1.0)
_ROUNDING = 1e-9  # of a sum of costs, relative
_SAME = 1e-6

_Runs = list[tuple[FloatArray, FloatArray]]  # passes spent and best so far after each query, one pair per seed


def cost_curves(records: Records) -> pd.DataFrame:
    """Return the regret against passes per test image, of objectives whose searchers do not all pay the same.

    Returns:
        Columns objective, searcher, cost, then as `analysis.regret_curves`.
    """
    frames = []
    for objective, runs_of in _uneven(records).items():
        for searcher, runs in runs_of.items():
            grid = _grid(runs)
            regret = analysis.regret_of(_best(runs, grid), records, objective)
            frames.append(pd.DataFrame({"objective": objective, "searcher": searcher, "cost": grid, **spread(regret)}))
    return analysis.joined(frames, ["cost", "mean", "ci_low", "ci_high", "median", "q25", "q75", "n_seeds"], records)


def cost_summary(records: Records) -> pd.DataFrame:
    """Return the best so far after an eighth, a quarter, a half and all of what the thriftiest searcher spends.

    Returns:
        Columns objective, searcher, share, cost (passes per test image), mean, std, n_seeds, ci_low, ci_high, as
        `analysis.summary`; seeds without a network by then do not count.
    """
    frames = []
    for objective, runs_of in _uneven(records).items():
        end = min(_grid(runs)[-1] for runs in runs_of.values())
        costs = end * np.array(_SHARES)
        for searcher, runs in runs_of.items():
            keys = {"objective": objective, "searcher": searcher, "share": _SHARES, "cost": costs}
            frames.append(pd.DataFrame({**keys, **spread(_best(runs, costs))}))
    return analysis.joined(frames, ["share", "cost", "mean", "std", "n_seeds", "ci_low", "ci_high"], records)


def _uneven(records: Records) -> dict[str, dict[str, _Runs]]:
    """Return the runs of the objectives whose searchers pay differently, by objective and searcher, in plan order."""
    found: dict[str, dict[str, _Runs]] = {}
    for (objective, searcher), group in records.queries.groupby(["objective", "searcher"], observed=True):
        runs = [run for _, run in group.groupby("seed")]
        spent = [(np.cumsum(run["cost"].to_numpy()), run["best"].to_numpy()) for run in runs]
        found.setdefault(str(objective), {})[str(searcher)] = spent
    return {objective: runs_of for objective, runs_of in found.items() if _is_uneven(runs_of)}


def _is_uneven(runs_of: dict[str, _Runs]) -> bool:
    """Return whether searchers pay differently per query; not where a cost is unknown, or nothing."""
    runs = [spent for runs in runs_of.values() for spent, _ in runs]
    if not all(np.isfinite(spent).all() and spent[0] > 0 for spent in runs):
        return False
    means = np.array([spent[-1] / len(spent) for spent in runs])
    return bool(np.ptp(means) > _SAME * means.max())


def _grid(runs: _Runs) -> FloatArray:
    first, last = max(spent[0] for spent, _ in runs), min(spent[-1] for spent, _ in runs)
    if not first < last:
        return np.array([last])
    grid = np.geomspace(first, last, _N_POINTS)
    grid[0], grid[-1] = first, last
    return grid


def _best(runs: _Runs, grid: FloatArray) -> FloatArray:
    """Return the best so far on a grid of costs, shape (n_seeds, n_points)."""
    return np.array([stepped(spent * (1 - _ROUNDING), best, grid) for spent, best in runs])
