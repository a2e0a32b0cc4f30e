"""The columns of a page: metrics, costs and attached numbers, and what is known of each besides its numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from robustnas.arrays import FloatArray
from robustnas.errors import ObjectiveError
from robustnas.metric import ATTACKS, CORRUPTIONS, Metric
from robustnas.objectives import Objective, declared, scale_of
from robustnas.objectives.facts import seed_noise
from robustnas.spaces import COSTS
from robustnas.tables.column_facts import column_facts
from robustnas.tables.exchangeable_twins import share_of_cells
from robustnas.tables.noise import twin_deviations
from robustnas.tables.table import Table, cost_column

_COST_TITLES = {"params": "parameters", "flops": "multiply-accumulates"}
_SUMMARIES = ("clean", "adversarial", "worst", "corruption")


@dataclass(frozen=True, eq=False, slots=True)
class Column:
    """One column.

    Attributes:
        values: A number per architecture of the space, NaN where unknown.
        facts: What the page says of it: name (as in the grammar of objectives), title, kind (``attack``,
            ``corruption``, ``accuracy``, ``own``, ``cost``, ``attached``), of (what has several levels), level,
            minimised, share (whether it is written in percent), noise (``twins``, a number, or None).
    """

    values: FloatArray
    facts: dict[str, Any]


def columns_of(table: Table) -> list[Column]:
    """Return the columns of a table that hold a number."""
    return [column for column in _all_columns(table) if np.isfinite(column.values).any()]


def sums_of(table: Table, held: set[str]) -> list[dict[str, Any]]:
    """Return the atoms of the grammar that stand for several columns: their name, title, parts and whether a minimum.

    Args:
        table: The table.
        held: The names of the columns that the page has.
    """
    levels = sorted({m.level for m in table.metrics if m.kind in ATTACKS and m.level is not None})
    atoms = [f"{kind}@{eps:g}" for kind in ("worst", "adversarial") for eps in levels]
    atoms += ["corruption", *(f"corruption@{severity}" for severity in range(1, 6))]
    atoms += [f"corruption:{name}" for name in CORRUPTIONS]
    found = []
    for atom in atoms:
        parts = [str(metric) for metric in Objective(atom).metrics_on(table)]
        if atom not in held and len(parts) > 1 and held.issuperset(parts):
            found.append({"name": atom, "title": _sum_title(atom, parts), "over": parts, "worst": atom[0] == "w"})
    return found


def _sum_title(atom: str, parts: list[str]) -> str:
    kind, _, level = atom.partition("@")
    if kind in ("worst", "adversarial"):
        return f"{'worst' if kind == 'worst' else 'mean'} of {len(parts)} attacks, eps {level}/255"
    if kind == "corruption":
        return "mean corruption" + (f", severity {level}" if level else "")
    return f"{kind.partition(':')[2].replace('_', ' ')}, mean of severities"


def _all_columns(table: Table) -> Iterator[Column]:
    for metric in table.metrics:
        kind, of = _kind(metric)
        facts = {"kind": kind, "of": of, "level": metric.level, "title": metric.title}
        values = table.column(metric)
        yield Column(values, {**facts, **_scored(str(metric), table, _noise(metric, values, table))})
    for name in COSTS:
        try:
            values = cost_column(name, table)
        except ObjectiveError:
            continue
        title = _COST_TITLES.get(name, name)
        facts = {"kind": "cost", "of": name, "level": None, "title": title, "name": name}
        yield Column(values, {**facts, "minimised": True, "share": False, "noise": 0.0})
    for name, values in table.attached_columns().items():
        facts = {"kind": "attached", "of": name, "level": None, "title": name}
        yield Column(values, {**facts, **_scored(name, table, column_facts(name, table).noise)})


def _kind(metric: Metric) -> tuple[str, str]:
    """Return what a metric is and the name of what it is a level of."""
    if metric.kind in ATTACKS:
        return "attack", ATTACKS[metric.kind].title
    if metric.level is not None:
        return "corruption", metric.kind.replace("_", " ")
    return ("accuracy" if metric.is_accuracy else "own"), metric.title


def _scored(name: str, table: Table, noise: float | str | None) -> dict[str, Any]:
    """Return direction, scale and noise of a column as the page has them."""
    try:
        (objective,) = declared(name, table)
        minimised, share = objective.minimised, scale_of(objective, table) == "accuracy"
    except ObjectiveError:  # a name that the grammar has no place for
        known = column_facts(name, table)
        minimised, share = bool(known.minimised), known.share
    noise = 0.0 if noise is None and minimised else noise
    return {"name": name, "minimised": minimised, "share": share, "noise": noise}


def _noise(metric: Metric, values: FloatArray, table: Table) -> float | str | None:
    """Return what the noise of a metric is known from: ``twins``, or a number, or None.

    Twins whose cells explain a metric, such as seconds, do not differ by noise.
    """
    twins = twin_deviations(values[table.space.network_indices()], table.space)
    if len(twins.rows) and (metric.is_accuracy or not share_of_cells(twins, table.space)):
        return "twins"
    known = column_facts(str(metric), table).noise
    if known is None:
        known = seed_noise(Objective(str(metric)), table)
    return known if np.isfinite(known) else None
