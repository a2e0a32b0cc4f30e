"""By how much networks satisfy the constraints of what was searched: records hold scores, and the table the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from experiments.comparison.searched_table import searched_table
from robustnas.arrays import FloatArray
from robustnas.errors import RobustNASError
from robustnas.objectives import constraints_of, parse_objectives
from robustnas.objectives.objective import slack_columns


def constraint_names(objective: str) -> list[str]:
    """Return the constraints of what was searched, in the order of their slacks."""
    return [str(constraint) for constraint in constraints_of(parse_objectives(objective))]


def recorded_slacks(
    directory: str | Path,
    manifest: Mapping[str, Any],
    objectives: Iterable[str],
    data: str | Path | None = None,
    note: Callable[[str], object] = lambda _: None,
) -> dict[str, FloatArray]:
    """Return the slacks of all architectures, for the objectives that have constraints.

    Args:
        directory: The directory of the records.
        manifest: What was run.
        objectives: What was searched.
        data: The database's folder; see `robustnas.tables.open_table`.
        note: Called with a sentence if the table that was searched is not at hand: nothing is returned then.

    Returns:
        By objective, an array of shape (n_constraints, space.size); see `robustnas.objectives.Constraint.slack`.
    """
    constrained = [text for text in objectives if constraint_names(text)]
    if not constrained:
        return {}
    try:
        table = searched_table(directory, manifest, data)
        return {text: slack_columns(parse_objectives(text), table) for text in constrained}
    except RobustNASError as error:
        note(f"whether networks satisfy the constraints is left out: {error}")
        return {}
