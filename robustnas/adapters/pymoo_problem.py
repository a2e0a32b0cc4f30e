"""Our objectives as a problem of pymoo (Blank and Deb, IEEE Access 2020)."""

from __future__ import annotations

from typing import Any

import numpy as np
from pymoo.core.problem import Problem
from pymoo.core.variable import Choice

from robustnas.adapters.questions import Questions, answered
from robustnas.errors import BudgetExhausted, SearchStalled
from robustnas.objectives import signed_columns, slack_columns
from robustnas.oracle import Oracle


class PymooProblem(Problem):  # type: ignore[misc]  # pymoo has no types
    """The architectures of a table as integers: variable i is the position of the option of choice i.

    Every objective is minimised: scores in natural units, negated where larger is better. Every comparison of the
    where-clause is a column of G, in the units of its left side. When nothing more can be asked, the algorithm is told
    to terminate. What is unknown, or not answered, is as bad as the worst that the table holds, and infeasible.

    Args:
        oracle: Answers the queries, and counts distinct networks; ``questions.outcomes`` keeps what it answers.

    >>> from pymoo.algorithms.moo.nsga2 import NSGA2
    >>> from pymoo.optimize import minimize
    >>> from robustnas.tables import ArrayTable
    >>> problem = PymooProblem(Oracle("clean, params", ArrayTable({"clean": np.linspace(0, 1, 15625)}), budget=40))
    >>> result = minimize(problem, NSGA2(pop_size=20), seed=1)
    >>> len(problem.questions.outcomes), len(result.F) > 1
    (40, True)
    """

    def __init__(self, oracle: Oracle) -> None:
        self.questions, self.space = Questions(oracle), oracle.table.space
        n_options = {name: len(options) for name, options in self.space.choices.items()}
        super().__init__(
            n_var=len(n_options),
            n_obj=len(oracle.objectives),
            n_ieq_constr=len(self.questions.constraints),
            xl=np.zeros(len(n_options)),
            xu=np.array(list(n_options.values())) - 1,
            vtype=int,
            vars={name: Choice(options=np.arange(n)) for name, n in n_options.items()},
            requires_kwargs=True,
        )

    def architecture(self, x: Any) -> Any:
        """Return the architecture of a row of X: numbers, which are rounded, or a dictionary of them by choice."""
        row = np.array([x[name] for name in self.space.choices] if isinstance(x, dict) else x, dtype=float)
        codes = np.clip(np.rint(row), self.xl, self.xu).astype(int)
        choices = zip(self.space.choices.items(), codes, strict=True)
        return self.space.from_choices({name: options[code] for (name, options), code in choices})

    def _evaluate(self, x: Any, out: dict[str, Any], *_: Any, algorithm: Any = None, **__: Any) -> None:
        indices = [self._ask(self.architecture(row)) for row in x]
        oracle = self.questions.oracle
        losses = -signed_columns(oracle.objectives, oracle.table)
        out["F"] = np.column_stack([answered(column, indices, at_least=-np.inf) for column in losses])
        if self.questions.constraints:
            missed = -slack_columns(oracle.objectives, oracle.table)
            out["G"] = np.column_stack([answered(column, indices, at_least=1.0) for column in missed])
        if algorithm is not None and self.questions.is_over:
            algorithm.termination.terminate()

    def _ask(self, architecture: Any) -> int:
        """Return the index of an architecture after asking for it; -1 where there is no answer."""
        try:
            outcome = self.questions.ask(architecture)
        except (BudgetExhausted, SearchStalled):
            return -1
        return -1 if outcome is None else self.space.index(architecture)

    def __deepcopy__(self, memo: object) -> PymooProblem:
        """Return the problem itself: pymoo copies it with its history, but there is one count of queries."""
        return self
