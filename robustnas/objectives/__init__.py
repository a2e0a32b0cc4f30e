"""Objectives: what a search maximises or minimises, and under which constraints."""

from robustnas.objectives.constraint import Constraint
from robustnas.objectives.facts import (
    attached_digests,
    cross_objectives,
    digests_of,
    facts,
    meaning_lines,
    meanings,
    objective_column,
    scale_of,
    title,
    training_lines,
    training_of,
)
from robustnas.objectives.objective import (
    Objective,
    feasible,
    needed_metrics,
    objectives_text,
    parse_objectives,
    score_columns,
    utility_columns,
)

__all__ = [
    "Constraint",
    "Objective",
    "attached_digests",
    "cross_objectives",
    "digests_of",
    "facts",
    "feasible",
    "meaning_lines",
    "meanings",
    "needed_metrics",
    "objective_column",
    "objectives_text",
    "parse_objectives",
    "scale_of",
    "score_columns",
    "title",
    "training_lines",
    "training_of",
    "utility_columns",
]
