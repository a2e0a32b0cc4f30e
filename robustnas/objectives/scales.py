"""The scales of objectives: how scores are written, and sums and constraints that mix scales without meaning to."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from robustnas.arrays import FloatArray
from robustnas.objectives.constraint import Constraint
from robustnas.objectives.declared import column_of, facts_of
from robustnas.objectives.objective import Objective, parse_objectives
from robustnas.objectives.term import Term
from robustnas.tables.table import Table

_DECIDES = 10.0  # a term whose weighted spread is this many times that of another decides alone
_SHARE = 1.0
_PERCENT = 100.0


def scale_of(objective: Objective, table: Table | None = None) -> str:
    """Return how scores of an objective are written: ``"accuracy"``, in percent, or ``"count"``, as they are.

    Args:
        objective: The objective.
        table: The table, which may say that a column of the user's own holds shares.
    """
    return "accuracy" if all(_is_share(term, table) for term in objective.terms) else "count"


def scale_notes(asked: str | Objective | Sequence[str | Objective], table: Table) -> tuple[str, ...]:
    """Return a sentence for each sum that one of its terms decides alone, and each comparison in another unit.

    Raises:
        ObjectiveError: The table lacks a metric or an attached column.

    >>> from robustnas.tables import ArrayTable
    >>> line = np.linspace(0, 1, 15625)
    >>> table = ArrayTable({"clean": line}, attached={"t.acc": 100 * line})
    >>> for note in scale_notes("clean + t.acc where t.acc >= 0.9", table):
    ...     print(note)
    'clean + t.acc' mixes scales: clean spreads by 0.289, t.acc by 28.9 (standard deviations, weights included), so ...
    't.acc >= 0.9' holds for 99% of the cells: t.acc is from 0 to 100; if it is in percent, write t.acc >= 90, or ...
    """
    objectives = parse_objectives(asked)
    constraints = dict.fromkeys(constraint for objective in objectives for constraint in objective.constraints)
    sums = {objective.expression: objective.terms for objective in objectives}
    sums |= {constraint.expression: constraint.terms for constraint in constraints}
    notes = [_mixed(expression, terms, table) for expression, terms in sums.items()]
    return tuple(note for note in (*notes, *(_vacuous(constraint, table) for constraint in constraints)) if note)


def _is_share(term: Term, table: Table | None) -> bool:
    if term.metrics and all(metric.is_accuracy for metric in term.metrics):
        return True
    return table is not None and facts_of(term, table).share


def _mixed(expression: str, terms: Sequence[Term], table: Table) -> str:
    """Return what to say of a sum of different scales of which one term is far larger than another."""
    if len(terms) < 2 or all(_is_share(term, table) for term in terms):
        return ""
    spreads = {_written(term): _spread(term, table) for term in terms}
    known = {name: spread for name, spread in spreads.items() if spread > 0}
    if len(known) < 2 or max(known.values()) < _DECIDES * min(known.values()):
        return ""
    large, small = max(known, key=lambda name: known[name]), min(known, key=lambda name: known[name])
    percent = next((column_of(term) for term in terms if _written(term) == large and _in_percent(term, table)), "")
    advice = f"attach it again with --percent {percent.rpartition('.')[2]}" if percent else "weight them to one scale"
    return (
        f"{expression!r} mixes scales: {small} spreads by {known[small]:.3g}, {large} by {known[large]:.3g} (standard "
        f"deviations, weights included), so that {large} decides alone; {advice}"
    )


def _vacuous(constraint: Constraint, table: Table) -> str:
    """Return what to say of a comparison of percent with a share, or of shares with percent."""
    values = constraint.evaluate(table)
    known = values[np.isfinite(values)]
    if not len(known) or len(constraint.terms) != 1:
        return ""
    (term,) = constraint.terms
    low, high = float(known.min()), float(known.max())
    held = float(np.mean(constraint.satisfied(table)[np.isfinite(values)]))
    ranges = f"{constraint.expression} is from {low:.4g} to {high:.4g}"
    where = f"{constraint.text!r} holds for {held:.0%} of the cells: {ranges}"
    if 0 < constraint.bound <= _SHARE and _in_percent(term, table) and held > 0:
        other = f"{constraint.expression} {constraint.sign} {100 * constraint.bound:g}"
        column = column_of(term).rpartition(".")[2]
        return f"{where}; if it is in percent, write {other}, or attach it again with --percent {column}"
    if _is_share(term, table) and _SHARE < constraint.bound <= _PERCENT and held > 0:
        other = f"{constraint.expression} {constraint.sign} {constraint.bound / 100:g}"
        return f"{where}; accuracies are in [0, 1]: did you mean {other}?"
    return f"{where}: it excludes nothing" if held == 1 else ""


def _in_percent(term: Term, table: Table) -> bool:
    """Return whether a column of a user's own may be in percent: no share, not negative, from above 1 up to 100."""
    if not column_of(term) or _is_share(term, table):
        return False
    known = _known(term, table)
    return bool(len(known)) and known.min() >= 0 and 1.5 < known.max() <= _PERCENT and not term.minimised


def _spread(term: Term, table: Table) -> float:
    known = _known(term, table)
    return abs(term.weight) * float(known.std()) if len(known) else 0.0


def _known(term: Term, table: Table) -> FloatArray:
    values = term.evaluate(table)
    return values[np.isfinite(values)]


def _written(term: Term) -> str:
    return term.atom if term.weight == 1 else f"{term.weight:g}*{term.atom}"
