"""Objectives on a table that declares directions of its own: they become explicit, ``min(hw.x)`` or ``max(hw.x)``.

An objective goes by the names of its columns, and knows no table. Where it meets one, a column that the table declares
to be the other way is written with its direction, once, so that plans, records and reports say all there is to say.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from robustnas.objectives.objective import Objective, parse_objectives
from robustnas.objectives.term import Term
from robustnas.tables.column_facts import ColumnFacts, column_facts
from robustnas.tables.table import Table


def declared(asked: str | Objective | Sequence[str | Objective], table: Table) -> tuple[Objective, ...]:
    """Return objectives with the directions that a table declares, explicitly where names do not say the same.

    Raises:
        ObjectiveError: They cannot be parsed, or one adds columns of both directions.

    >>> import numpy as np
    >>> from robustnas.tables import ArrayTable
    >>> from robustnas.tables.column_facts import ColumnFacts
    >>> facts = {"hw.x": ColumnFacts(minimised=True)}
    >>> table = ArrayTable({}, attached={"hw.x": np.zeros(15625)}, facts=facts)
    >>> [str(objective) for objective in declared("hw.x, max(hw.x)", table)]
    ['min(hw.x)', 'max(hw.x)']
    """
    return tuple(_declared(objective, table) for objective in parse_objectives(asked))


def column_of(term: Term) -> str:
    """Return the attached column, or the metric of the user's own, that a term is; empty if it is neither."""
    if term.attached:
        return term.attached
    return str(term.metrics[0]) if len(term.metrics) == 1 and not term.metrics[0].is_accuracy else ""


def facts_of(term: Term, table: Table) -> ColumnFacts:
    """Return what a table says of the column that a term is."""
    name = column_of(term)
    return column_facts(name, table) if name else ColumnFacts()


def _declared(objective: Objective, table: Table) -> Objective:
    expression = objective.expression
    for term in objective.terms:
        column, said = column_of(term), facts_of(term, table).minimised
        if term.atom == column and said is not None and said != term.minimised:
            explicit = f"{'min' if said else 'max'}({column})"
            expression = re.sub(rf"(?<![\w.(]){re.escape(column)}(?![\w.)])", explicit, expression)
    if expression == objective.expression:
        return objective
    return Objective(expression + objective.text.removeprefix(objective.expression))
