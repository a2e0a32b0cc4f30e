"""What a run has found so far: its queries, the best of them, and the front of several objectives."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np

from robustnas.arrays import FloatArray
from robustnas.objectives import (
    Objective,
    costs_used,
    needed_metrics,
    utility_columns,
)
from robustnas.oracle import Outcome
from robustnas.pareto import HypervolumeScale, non_dominated
from robustnas.spaces import GrowingSpace
from robustnas.tables.array_table import ArrayTable
from robustnas.tables.table import Table, cost_column, says_cost, skeleton_of
from searchers.base import History, comparable
from searchers.violation import nearest_to_feasible


class Trajectory:
    """The distinct queries of a run, and the best so far of them and of what was known before.

    For one objective, the best is a score, NaN until a feasible one of a known score is found; for several, the
    normalised hypervolume of the front so far.

    Args:
        objectives: What is searched for.
        table: What is searched on.
        history: What the searcher knew before.

    Attributes:
        outcomes: One per distinct query.
        known: Those of the history, then those of the queries.
        best: The best so far after each of them.
        best_before: The best before the first; NaN if nothing was known.
    """

    def __init__(self, objectives: tuple[Objective, ...], table: Table, history: History | None = None) -> None:
        self.objectives = objectives
        self.history = history
        self.outcomes: list[Outcome] = []
        self.best: list[float] = []
        self._scale = hypervolume_scale(objectives, table) if len(objectives) > 1 else None
        self._leader: Outcome | None = None
        self._front = np.empty((0, len(objectives)))
        self.known = list(history.outcomes) if history else []
        before = [self._found(outcome) for outcome in self.known]
        self.best_before = before[-1] if before else math.nan

    def add(self, outcome: Outcome) -> None:
        """Take in an outcome; repeats are left out."""
        if outcome.repeat:
            return
        self.outcomes.append(outcome)
        self.known.append(outcome)
        self.best.append(self._found(outcome))

    @property
    def best_cell(self) -> Any:
        """The first best network; for several objectives, the most balanced one of the front.

        If no network so far is feasible, it is the one that violates the constraints least; the first without any.
        """
        if not any(outcome.feasible for outcome in self.known):
            return nearest_to_feasible(self.known).cell
        if self._scale is None:
            assert self._leader is not None
            return self._leader.cell
        utilities = np.array([outcome.utilities for outcome in self.known])
        worst = self._scale.scaled(utilities).min(axis=1)
        return self.known[int(np.argmax(np.where(np.isnan(worst), -np.inf, worst)))].cell

    def front(self) -> list[dict[str, Any]]:
        """The non-dominated networks among all that are known, each with its arch and scores, in the order found."""
        return [{"arch": str(outcome.cell), "scores": list(outcome.scores)} for outcome in self.front_outcomes()]

    def front_outcomes(self) -> list[Outcome]:
        """The outcomes of the non-dominated networks among all that are known, in the order found."""
        mask = non_dominated(np.array([outcome.utilities for outcome in self.known]))
        return [outcome for outcome, kept in zip(self.known, mask, strict=True) if kept]

    def _found(self, outcome: Outcome) -> float:
        return self._advance(outcome) if self._scale is None else self._extend(self._scale, outcome)

    def _advance(self, outcome: Outcome) -> float:
        if self._leader is None or comparable(outcome.utility) > comparable(self._leader.utility):
            self._leader = outcome
        return math.nan if math.isnan(self._leader.utility) else self._leader.score

    def _extend(self, scale: HypervolumeScale, outcome: Outcome) -> float:
        front = np.vstack([self._front, outcome.utilities])
        self._front = front[non_dominated(front)]
        return scale(self._front)


@lru_cache(maxsize=64)
def hypervolume_scale(objectives: tuple[Objective, ...], table: Table) -> HypervolumeScale:
    """Return the scale of the hypervolume of several objectives on a table.

    Of a growing table, whose best is not known, it is the volume of the box that accuracies of 0 and 1 span.
    """
    if not table.complete:
        return HypervolumeScale(_corners(objectives, table))
    return HypervolumeScale(utility_columns(objectives, table).T)


def _corners(objectives: tuple[Objective, ...], table: Table) -> FloatArray:
    """Return the worst and the best utilities that objectives could have, shape (2, n_objectives)."""
    if isinstance(table.space, GrowingSpace):
        table.space.meet()
    metrics = [str(metric) for metric in needed_metrics(objectives, table)]
    costs = {name: cost_column(name, table) for name in costs_used(objectives)}
    costs = {name: values for name, values in costs.items() if not says_cost(table.space, name, skeleton_of(table))}
    bounds = []
    for accuracy in (0.0, 1.0):
        columns = {name: np.full(table.space.size, accuracy) for name in metrics}
        flat = ArrayTable(
            columns,
            table.dataset,
            attached=table.attached_columns(),
            skeleton=skeleton_of(table),
            space=table.space,
            costs=costs,
        )
        bounds.append([objective.sign * objective.evaluate(flat) for objective in objectives])
    return np.array([np.nanmin(bounds, axis=(0, 2)), np.nanmax(bounds, axis=(0, 2))])
