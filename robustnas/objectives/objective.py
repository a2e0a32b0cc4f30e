"""The grammar of objectives: what a search maximises or minimises, and under which constraints.

::

    objectives = objective ("," objective)* ["where" clause]    several at once: multi-objective search
    objective  = ["-"] term (("+" | "-") term)*
    term       = [weight "*"] atom
    atom       = "clean" | attack "@" eps | "adversarial@" eps | "worst@" eps
               | "corruption" [":" name] ["@" severity] | "params" | "flops"
               | column | "min(" column ")" | "max(" column ")"
    column     = attached table "." column                      such as hw.edgegpu_latency
    clause     = comparison ("and" comparison)*                 see `robustnas.objectives.constraint`

An attack is fgsm, pgd, apgd or square; eps is in units of 1/255. ``corruption`` is the mean of 15 corruptions x 5
severities, ``adversarial@1`` the mean of the four attacks at one eps, ``worst@1`` their minimum. Accuracies are
maximised, the costs params and flops minimised, attached columns as their names say (see `term`); the sign of a
minimised one lives here and nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from robustnas.arrays import FloatArray
from robustnas.errors import ObjectiveError
from robustnas.metric import Metric
from robustnas.objectives.constraint import BoolArray, Constraint, parse_clause
from robustnas.objectives.term import Term, evaluate_sum, parse_sum
from robustnas.spaces.nasbench201.numbering import N_CELLS
from robustnas.tables.growing_table import GrowingTable
from robustnas.tables.table import Table

_WHERE = re.compile(r"\bwhere\b")


@dataclass(frozen=True)
class Objective:
    """One objective, parsed once and evaluated over the whole space at once.

    Args:
        text: An expression of the grammar, without a comma; a where-clause may follow.

    Raises:
        ObjectiveError: Naming the offending part and what was expected.

    >>> objective = Objective("0.5*clean + 0.5*pgd@1")
    >>> [str(metric) for metric in objective.metrics]
    ['clean', 'pgd@1']
    >>> objective.minimised, Objective("flops").minimised
    (False, True)
    >>> Objective("pgd@1 where params<=5e5").constraints
    (Constraint(text='params <= 5e5'),)
    """

    text: str

    def __post_init__(self) -> None:
        expression, clause = _split(" ".join(str(self.text).split()))
        constraints = parse_clause(clause) if clause is not None else ()
        where = f" where {' and '.join(map(str, constraints))}" if constraints else ""
        object.__setattr__(self, "text", expression + where)
        assert self.terms  # parsed here, so that faults show at once

    @cached_property
    def terms(self) -> tuple[Term, ...]:
        """The weighted atoms of the sum."""
        return parse_sum(self.expression)

    @cached_property
    def constraints(self) -> tuple[Constraint, ...]:
        """The comparisons of its where-clause; they hold for every objective of a tuple that it is in."""
        clause = _split(self.text)[1]
        return parse_clause(clause) if clause is not None else ()

    @property
    def expression(self) -> str:
        """The text without the where-clause."""
        return _split(self.text)[0]

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The distinct metrics that it needs, those of its constraints included."""
        return tuple(dict.fromkeys(metric for term in self._all_terms for metric in term.metrics))

    @property
    def attached(self) -> tuple[str, ...]:
        """The distinct attached columns that it needs, those of its constraints included."""
        return tuple(dict.fromkeys(term.attached for term in self._all_terms if term.attached))

    @property
    def minimised(self) -> bool:
        """Whether smaller is better (costs) rather than larger (accuracies)."""
        return self.terms[0].minimised

    @property
    def sign(self) -> float:
        """The factor that makes larger better: -1.0 if minimised, else 1.0."""
        return -1.0 if self.minimised else 1.0

    @property
    def passes(self) -> int:
        """Forward and backward passes per test image that measuring one network takes."""
        return sum(metric.passes for metric in self.metrics)

    def evaluate(self, table: Table) -> FloatArray:
        """Return the score of every cell of a table, shape (15625,), constraints aside; NaN where unknown.

        Scores are in natural units: accuracy in [0, 1], a count, or those of an attached column.

        Raises:
            ObjectiveError: The table lacks a metric or an attached column.
        """
        return evaluate_sum(self.terms, table)

    @property
    def _all_terms(self) -> tuple[Term, ...]:
        return self.terms + tuple(term for constraint in self.constraints for term in constraint.terms)

    def __str__(self) -> str:
        return self.text


