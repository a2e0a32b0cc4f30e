"""What a search found, in words."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping

from rich.cells import cell_len

from experiments.commands.expected_score import expected_lines
from experiments.commands.options import note_lines
from experiments.commands.search_result import cost_of, direction_of, incumbents_of
from experiments.comparison.incumbents import reported_values
from experiments.comparison.spec import RunSpec, column_of_seconds, constraints_used, searched_space
from experiments.comparison.trajectory import Trajectory
from experiments.pages.table import difference, number, unit
from experiments.pages.wording import counted
from robustnas.duration import spoken
from robustnas.objectives import (
    Reported,
    constraints_of,
    facts,
    meaning_lines,
    objectives_text,
    scale_of,
    suite_name,
    training_lines,
)
from robustnas.tables.table import Table
from searchers.base import History
from searchers.violation import nearest_to_feasible

_MOST_NOTES = 5


def search_summary(
    spec: RunSpec, table: Table, trajectory: Trajectory, seconds: float, tables: Mapping[Reported, Table]
) -> str:
    """Return all of it; what `tables` report of the networks found comes last."""
    n_queries, cell = len(trajectory.outcomes), trajectory.best_cell
    meant = f" ({objectives_text(spec.objectives)})" if suite_name(spec.objective) else ""
    networks = counted(n_queries, "network")
    lines = [f"{spec.searcher} on {spec.objective}{meant}, {table.dataset}: {networks} in {_seconds(seconds)} s"]
    if trajectory.history is not None:
        lines.append(_continued(spec, table, trajectory, trajectory.history))
    lines += [*training_lines(table), *meaning_lines(spec.objectives, table)]
    if time := column_of_seconds(spec, table):
        spent = sum(outcome.seconds for outcome in trajectory.outcomes)
        budget = f" of {spec.budget}" if isinstance(spec.budget, str) else ""
        lines.append(f"simulated time: {spoken(spent)}{budget}, by {time}")
    if cost := cost_of(trajectory, table):
        spent, glances = cost["cost"].values()
        lines.append(f"cost: {spent:,.0f} passes per test image, {glances:,.0f} of them for cheap evaluations")
    if any(objective.attached or objective.minimised for objective in trajectory.objectives):
        said = (f"{objective.expression} {direction_of(objective)}d" for objective in trajectory.objectives)
        lines.append(f"directions: {', '.join(said)}")
    lines += _space_lines(spec, table, trajectory)
    if not table.complete:
        lines.append(_sources(trajectory))
    if not any(outcome.feasible for outcome in trajectory.known):
        lines += _infeasible(trajectory, table)
    elif len(trajectory.objectives) > 1:
        lines += _front(trajectory, table)
    else:
        best = _best(spec, table, trajectory.best[-1])
        lines += [best, *expected_lines(trajectory, table), f"  {cell}", f"  network {table.space.uid(cell)}"]
    lines += _report_lines(trajectory, table, tables)
    if not table.complete:  # those of a file are said when it is opened
        lines += note_lines(table.notes, _MOST_NOTES)
    return "\n".join(lines)


def _seconds(seconds: float) -> str:
    """Write a duration with as many digits as anyone reads."""
    return f"{seconds:.2f}" if seconds < 1 else f"{seconds:.1f}" if seconds < 60 else f"{seconds:,.0f}"


def _continued(spec: RunSpec, table: Table, trajectory: Trajectory, history: History) -> str:
    """Say which study the search is kept in, and where it is continued, what it knew."""
    if not history.n_trials:
        return f"kept in the new study {history.name!r}"
    scale = "hypervolume" if len(trajectory.objectives) > 1 else facts(spec.objective, table)["scale"]
    best = f"{number(trajectory.best_before, scale)}{unit(scale)}"
    best = f"{trajectory.best_before:.1%} of the hypervolume" if scale == "hypervolume" else best
    known = f"{len(history.outcomes)} networks" + (f", best so far {best}" if history.outcomes else "")
    if history.outcomes and not any(outcome.feasible for outcome in history.outcomes):
        known = f"{len(history.outcomes)} networks, none of them feasible"
    return f"continues study {history.name!r} of {history.n_trials} trials: {known}"


def _space_lines(spec: RunSpec, table: Table, trajectory: Trajectory) -> list[str]:
    """Say what constraints that are known before any query leave to be searched, and whether all of it was."""
    known = constraints_used(spec, table)
    if not known:
        return []
    clause, searched = " and ".join(map(str, known)), searched_space(spec, table)
    if not searched.is_enumerated:
        return [f"known before the search: whether {clause}; nothing else was drawn"]
    left, whole = searched.n_networks, f"{table.space.n_networks:,} networks"
    all_found = "; all of them were queried" if len(trajectory.known) >= left else ""
    return [f"known before the search: {left:,} of {whole} satisfy {clause}{all_found}"]


def _sources(trajectory: Trajectory) -> str:
    """Return how many networks' numbers came from where."""
    counts = Counter(outcome.source for outcome in trajectory.outcomes)
    return "numbers: " + ", ".join(f"{n} {source}" for source, n in counts.items())


