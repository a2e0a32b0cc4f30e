"""Simulated time: the column of a table that says how many seconds a query takes."""

from __future__ import annotations

import re
from functools import lru_cache

import numpy as np

from robustnas.arrays import FloatArray
from robustnas.errors import ObjectiveError, excerpt
from robustnas.objectives.declared import column_of, facts_of
from robustnas.objectives.term import Term, evaluate_sum, parse_sum
from robustnas.tables.table import Table

_SECONDS = re.compile(r"(?!.*(?:infer|test|eval))(?:.*_)?[a-z]*(?:seconds?|secs?|times?)(?:_(?:s|secs?|seconds?))?")


def seconds_terms(text: object) -> tuple[Term, ...]:
    """Read what a query costs in seconds: a sum of columns, such as ``t.train_seconds`` or ``0.06*t.train_seconds``.

    Raises:
        ObjectiveError: It is not a sum of columns.
    """
    if not isinstance(text, str) or " where " in f" {text} ":
        raise ObjectiveError(f"time is {excerpt(text)}; expected a column of seconds, such as 't.train_seconds'")
    return parse_sum(" ".join(text.split()))


def default_seconds(table: Table) -> str:
    """Return the name of a table's only column of seconds, by the names of attached columns and metrics of its own.

    Raises:
        ObjectiveError: There is none, or several; says which and what to do.
    """
    own = [str(metric) for metric in table.metrics if not metric.is_accuracy]
    names = [name for name in (*table.attached_columns(), *own) if is_seconds(name)]
    if len(names) == 1:
        return names[0]
    if names:
        raise ObjectiveError(
            f"{table.dataset} has {len(names)} columns of seconds ({', '.join(names[:8])}); "
            f"say which pays for a query: time = {names[0]!r} in a plan, --time {names[0]} of search"
        )
    raise ObjectiveError(
        f"{table.dataset} has no column of seconds attached, which simulated time needs; attach a table of training "
        f"times (robustnas data attach FILE --dataset {table.dataset} --name t), or name a column: time = 't.column'"
    )


def is_seconds(name: str) -> bool:
    """Return whether a column is one of seconds, by its name.

    >>> [is_seconds(name) for name in ("t.train_seconds", "t.trainTime", "t.train_time_s", "t.time_ms", "hw.latency")]
    [True, True, True, False, False]
    """
    return bool(_SECONDS.fullmatch(name.rpartition(".")[2].lower()))


@lru_cache(maxsize=64)
def seconds_column(text: str, table: Table) -> FloatArray:
    """Return the seconds that a query of each architecture takes, shape (space.size,).

    Raises:
        ObjectiveError: The table lacks a column, what is named is no time but an accuracy, a size or another column
            that is maximised, or one of its architectures has no or no positive number of seconds.
    """
    terms = seconds_terms(text)
    values = evaluate_sum(terms, table)  # refuses columns that the table lacks
    for term in terms:
        _check_cost(term, text, table)
    members = values[table.space.members()]
    if unknown := int((~np.isfinite(members)).sum()):
        raise ObjectiveError(
            f"time {text!r} is unknown for {unknown:,} of {len(members):,} architectures of {table.dataset}; expected "
            "a number of seconds for each"
        )
    if not members.min() > 0:
        raise ObjectiveError(f"time {text!r} is {members.min():.6g} for an architecture; expected positive seconds")
    return values


def _check_cost(term: Term, text: str, table: Table) -> None:
    """Refuse what cannot be seconds; a column of the user's own can, unless the more of it, the better."""
    column = column_of(term)
    if not column:
        what = "an accuracy" if term.metrics else "the size of a network"
        raise ObjectiveError(f"time {text!r}: {term.atom} is {what}; expected a column of seconds")
    known = facts_of(term, table).minimised
    if not (term.minimised if known is None else known):
        name = column.rpartition(".")[2]
        raise ObjectiveError(
            f"time {text!r}: {column} is maximised, but seconds are a cost; expected a column of seconds (if it is "
            f"one, attach it again with --minimise {name})"
        )