def parse_objectives(text: str | Objective | Sequence[str | Objective]) -> tuple[Objective, ...]:
    """Read one or several objectives, separated by commas; a where-clause at the end holds for all.

    >>> [str(objective) for objective in parse_objectives("clean, pgd@1, flops")]
    ['clean', 'pgd@1', 'flops']
    """
    parts: Sequence[str | Objective] = (
        _split_tuple(text) if isinstance(text, str) else ([text] if isinstance(text, Objective) else text)
    )
    objectives = tuple(part if isinstance(part, Objective) else Objective(part) for part in parts)
    names = [objective.expression for objective in objectives]
    if not objectives or len(set(names)) < len(names):
        raise ObjectiveError(f"{', '.join(names)!r}: expected one or more different objectives, as in 'clean, pgd@1'")
    return objectives


def needed_metrics(objectives: Sequence[Objective]) -> tuple[Metric, ...]:
    """Return the distinct metrics that some objectives need, their constraints included."""
    return tuple(dict.fromkeys(metric for objective in objectives for metric in objective.metrics))


def feasible(objectives: Sequence[Objective], table: Table) -> BoolArray:
    """Return which cells satisfy the constraints of all objectives, shape (15625,).

    A cell of a growing table does not, as long as what a constraint is about has not been measured.

    Raises:
        ObjectiveError: No cell does or can, or the table lacks a metric or an attached column.
    """
    constraints = dict.fromkeys(constraint for objective in objectives for constraint in objective.constraints)
    mask = np.ones(N_CELLS, dtype=np.bool_)
    for constraint in constraints:
        mask &= constraint.satisfied(table)
    if not mask.any() and not (isinstance(table, GrowingTable) and needed_metrics(objectives)):
        ranges = "; ".join(_range(constraint, table) for constraint in constraints)
        raise ObjectiveError(f"no cell of {table.dataset} satisfies {' and '.join(map(str, constraints))!r}: {ranges}")
    return mask


def utility_columns(objectives: Sequence[Objective], table: Table) -> FloatArray:
    """Return the scores signed so that larger is better, shape (n_objectives, 15625), NaN if unknown or infeasible.

    Raises:
        ObjectiveError: No cell is feasible, or the table lacks a metric or an attached column.
    """
    utilities = np.array([objective.sign * objective.evaluate(table) for objective in objectives])
    utilities[:, ~feasible(objectives, table)] = np.nan
    return utilities


def _range(constraint: Constraint, table: Table) -> str:
    values = constraint.evaluate(table)
    known = values[np.isfinite(values)]
    left = str(constraint).split(f" {constraint.sign} ")[0]
    return f"{left} is from {known.min():.6g} to {known.max():.6g}" if len(known) else f"{left} is not known of any"


def _split(text: str) -> tuple[str, str | None]:
    """Return an objective's expression and its where-clause, None if it has none."""
    expression, *clauses = _WHERE.split(text)
    if len(clauses) > 1:
        raise ObjectiveError(f"{text!r} has {len(clauses)} where-clauses; expected one, with 'and' between comparisons")
    return expression.strip(), clauses[0].strip() if clauses else None


def _split_tuple(text: str) -> list[str]:
    expressions, clause = _split(text)
    if clause is not None and "," in clause:
        raise ObjectiveError(
            f"{text!r} has a comma after 'where'; the where-clause comes last and holds for all objectives"
        )
    parts = expressions.split(",")
    return parts if clause is None else [*parts[:-1], f"{parts[-1]} where {clause}"]
