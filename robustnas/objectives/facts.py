"""Facts about objectives on a table: titles, the best, training noise, what networks are cross-evaluated on."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np

from robustnas.arrays import FloatArray
from robustnas.errors import ObjectiveError
from robustnas.metric import ATTACKS, MEAN_CORRUPTION, Metric
from robustnas.objectives.declared import declared, facts_of
from robustnas.objectives.objective import Objective, objectives_text, parse_objectives, utility_columns
from robustnas.objectives.scales import scale_of
from robustnas.objectives.suite import suite_name
from robustnas.tables.noise import NoiseFloor, noise_floor, noise_near_best
from robustnas.tables.table import STANDARD_TRAINING, Table

Asked: TypeAlias = str | Objective | Sequence[str | Objective]
"""One or several objectives, as text or parsed."""

CROSS_OBJECTIVES: tuple[Objective, ...] = tuple(
    Objective(text) for text in ("clean", "fgsm@1", "pgd@1", "apgd@1", "square@1", "corruption")
)
"""What every network found is scored on (table 1 of the robustness paper)."""

_ONE_NUMBER = "the mean over all corruptions and severities, which the table holds as one number"


def title(objectives: Asked) -> str:
    """Return a name for tables and figures, such as ``PGD, eps 1/255``.

    >>> title("clean, pgd@1"), title("rob201-mop1")
    ('clean | PGD, eps 1/255', 'rob201-mop1: clean | PGD, eps 1/255')
    """
    name = suite_name(objectives) if isinstance(objectives, str) else ""
    each = " | ".join(objective.title for objective in parse_objectives(objectives))
    return f"{name}: {each}" if name else each


def cross_objectives(table: Table) -> tuple[Objective, ...]:
    """Return those of `CROSS_OBJECTIVES` that a table has the metrics for.

    Of a table without a robust one among them, such as one of networks trained adversarially, also every attack that it
    holds.
    """
    held = set(table.metrics)
    found = tuple(objective for objective in CROSS_OBJECTIVES if held.issuperset(objective.metrics_on(table)))
    if any(objective.expression != "clean" for objective in found):
        return found
    return (*found, *(Objective(str(metric)) for metric in table.metrics if metric.kind in ATTACKS))


def training_of(table: Table) -> dict[str, str]:
    """Return ``{"training": ...}``, how the networks of a table were trained; {} if as usual, or if it does not say."""
    training = str(getattr(table, "training", "") or "")
    return {"training": training} if training not in ("", STANDARD_TRAINING) else {}


def training_lines(table: Table) -> list[str]:
    """Return what `training_of` returns, as a sentence."""
    return [f"networks of {table.dataset}: {training}" for training in training_of(table).values()]


def meanings(objectives: Sequence[Objective], table: Table) -> dict[str, dict[str, list[str]]]:
    """Return ``{"means": {atom: metrics}}`` of the atoms that stand for other metrics than on the database; {} if none.

    >>> import numpy as np
    >>> from robustnas.tables import ArrayTable
    >>> table = ArrayTable({name: np.zeros(15625) for name in ("fgsm@8", "autoattack@8")})
    >>> meanings([Objective("worst@8")], table)
    {'means': {'worst@8': ['fgsm@8', 'autoattack@8']}}
    """
    found = {
        term.atom: [str(metric) for metric in term.metrics_on(table)]
        for objective in objectives
        for term in (*objective.terms, *(term for constraint in objective.constraints for term in constraint.terms))
        if term.metrics_on(table) != term.metrics
    }
    return {"means": found} if found else {}


def meaning_lines(objectives: Sequence[Objective], table: Table) -> list[str]:
    """Return what `meanings` returns, in words: ``worst@8: minimum of fgsm@8, autoattack@8``."""
    lines = []
    for atom, metrics in meanings(objectives, table).get("means", {}).items():
        collected = "minimum" if atom.startswith("worst") else "mean"
        what = f"{collected} of {', '.join(metrics)}"
        lines.append(f"{atom}: {_ONE_NUMBER if atom == MEAN_CORRUPTION else what}")
    return lines


@lru_cache(maxsize=256)
def objective_column(objective: str | Objective, table: Table) -> FloatArray:
    """Return `Objective.evaluate` of a table that does not change, computed once, shape (space.size,)."""
    return (Objective(objective) if isinstance(objective, str) else objective).evaluate(table)


def attached_digests(objectives: Iterable[Objective], table: Table) -> dict[str, dict[str, str]]:
    """Return ``{"attached_digests": {name: digest}}`` of the attached tables that objectives use; {} if none does."""
    return digests_of({column for objective in objectives for column in objective.attached}, table)


def digests_of(columns: Iterable[str], table: Table) -> dict[str, dict[str, str]]:
    """Return ``{"attached_digests": {name: digest}}`` of the attached tables of some columns; {} for no columns."""
    names = {column.partition(".")[0] for column in columns}
    digests = table.attached_digests() if names else {}
    return {"attached_digests": {name: digests[name] for name in sorted(names)}} if names else {}


def facts(asked: Asked, table: Table) -> dict[str, Any]:
    """Return what a table says of an objective: best, noise floor, how many lie within it, scale and title.

    The best is that of all feasible architectures, not of the networks' representatives alone: those of one network may
    differ in costs. The noise floor is that of all feasible networks, ``noise_near_best`` that of the best of them:
    good networks may be less noisy than bad ones, or more. Both are unknown for a sum with an attached column to
    maximise, unless the table knows that of the column. Each comes with how many networks lie within it of the best.
    Of several objectives, the scale is the normalised hypervolume, whose best is 1, and ``each`` has direction and
    scale of every one; ``objectives`` says what a name of the suite stands for. Directions are those that the table
    declares.

    Raises:
        ObjectiveError: Nothing is feasible and of a known score, or the table lacks a metric or an attached column.
    """
    objectives = declared(asked, table)
    if len(objectives) > 1:
        unknown = dict.fromkeys(("noise_floor", "n_within_noise", "noise_near_best", "n_within_noise_near_best"))
        each = [{"minimised": one.minimised, "scale": scale_of(one, table)} for one in objectives]
        known = {"best": 1.0, "minimised": False, **unknown, "scale": "hypervolume", "each": each}
        named = {"objectives": objectives_text(objectives)} if isinstance(asked, str) and suite_name(asked) else {}
        return {**known, **named, "title": title(asked), **meanings(objectives, table)}
    (objective,) = objectives
    space = table.space
    utilities = utility_columns(objectives, table)[0]
    if not np.isfinite(utilities).any():
        raise ObjectiveError(f"no cell of {table.dataset} has a known score of {objectives_text(objectives)!r}")
    best = float(np.nanmax(utilities))
    scores = (objective.sign * utilities)[space.network_indices()]

    def within(noise: float) -> int | None:
        if not math.isfinite(noise):
            return None
        return len(np.unique(space.network_of_index()[utilities >= best - noise]))

    noise = _noise(objective, table, lambda: noise_floor(scores, space))
    noise = noise if math.isfinite(noise) else seed_noise(objective, table)
    near_best = _noise(objective, table, lambda: noise_near_best(scores, space, minimised=objective.minimised))
    return {
        "best": objective.sign * best,
        "minimised": objective.minimised,
        "noise_floor": noise if math.isfinite(noise) else None,
        "n_within_noise": within(noise),
        "noise_near_best": near_best if math.isfinite(near_best) else None,
        "n_within_noise_near_best": within(near_best),
        "scale": scale_of(objective, table),
        "title": objective.title,
        **meanings(objectives, table),
    }


def _noise(objective: Objective, table: Table, estimate: Callable[[], NoiseFloor]) -> float:
    """Return the training noise of an objective: 0 for costs, NaN if unknown."""
    if any(term.attached for term in objective.terms):
        if len(objective.terms) == 1 and (noise := facts_of(objective.terms[0], table).noise) is not None:
            return abs(objective.terms[0].weight) * noise
        return 0.0 if objective.minimised else math.nan
    return estimate().std if any(term.metrics for term in objective.terms) else 0.0


def seed_noise(objective: Objective, table: Table) -> float:
    """Return the noise of a single metric between training seeds, where a table has no twins but knows of seeds."""
    (term, *others) = objective.terms
    known: dict[Metric, float] = getattr(table, "seed_noise", {})
    is_single = not others and len(term.metrics) == 1 and term.weight == 1
    return known.get(term.metrics[0], math.nan) if is_single else math.nan
