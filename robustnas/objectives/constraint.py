"""Constraints: the where-clause of an objective, which says what networks count.

::

    clause     = comparison ("and" comparison)*
    comparison = sum ("<=" | ">=" | "<" | ">") number

A sum is one of the objective grammar: ``params``, ``0.5*clean + 0.5*pgd@1``, ``hw.edgegpu_latency``. Numbers are in
natural units: accuracies in [0, 1]. An architecture whose sum is unknown does not satisfy a comparison.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from robustnas.arrays import FloatArray
from robustnas.epsilon import in_255ths
from robustnas.errors import ObjectiveError, excerpt
from robustnas.metric import Metric
from robustnas.objectives.term import Term, evaluate_sum, parse_sum
from robustnas.tables.table import Table

BoolArray = NDArray[np.bool_]

_COMPARE: dict[str, Callable[[FloatArray, float], BoolArray]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}
_HAIR = float(np.finfo(np.float64).smallest_subnormal)
_SIGN = re.compile(r"([<>=!]+)")
_EXPECTED = "expected a comparison such as params <= 500000"


@dataclass(frozen=True)
class Constraint:
    """One comparison of a where-clause, parsed once.

    Args:
        text: A sum, a sign and a number.

    Attributes:
        expression: The sum.
        sign: The comparison: ``<=``, ``>=``, ``<`` or ``>``.
        bound: The number that the sum is compared with.
        terms: The weighted atoms of the sum.

    Raises:
        ObjectiveError: Naming the offending part and what was expected.

    >>> constraint = Constraint("params <= 5e5")
    >>> constraint.sign, constraint.bound, [term.atom for term in constraint.terms]
    ('<=', 500000.0, ['params'])
    """

    text: str
    expression: str = field(init=False, compare=False, repr=False)
    sign: str = field(init=False, compare=False, repr=False)
    bound: float = field(init=False, compare=False, repr=False)
    terms: tuple[Term, ...] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        parts = _SIGN.split(in_255ths(" ".join(self.text.split())))
        if len(parts) != 3:
            raise ObjectiveError(
                f"cannot read {excerpt(self.text)} in a where-clause; {_EXPECTED}, and 'and' between several"
            )
        left, sign, right = (part.strip() for part in parts)
        if sign not in _COMPARE:
            raise ObjectiveError(f"sign {excerpt(sign)} in {excerpt(self.text)}: expected one of {', '.join(_COMPARE)}")
        bound = _number(right, self.text)
        if not left:
            raise ObjectiveError(f"{excerpt(self.text)} compares nothing; {_EXPECTED}")
        parsed = {"expression": left, "sign": sign, "bound": bound, "terms": parse_sum(left)}
        for name, value in {**parsed, "text": f"{left} {sign} {right}"}.items():
            object.__setattr__(self, name, value)

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The metrics that it needs."""
        return tuple(metric for term in self.terms for metric in term.metrics)

    def evaluate(self, table: Table) -> FloatArray:
        """Return the left side for every architecture, shape (space.size,)."""
        return evaluate_sum(self.terms, table)

    def satisfied(self, table: Table) -> BoolArray:
        """Return which architectures satisfy it, shape (space.size,); those of an unknown value do not."""
        return _COMPARE[self.sign](self.evaluate(table), self.bound)

    def slack(self, table: Table) -> FloatArray:
        """Return by how much each architecture satisfies it, in natural units, shape (space.size,).

        Negative where it is violated, by a hair where a strict comparison meets its bound; NaN where unknown.
        """
        margin = self.evaluate(table) - self.bound
        margin = -margin if self.sign in ("<=", "<") else margin
        return np.where((margin == 0) & (self.sign in ("<", ">")), -_HAIR, margin)

    def __str__(self) -> str:
        return self.text


def parse_clause(text: str) -> tuple[Constraint, ...]:
    """Read a where-clause, without the word where.

    >>> [str(constraint) for constraint in parse_clause("params<=5e5 and clean>0.9")]
    ['params <= 5e5', 'clean > 0.9']
    """
    if not text.strip():
        raise ObjectiveError(f"nothing follows 'where'; {_EXPECTED}")
    return tuple(dict.fromkeys(Constraint(part) for part in re.split(r"\band\b", text)))


def _number(text: str, where: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ObjectiveError(
            f"{excerpt(text)} in {excerpt(where)}: expected a finite number on the right, as in params <= 500000"
        )
    return value
