"""What the optimisers of other libraries ask an oracle."""

from __future__ import annotations

from threading import Lock
from typing import Any

import numpy as np

from robustnas.arrays import FloatArray
from robustnas.errors import BudgetExhausted, SearchStalled
from robustnas.objectives import constraints_of
from robustnas.oracle import Oracle, Outcome


class Questions:
    """Asks an oracle, also from several threads, and keeps what is answered.

    Attributes:
        oracle: The oracle.
        constraints: The comparisons of the where-clause.
        outcomes: The outcomes of distinct networks, in the order of the queries.
        is_over: Whether nothing more can be asked: the budget is spent, or the last queries were all repeats.
    """

    def __init__(self, oracle: Oracle) -> None:
        self.oracle = oracle
        self.outcomes: list[Outcome] = []
        self.is_over = False
        self._lock = Lock()
        self.constraints = constraints_of(oracle.objectives)

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
