"""What the constraints of a search say before any query: the part of the space that is left to be searched.

A constraint on costs or attached columns is known of every architecture before anything is measured. One on a metric is
learned, query by query; so is one on an attached column that is itself what is searched for, such as
``t.val_acc where t.val_acc >= 0.9``: what queries are there to find out is not known. Latencies and other columns that
are minimised are known even then.

Likewise, an objective on costs alone is known of every architecture; losses, errors and seconds of training, which are
minimised too, take a training to know.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from robustnas.arrays import FloatArray
from robustnas.errors import ObjectiveError, excerpt
from robustnas.objectives.constraint import BoolArray, Constraint
from robustnas.objectives.objective import Objective, constraints_of, ranges_text
from robustnas.objectives.seconds import is_seconds
from robustnas.objectives.term import Term
from robustnas.spaces import EnumerableSpace, ListedSpace, Subspace
from robustnas.tables.array_table import ArrayTable
from robustnas.tables.table import Table, skeleton_of

_RESULT = re.compile(r"loss(?:es)?|err(?:or)?s?|drop|degradation|gap|perplexity|ppl|r?mse|mae|nll|ece")
"""Words of columns that are minimised, but that only a trained network has."""


def known_constraints(objectives: Sequence[Objective], table: Table) -> tuple[Constraint, ...]:
    """Return the constraints whose values a table knows before any query.

    >>> from robustnas.objectives import parse_objectives
    >>> from robustnas.tables import open_table
    >>> asked = parse_objectives("pgd@1 where clean >= 0.9 and params <= 4e5")
    >>> [str(constraint) for constraint in known_constraints(asked, open_table("cifar10-surrogate"))]
    ['params <= 4e5']
    """
    searched = {term.attached for objective in objectives for term in objective.terms if not term.minimised}
    return tuple(
        constraint
        for constraint in constraints_of(objectives)
        if not any(
            term.metrics_on(table)
            or (term.attached and term.attached in searched)
            or term.atom in getattr(table, "learned_costs", ())
            for term in constraint.terms
        )
    )


def known_space(objectives: Sequence[Objective], table: Table) -> EnumerableSpace[Any]:
    """Return the part of a table's space that the `known_constraints` leave; the space itself if they leave all of it.

    Give it to a searcher, and no query is spent on what is known not to count. Architectures are kept one by one, since
    those of one network may differ in costs; one whose value is missing is left out.

    Raises:
        ObjectiveError: Nothing is left, or the table lacks an attached column.

    >>> from robustnas.objectives import parse_objectives
    >>> from robustnas.tables import open_table
    >>> known_space(parse_objectives("pgd@1 where params <= 4e5"), open_table("cifar10-surrogate"))
    <nasbench201: 9,604 architectures, 3,272 networks>
    """
    return _space_left(known_constraints(objectives, table), table)


@lru_cache(maxsize=64)
def _space_left(constraints: tuple[Constraint, ...], table: Table) -> EnumerableSpace[Any]:
    space = table.space
    if space.reachable is not space:
        return _narrowed(space.reachable, constraints, table)
    mask: BoolArray = np.ones(space.size, dtype=np.bool_)
    for constraint in constraints:
        mask &= constraint.satisfied(table)
    members = space.members()
    if mask[members].all():
        return space
    if not mask[members].any():
        clause = excerpt(" and ".join(map(str, constraints)))
        raise ObjectiveError(f"no cell of {table.dataset} satisfies {clause}: {ranges_text(constraints, table)}")
    return Subspace(space, mask, split=True)


def _narrowed(whole: Any, constraints: tuple[Constraint, ...], table: Table) -> EnumerableSpace[Any]:
    """Return what constraints leave of a space that is not enumerated: they are evaluated where it is sampled."""

    def is_left(architecture: Any) -> bool:
        alone = ArrayTable({}, table.dataset, skeleton=skeleton_of(table), space=ListedSpace(whole, [architecture]))
        return all(bool(constraint.satisfied(alone)[0]) for constraint in constraints)

    clause = " and ".join(map(str, constraints))
    narrowed: EnumerableSpace[Any] = whole.narrowed(is_left, f"{whole.name} where {clause}") if constraints else whole
    return narrowed


def known_utilities(objectives: Sequence[Objective], table: Table) -> tuple[FloatArray | None, ...]:
    """Return what every objective is known to be worth before any query, None where a query finds it out.

    Returns:
        Per objective, the utilities of all architectures, shape (space.size,), larger is better; constraints aside.

    Raises:
        ObjectiveError: The table lacks an attached column.

    >>> from robustnas.objectives import parse_objectives
    >>> from robustnas.tables import open_table
    >>> utilities = known_utilities(parse_objectives("clean, params"), open_table("cifar10-surrogate"))
    >>> [known is not None for known in utilities]
    [False, True]
    """
    return tuple(_known_utility(objective, table) for objective in objectives)


def _known_utility(objective: Objective, table: Table) -> FloatArray | None:
    if table.space.reachable is not table.space or not all(_is_cost(term) for term in objective.terms):
        return None
    utilities = objective.sign * objective.evaluate(table)
    return utilities if np.isfinite(utilities[table.space.members()]).all() else None


def _is_cost(term: Term) -> bool:
    """Return whether a term is a property of an architecture that takes no training to know."""
    words = re.split(r"[\W_]+", term.attached.rpartition(".")[2].lower())
    return (
        term.minimised and not term.metrics and not is_seconds(term.attached) and not any(map(_RESULT.fullmatch, words))
    )