def _infeasible(trajectory: Trajectory, table: Table) -> list[str]:
    """Say that no network is feasible, which one is nearest to it, and what it misses."""
    nearest = nearest_to_feasible(trajectory.known)
    n = len(trajectory.known)
    asked = "the network that was asked for is not feasible; it"
    if n > 1:
        asked = f"none of the {n:,} networks that were asked for is feasible; the nearest"
    missed = [
        f"{constraint} by {-slack:.4g}" if math.isfinite(slack) else f"{constraint}, whose value is not known,"
        for constraint, slack in zip(constraints_of(trajectory.objectives), nearest.slacks, strict=True)
        if not slack >= 0
    ]
    lines = [f"best -: {asked} misses {' and '.join(missed)}", f"  {nearest.cell}"]
    return [*lines, f"  network {table.space.uid(nearest.cell)}"]


def _front(trajectory: Trajectory, table: Table) -> list[str]:
    """Return the front as a table: best first by the first objective, each network with its id."""
    of, objectives = "whole table's" if table.complete else "possible", trajectory.objectives
    front = sorted(trajectory.front_outcomes(), key=lambda outcome: [-utility for utility in outcome.utilities])
    scales = [scale_of(objective, table) for objective in objectives]
    units = [" (%)" if unit(scale) else "" for scale in scales]
    heads = ["network", *(f"{obj.expression}{said}" for obj, said in zip(objectives, units, strict=True))]
    rows = [
        [
            f"#{table.space.uid(outcome.cell)}",
            *(number(score, scale) for score, scale in zip(outcome.scores, scales, strict=True)),
        ]
        for outcome in front
    ]
    widths = [max(cell_len(row[i]) for row in [heads, *rows]) for i in range(len(heads))]
    archs = ["architecture", *(str(outcome.cell) for outcome in front)]
    lines = [
        "  " + "  ".join([*(text.rjust(width) for text, width in zip(row, widths, strict=True)), arch])
        for row, arch in zip([heads, *rows], archs, strict=True)
    ]
    size = counted(len(front), "network")
    return [f"front of {size}, {trajectory.best[-1]:.1%} of the {of} hypervolume; sorted by {heads[1]}", *lines]


def _best(spec: RunSpec, table: Table, score: float) -> str:
    """Return how good the best network is; and, where the whole table is known, how good it could have been."""
    known = facts(spec.objective, table)
    scale = known["scale"]
    if math.isnan(score):
        return f"best unknown: no network that was asked for has a score for {spec.objective!r}; the first was"
    if not table.complete:
        noise = f" (noise of one training {difference(known['noise_floor'], scale)})" if known["noise_floor"] else ""
        return f"best {number(score, scale)}{unit(scale)}{noise}"
    reached, possible = (number(value, scale) + unit(scale) for value in (score, known["best"]))
    noise = f", training noise {difference(known['noise_near_best'], scale)}" if known["noise_near_best"] else ""
    return f"best {reached} (best of the table {possible}{noise})"


def _report_lines(trajectory: Trajectory, table: Table, tables: Mapping[Reported, Table]) -> list[str]:
    found = incumbents_of(trajectory, table)
    if not tables or not len(found.indices):
        return []
    values = reported_values(found, tables)
    scales = {str(term): scale_of(term.objective, found_in) for term, found_in in tables.items()}
    lines = [f"  {term}  {number(column[-1], scales[term])}{unit(scales[term])}" for term, column in values.items()]
    several = len(trajectory.objectives) > 1
    return ["reported (the most balanced network of the front):" if several else "reported of it:", *lines]
