"""What a search says of the network that it found: what it would score if it were trained again."""

from __future__ import annotations

from typing import Any

from experiments.comparison.expected import ExpectedObjective, best_expected
from experiments.comparison.trajectory import Trajectory
from experiments.pages.table import number, unit
from robustnas.objectives import objectives_text, scale_of
from robustnas.tables.table import Table

_NORMAL_95 = 1.959964


def expected_result(trajectory: Trajectory, table: Table) -> dict[str, Any]:
    """Return ``{"expected": ...}``: score, its 95 % interval and the best of the table; or why there is none."""
    if not _has_one(trajectory):
        return {}
    known, mean, std = _expected(trajectory, table)
    if known.reason:
        return {"expected": {"reason": known.reason}}
    interval = [mean - _NORMAL_95 * std, mean + _NORMAL_95 * std]
    return {"expected": {"score": mean, "std": std, "interval": interval, "best": known.best}}


def expected_lines(trajectory: Trajectory, table: Table) -> list[str]:
    """Return the same as text; nothing for costs, and for several objectives or tables that measure on demand."""
    if not table.complete or not _has_one(trajectory):
        return []
    known, mean, std = _expected(trajectory, table)
    (objective,) = trajectory.objectives
    if known.reason:
        return [] if known.is_exact else [f"no expected score: {known.reason}"]
    scale = scale_of(objective, table)
    low, high = (number(mean + side * _NORMAL_95 * std, scale) for side in (-1, 1))
    best = f"best expected of the table {number(known.best, scale)}{unit(scale)}"
    return [f"expected if trained again {number(mean, scale)}{unit(scale)}, 95 % interval {low} to {high} ({best})"]


def _has_one(trajectory: Trajectory) -> bool:
    return len(trajectory.objectives) == 1 and any(outcome.feasible for outcome in trajectory.known)


def _expected(trajectory: Trajectory, table: Table) -> tuple[ExpectedObjective, float, float]:
    from surrogates.expected import expected  # loads scikit-learn and XGBoost

    worth = expected(trajectory.objectives[0], table)
    index = table.space.index(trajectory.best_cell)
    known = best_expected(objectives_text(trajectory.objectives), table)
    return known, float(worth.mean[index]), float(worth.std[index])
