"""Incumbents: the best network so far of a run, by the objectives that it searched, and what else is known of it.

For one objective it is the first network of the best feasible score; for several, the most balanced one of the front,
whose worst utility, scaled to the range of the table's front, is largest. What is reported of it is computed from its
index, so that records of any age can be reported on anything that a table over the same space says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from experiments.comparison.trajectory import hypervolume_scale
from robustnas.arrays import FloatArray, IntArray
from robustnas.objectives import Objective, Reported, utility_columns
from robustnas.tables.table import Table


class Incumbents(NamedTuple):
    """When a run found a better network.

    Attributes:
        n_queries: The query that found each, from 1, ascending, shape (n,).
        indices: Its index in the space, shape (n,).
    """

    n_queries: IntArray
    indices: IntArray


def incumbents(indices: Sequence[int] | IntArray, objectives: tuple[Objective, ...], table: Table) -> Incumbents:
    """Return the incumbents of a run.

    Args:
        indices: The networks queried, in order, by index of the space.
        objectives: What was searched.
        table: The table that was searched on.
    """
    queried = np.asarray(indices, dtype=np.int64)
    utilities = utility_columns(objectives, table)[:, queried]
    if len(objectives) > 1:
        utility = hypervolume_scale(objectives, table).scaled(utilities.T).min(axis=1)
    else:
        utility = utilities[0]
    utility = np.where(np.isnan(utility), -np.inf, utility)
    before = np.concatenate([[-np.inf], np.maximum.accumulate(utility)[:-1]])
    found = np.flatnonzero(utility > before)
    return Incumbents(found + 1, queried[found])


def reported_tables(
    terms: Sequence[Reported], searched: Table, open_table: Callable[[str], Table]
) -> dict[Reported, Table]:
    """Return the table of each term that is to be reported; faults show here, before anything is run.

    Raises:
        InvalidInputError: A dataset is unknown, or over another space.
        ObjectiveError: A table lacks a metric or a column.
    """
    opened: dict[str, Table] = {}

    def once(dataset: str) -> Table:
        if dataset not in opened:
            opened[dataset] = open_table(dataset)
        return opened[dataset]

    return {term: term.table(searched, once) for term in terms}


def reported_values(found: Incumbents, tables: Mapping[Reported, Table]) -> dict[str, FloatArray]:
    """Return what the incumbents score on each term, shape (n,), natural units, NaN where unknown."""
    return {str(term): term.column(table)[found.indices] for term, table in tables.items()}
