"""Directions of recorded objectives: runs that were made one way are not continued the other way."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from experiments.journal import MANIFEST, read_manifest
from robustnas.errors import DataError
from robustnas.objectives import Objective, parse_objectives
from robustnas.objectives.cost_names import minimised_of_old
from robustnas.objectives.declared import column_of


def recorded_directions(text: str, facts: Mapping[str, Any]) -> tuple[bool, ...]:
    """Return whether each objective of a text was minimised when its facts were recorded."""
    if "each" in facts:
        return tuple(bool(one["minimised"]) for one in facts["each"])
    objectives = parse_objectives(text)
    if len(objectives) == 1:
        return (bool(facts.get("minimised", objectives[0].minimised)),)
    return tuple(_minimised_of_old(objective) for objective in objectives)


def check_directions(directory: str | Path, objectives: Mapping[str, Mapping[str, Any]]) -> None:
    """Check that the records in a directory, if there are any, have the directions that objectives have now.

    Args:
        directory: The directory.
        objectives: The facts of each objective.

    Raises:
        DataError: An objective was searched in the other direction.
    """
    if not (Path(directory) / MANIFEST).is_file():
        return
    before = read_manifest(Path(directory)).get("objectives")
    for text, facts in objectives.items():
        known = before.get(text) if isinstance(before, dict) else None
        if isinstance(known, dict) and recorded_directions(text, known) != recorded_directions(text, facts):
            raise DataError(
                f"{str(directory)!r} holds runs on {text!r} in another direction: columns of such names were not known "
                "to be costs; to go on, write max(...) or min(...) in the plan, and choose another --out"
            )


def _minimised_of_old(objective: Objective) -> bool:
    """Return whether an objective was minimised before more names were known to be those of costs."""
    term = objective.terms[0]
    column = column_of(term)
    explicit = not column or term.atom != column
    return term.minimised if explicit else minimised_of_old(column.rpartition(".")[2])
