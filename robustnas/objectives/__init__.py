"""Objectives: what a search maximises or minimises, and under which constraints."""

from robustnas.objectives.constraint import Constraint
from robustnas.objectives.declared import declared
from robustnas.objectives.facts import (
    attached_digests,
    cross_objectives,
    digests_of,
    facts,
    meaning_lines,
    meanings,
    objective_column,
    title,
    training_lines,
    training_of,
)
from robustnas.objectives.known import known_constraints, known_space, known_utilities
from robustnas.objectives.objective import (
    Objective,
    asked_text,
    constraints_of,
    costs_used,
    feasible,
    needed_metrics,
    objectives_text,
    parse_objectives,
    score_columns,
    signed_columns,
    slack_columns,
    utility_columns,
)
from robustnas.objectives.reported import Reported
from robustnas.objectives.scales import scale_notes, scale_of
from robustnas.objectives.seconds import default_seconds, is_seconds, seconds_column, seconds_terms
from robustnas.objectives.suite import SUITE, Problem, suite_name

__all__ = [
    "SUITE",
    "Constraint",
    "Objective",
    "Problem",
    "Reported",
    "asked_text",
    "attached_digests",
    "constraints_of",
    "costs_used",
    "cross_objectives",
    "declared",
    "default_seconds",
    "digests_of",
    "facts",
    "feasible",
    "meaning_lines",
    "meanings",
    "is_seconds",
    "known_constraints",
    "known_space",
    "known_utilities",
    "needed_metrics",
    "objective_column",
    "objectives_text",
    "parse_objectives",
    "scale_notes",
    "scale_of",
    "score_columns",
    "seconds_column",
    "seconds_terms",
    "signed_columns",
    "slack_columns",
    "suite_name",
    "title",
    "training_lines",
    "training_of",
    "utility_columns",
]
