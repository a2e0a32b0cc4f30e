"""What the optimisers of other libraries ask an oracle, and what they are told of its constraints."""

from __future__ import annotations

from threading import Lock
from typing import Any

import numpy as np

from robustnas.arrays import FloatArray
from robustnas.errors import BudgetExhausted, SearchStalled
from robustnas.objectives import Constraint
from robustnas.oracle import Oracle, Outcome
from robustnas.tables.table import Table

_TINY = 1e-12  # by how much a strict comparison is missed where both sides are equal


class Questions:
    """Asks an oracle, also from several threads, and keeps what is answered.

    Attributes:
        oracle: The oracle.
        outcomes: The outcomes of distinct networks, in the order of the queries.
        is_over: Whether nothing more can be asked: the budget is spent, or the last queries were all repeats.
    """

    def __init__(self, oracle: Oracle) -> None:
        self.oracle = oracle
        self.outcomes: list[Outcome] = []
        self.is_over = False
        self._lock = Lock()
        constraints = (constraint for objective in oracle.objectives for constraint in objective.constraints)
        self.constraints = tuple(dict.fromkeys(constraints))

    def ask(self, architecture: Any) -> Outcome | None:
        """Return the outcome of an architecture; None for one outside of the table's space, which costs no query.

        Raises:
            BudgetExhausted: The network is new, but the budget is spent.
            SearchStalled: The last queries were repeats, and so is this one.
        """
        if architecture not in self.oracle.table.space:
            return None
        with self._lock:
            try:
                outcome = self.oracle.query(architecture)
            except (BudgetExhausted, SearchStalled):
                self.is_over = True
                raise
            if not outcome.repeat:
                self.outcomes.append(outcome)
            self.is_over = not self.oracle.remaining
        return outcome

    def missed(self) -> list[FloatArray]:
        """Return by how much every architecture misses each of the constraints; see `missed`."""
        return [missed(constraint, self.oracle.table) for constraint in self.constraints]


def missed(constraint: Constraint, table: Table) -> FloatArray:
    """Return by how much every architecture misses a comparison, shape (space.size,), in the units of its left side.

    Positive where it is violated, at most 0 where it is satisfied, NaN where the left side is unknown.

    >>> import numpy as np
    >>> from robustnas.tables import ArrayTable
    >>> table = ArrayTable({"clean": np.linspace(0, 1, 15625)})
    >>> missed(Constraint("clean >= 0.75"), table)[[0, -1]].tolist()
    [0.75, -0.25]
    """
    values = constraint.evaluate(table)
    beyond = values - constraint.bound if constraint.sign.startswith("<") else constraint.bound - values
    signed = np.where(constraint.satisfied(table), np.minimum(beyond, 0.0), np.maximum(beyond, _TINY))
    return np.where(np.isnan(values), np.nan, signed)


def answered(column: FloatArray, indices: list[int], at_least: float) -> FloatArray:
    """Return the values of a column at some indices, for minimisation.

    Args:
        column: A value per index, NaN where unknown.
        indices: Which, -1 where there was no answer; these, and what is unknown, get the largest value of the column.
        at_least: The smallest value that these may get.
    """
    values = np.where(np.array(indices) < 0, np.nan, column[indices])
    worst = column[np.isfinite(column)].max(initial=at_least)
    return np.where(np.isfinite(values), values, worst if np.isfinite(worst) else 0.0)
