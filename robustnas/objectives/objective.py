"""The grammar of objectives: what a search maximises or minimises, and under which constraints.

::

    objectives = objective ("," objective)* ["where" clause]    several at once: multi-objective search
    objective  = ["-"] term (("+" | "-") term)*
    term       = [weight "*"] atom
    atom       = "clean" | attack "@" eps | "adversarial@" eps | "worst@" eps
               | "corruption" [":" name] ["@" severity] | "params" | "flops"
               | column | "min(" column ")" | "max(" column ")"
    column     = attached table "." column                      such as hw.edgegpu_latency
               | metric of a table of the user's own             such as val_acc
    clause     = comparison ("and" comparison)*                 see `constraint`

An attack is fgsm, pgd, apgd, square or autoattack; eps is in units of 1/255: ``8/255`` is 8.
Several objectives may go by a name of the suite, ``rob201-mop1`` (`robustnas.objectives.suite`), in front of a clause.
``corruption`` is the mean of 15 corruptions x 5 severities, ``adversarial@1`` the mean of the four attacks at one eps,
``worst@1`` their minimum; on a table with other attacks, of those that it holds at this eps (`Term.metrics_on`).
Accuracies are maximised, the costs params and flops minimised, attached columns as their names say (see `term`); the
sign of a minimised one lives here and nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from robustnas.arrays import FloatArray
from robustnas.epsilon import in_255ths
from robustnas.errors import ObjectiveError, excerpt, listing
from robustnas.metric import Metric
from robustnas.objectives.constraint import BoolArray, Constraint, parse_clause
from robustnas.objectives.suite import SUITE, expanded, suite_name
from robustnas.objectives.term import Term, evaluate_sum, parse_sum
from robustnas.spaces import COSTS
from robustnas.tables.table import Table

_WHERE = re.compile(r"\bwhere\b")


@dataclass(frozen=True)
class Objective:
    """One objective, parsed once and evaluated over the whole space at once.

    Args:
        text: An expression of the grammar, without a comma; a where-clause may follow.

    Attributes:
        expression: The text without the where-clause.
        terms: The weighted atoms of the sum.
        constraints: The comparisons of its where-clause; they hold for every objective of a tuple that it is in.
        metrics: The distinct metrics that it needs on the database, those of its constraints included; `metrics_on` has
            those of another table.
        attached: The distinct attached columns that it needs, those of its constraints included.

    Raises:
        ObjectiveError: Naming the offending part and what was expected.

    >>> objective = Objective("0.5*clean + 0.5*pgd@1")
    >>> [str(metric) for metric in objective.metrics]
    ['clean', 'pgd@1']
    >>> objective.minimised, Objective("flops").minimised
    (False, True)
    >>> [str(constraint) for constraint in Objective("pgd@1 where params<=5e5").constraints]
    ['params <= 5e5']
    """

    text: str
    expression: str = field(init=False, compare=False, repr=False)
    terms: tuple[Term, ...] = field(init=False, compare=False, repr=False)
    constraints: tuple[Constraint, ...] = field(init=False, compare=False, repr=False)
    metrics: tuple[Metric, ...] = field(init=False, compare=False, repr=False)
    attached: tuple[str, ...] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        expression, clause = _split(in_255ths(" ".join(str(self.text).split())))
        if name := suite_name(expression):
            raise ObjectiveError(f"{name} is not one objective, but several: {SUITE[name].objectives}")
        constraints = parse_clause(clause) if clause is not None else ()
        terms = parse_sum(expression)
        every = (*terms, *(term for constraint in constraints for term in constraint.terms))
        parsed = {
            "text": expression + _where(constraints),
            "expression": expression,
            "terms": terms,
            "constraints": constraints,
            "metrics": tuple(dict.fromkeys(metric for term in every for metric in term.metrics)),
            "attached": tuple(dict.fromkeys(term.attached for term in every if term.attached)),
        }
        for name, value in parsed.items():
            object.__setattr__(self, name, value)

    @classmethod
    def parse(cls, text: str) -> Objective:
        """Read one objective; `parse_objectives` reads several.

        Raises:
            ObjectiveError: It cannot be read, or is several.

        >>> Objective.parse("pgd@1 where params <= 5e5").expression
        'pgd@1'
        """
        found = parse_objectives(text)
        if len(found) > 1:
            raise ObjectiveError(
                f"{excerpt(text)} is {len(found)} objectives; expected one: parse_objectives reads several"
            )
        return found[0]

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

    @property
    def title(self) -> str:
        """Its name for tables and figures, such as ``PGD, eps 1/255``."""
        where = _where(self.constraints)
        if self.expression == "corruption":
            return f"mean corruption{where}"
        if len(self.terms) == 1 and len(self.terms[0].metrics) == 1 and self.terms[0].weight == 1:
            return f"{self.terms[0].metrics[0].title}{where}"
        return str(self)

    def metrics_on(self, table: Table | None) -> tuple[Metric, ...]:
        """Return the distinct metrics that it needs on a table, those of its constraints included."""
        every = (*self.terms, *(term for constraint in self.constraints for term in constraint.terms))
        return tuple(dict.fromkeys(metric for term in every for metric in term.metrics_on(table)))

    def evaluate(self, table: Table) -> FloatArray:
        """Return the score of every architecture, shape (space.size,), constraints aside; NaN where unknown.

        Scores are in natural units: accuracy in [0, 1], a count, or those of an attached column.

        Raises:
            ObjectiveError: The table lacks a metric or an attached column.
        """
        return evaluate_sum(self.terms, table)

    def __str__(self) -> str:
        return self.text


def parse_objectives(text: str | Objective | Sequence[str | Objective]) -> tuple[Objective, ...]:
    """Read one or several objectives, separated by commas, or by their name in the suite.

    A where-clause at the end holds for all.

    >>> [str(objective) for objective in parse_objectives("clean, pgd@1, flops")]
    ['clean', 'pgd@1', 'flops']
    >>> [str(objective) for objective in parse_objectives("rob201-mop1 where params <= 5e5")]
    ['clean', 'pgd@1 where params <= 5e5']
    """
    parts: Sequence[str | Objective] = (
        _split_tuple(expanded(text)) if isinstance(text, str) else ([text] if isinstance(text, Objective) else text)
    )
    objectives = tuple(part if isinstance(part, Objective) else Objective(part) for part in parts)
    names = [objective.expression for objective in objectives]
    if not objectives or len(set(names)) < len(names):
        raise ObjectiveError(f"{listing(names)!r}: expected one or more different objectives, as in 'clean, pgd@1'")
    return objectives


def objectives_text(objectives: Sequence[Objective]) -> str:
    """Return objectives as one text, the inverse of `parse_objectives`; records name a search by it."""
    return ", ".join(map(str, objectives))


def asked_text(asked: str | Objective | Sequence[str | Objective]) -> str:
    """Return objectives as records name a search by them: as `objectives_text`, or by their name in the suite.

    Raises:
        ObjectiveError: They cannot be parsed.

    >>> asked_text("rob201-mop1  where params<=5e5"), asked_text("clean,pgd@1")
    ('rob201-mop1 where params <= 5e5', 'clean, pgd@1')
    """
    objectives = parse_objectives(asked)
    name = suite_name(asked) if isinstance(asked, str) else ""
    return f"{name}{_where(objectives[-1].constraints)}" if name else objectives_text(objectives)


def needed_metrics(objectives: Sequence[Objective], table: Table | None = None) -> tuple[Metric, ...]:
    """Return the distinct metrics that some objectives need on a table, their constraints included.

    Args:
        objectives: The objectives.
        table: The table; None for the database.
    """
    return tuple(dict.fromkeys(metric for objective in objectives for metric in objective.metrics_on(table)))


def costs_used(objectives: Sequence[Objective]) -> tuple[str, ...]:
    """Return the distinct costs of `robustnas.spaces.COSTS` that some objectives and their constraints are made of."""
    terms = [term for objective in objectives for term in objective.terms]
    terms += [term for constraint in constraints_of(objectives) for term in constraint.terms]
    return tuple(dict.fromkeys(term.atom for term in terms if term.atom in COSTS))


def constraints_of(objectives: Sequence[Objective]) -> tuple[Constraint, ...]:
    """Return the distinct constraints of some objectives; they hold for all of them."""
    return tuple(dict.fromkeys(constraint for objective in objectives for constraint in objective.constraints))


def feasible(objectives: Sequence[Objective], table: Table) -> BoolArray:
    """Return which architectures satisfy the constraints of all objectives, shape (space.size,).

    One of a growing table does not, as long as what a constraint is about has not been measured.

    Raises:
        ObjectiveError: None does or can, or the table lacks a metric or an attached column.
    """
    constraints = constraints_of(objectives)
    mask = np.ones(table.space.size, dtype=np.bool_)
    for constraint in constraints:
        mask &= constraint.satisfied(table)
    is_known = table.complete or not (needed_metrics(objectives, table) or getattr(table, "learned_costs", ()))
    if not mask.any() and is_known:
        clause = excerpt(" and ".join(map(str, constraints)))
        raise ObjectiveError(f"no cell of {table.dataset} satisfies {clause}: {ranges_text(constraints, table)}")
    return mask


def score_columns(objectives: Sequence[Objective], table: Table) -> FloatArray:
    """Return the scores of every architecture, natural units, shape (n_objectives, space.size)."""
    return np.array([objective.evaluate(table) for objective in objectives])


def utility_columns(objectives: Sequence[Objective], table: Table) -> FloatArray:
    """Return scores signed so that larger is better, shape (n_objectives, space.size), NaN if unknown or infeasible.

    Raises:
        ObjectiveError: No architecture is feasible, or the table lacks a metric or an attached column.
    """
    utilities = signed_columns(objectives, table)
    utilities[:, ~feasible(objectives, table)] = np.nan
    return utilities


def signed_columns(objectives: Sequence[Objective], table: Table) -> FloatArray:
    """Return scores signed so that larger is better, constraints aside, shape (n_objectives, space.size)."""
    return np.array([objective.sign * objective.evaluate(table) for objective in objectives])


def slack_columns(objectives: Sequence[Objective], table: Table) -> FloatArray:
    """Return by how much the constraints are satisfied, shape (n_constraints, space.size); see `Constraint.slack`."""
    slacks = [constraint.slack(table) for constraint in constraints_of(objectives)]
    return np.array(slacks).reshape(len(slacks), table.space.size)


def _where(constraints: Sequence[Constraint]) -> str:
    return f" where {' and '.join(map(str, constraints))}" if constraints else ""


def ranges_text(constraints: Sequence[Constraint], table: Table) -> str:
    """Return the values that the sums of some constraints have on a table, in words."""
    return "; ".join(_range(constraint, table) for constraint in constraints)


def _range(constraint: Constraint, table: Table) -> str:
    values = constraint.evaluate(table)
    known = values[np.isfinite(values)]
    name = constraint.expression
    if not len(known):
        return f"{name} is not known of any"
    share = known.min() >= 0 and known.max() <= 1 < constraint.bound <= 100
    hint = f"; shares are in [0, 1]: write {name} {constraint.sign} {constraint.bound / 100:g}" if share else ""
    return f"{name} is from {known.min():.6g} to {known.max():.6g}{hint}"


def _split(text: str) -> tuple[str, str | None]:
    """Return an objective's expression and its where-clause, None if it has none."""
    expression, *clauses = _WHERE.split(text)
    if len(clauses) > 1:
        raise ObjectiveError(
            f"{excerpt(text)} has {len(clauses)} where-clauses; expected one, with 'and' between comparisons"
        )
    return expression.strip(), clauses[0].strip() if clauses else None


def _split_tuple(text: str) -> list[str]:
    expressions, clause = _split(text)
    if clause is not None and "," in clause:
        raise ObjectiveError(
            f"{excerpt(text)} has a comma after 'where'; the where-clause comes last and holds for all objectives"
        )
    parts = expressions.split(",")
    return parts if clause is None else [*parts[:-1], f"{parts[-1]} where {clause}"]
