"""What a search found, as plain data for JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from experiments.commands.expected_score import expected_result
from experiments.comparison.incumbents import Incumbents, incumbents, reported_values
from experiments.comparison.spec import RunSpec, column_of_seconds, constraints_used, searched_space
from experiments.comparison.spread import stepped
from experiments.comparison.trajectory import Trajectory
from robustnas.objectives import Objective, Reported, constraints_of, meanings, needed_metrics, training_of
from robustnas.tables.table import Table


def search_result(
    spec: RunSpec, table: Table, trajectory: Trajectory, seconds: float, tables: Mapping[Reported, Table]
) -> dict[str, Any]:
    """Return all of it, with expected scores, and what `tables` report of the networks found."""
    result: dict[str, Any] = {
        "dataset": table.dataset,
        **training_of(table),
        **meanings(spec.objectives, table),
        "objective": spec.objective,
        "directions": [direction_of(objective) for objective in trajectory.objectives],
        "searcher": spec.searcher,
        "seed": spec.seed,
        "n_queries": len(trajectory.outcomes),
        **_searched(spec, table, trajectory),
        **_study(trajectory),
        **cost_of(trajectory, table),
        "best": _best_found(trajectory),
        "trajectory": trajectory.best,
        "seconds": round(seconds, 6),
    }
    if time := column_of_seconds(spec, table):
        simulated = np.cumsum([outcome.seconds for outcome in trajectory.outcomes]).tolist()
        result["simulated"] = {"budget": spec.budget, "time": time, "seconds": simulated}
    if len(trajectory.objectives) > 1:
        result["front"] = trajectory.front()
    if not table.complete:
        result["sources"] = [outcome.source for outcome in trajectory.outcomes]
        result["notes"] = list(table.notes)
    return result | expected_result(trajectory, table) | _reported(trajectory, table, tables)


def _searched(spec: RunSpec, table: Table, trajectory: Trajectory) -> dict[str, Any]:
    """Return how many networks are feasible, the constraints known before any query, and what these leave."""
    if not constraints_of(trajectory.objectives):
        return {}
    n_feasible = sum(outcome.feasible for outcome in trajectory.known)
    known = [str(constraint) for constraint in constraints_used(spec, table)]
    searched = searched_space(spec, table)
    left = {"n_networks": searched.n_networks} if searched.is_enumerated else {}
    return {"n_feasible": n_feasible, **({"known": {"constraints": known, **left}} if known else {})}


def _best_found(trajectory: Trajectory) -> dict[str, Any]:
    """Return the best network and its score; of several objectives, that of the whole front, and its own scores."""
    cell = trajectory.best_cell
    own: dict[str, Any] = {}
    if len(trajectory.objectives) > 1:
        own = {"scores": next(list(outcome.scores) for outcome in trajectory.known if outcome.cell == cell)}
    return {"arch": str(cell), "score": trajectory.best[-1], **own}


def _study(trajectory: Trajectory) -> dict[str, Any]:
    """Return what the study held before the search, where there is one that is kept."""
    history = trajectory.history
    if history is None:
        return {}
    found = {"n_trials": history.n_trials, "n_networks": len(history.outcomes), "best": trajectory.best_before}
    return {"study": {"name": history.name, **found}}


def _reported(trajectory: Trajectory, table: Table, tables: Mapping[Reported, Table]) -> dict[str, Any]:
    """Return what is reported after every query, by term: {} without terms, None before the first feasible network."""
    if not tables:
        return {}
    n_before = len(trajectory.known) - len(trajectory.outcomes)
    n = np.arange(1.0, len(trajectory.outcomes) + 1)
    found = incumbents_of(trajectory, table)
    at, values = found.n_queries.astype(np.float64) - n_before, reported_values(found, tables)
    return {"reported": {term: stepped(at, column, n).tolist() for term, column in values.items()}}


def cost_of(trajectory: Trajectory, table: Table) -> dict[str, dict[str, float]]:
    """Return the passes per test image that were spent, and those on cheap evaluations; {} where there were none."""
    price = sum(metric.passes for metric in needed_metrics(trajectory.objectives, table))
    spent = sum(outcome.cost for outcome in trajectory.outcomes)
    glances = spent - price * len(trajectory.outcomes)
    return {"cost": {"passes": spent, "cheap_passes": glances}} if glances > 0 else {}


def incumbents_of(trajectory: Trajectory, table: Table) -> Incumbents:
    """Return the incumbents among all that is known: those of a study from before the search come first."""
    indices = [table.space.index(outcome.cell) for outcome in trajectory.known]
    return incumbents(indices, trajectory.objectives, table)


def direction_of(objective: Objective) -> str:
    """Return the verb of an objective's direction."""
    return "minimise" if objective.minimised else "maximise"
