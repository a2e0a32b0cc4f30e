"""The grammar of objectives: what a search maximises or minimises.

::

    objectives = objective ("," objective)*                     several at once: multi-objective search
    objective  = ["-"] term (("+" | "-") term)*
    term       = [weight "*"] atom
    atom       = "clean" | attack "@" eps | "adversarial@" eps | "worst@" eps
               | "corruption" [":" name] ["@" severity] | "params" | "flops"

An attack is fgsm, pgd, apgd or square; eps is in units of 1/255. ``corruption`` is the mean of 15 corruptions x 5
severities, ``adversarial@1`` the mean of the four attacks at one eps, ``worst@1`` their minimum. Accuracies are
maximised, the costs params and flops minimised; the sign of a minimised one lives here and nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np

from robustnas.arrays import FloatArray
from robustnas.cost import COSTS, cost_column
from robustnas.errors import ObjectiveError, unknown_name
from robustnas.metric import ATTACKS, CORRUPTIONS, SEVERITIES, Metric, corruption_name, epsilon, severity

ColumnLookup: TypeAlias = Callable[[Metric], FloatArray]

_TERM = re.compile(r"\s*([+-])?\s*(?:(\d[\d.]*[eE][+-]?\d+|[^*+\-,\s]+)\s*\*\s*)?([^*+\-,\s]+)\s*")
_EXAMPLES = ("clean", "fgsm@1", "pgd@1", "apgd@1", "square@1", "corruption", "adversarial@1", "worst@1", *COSTS)


@dataclass(frozen=True, slots=True)
class Term:
    """One weighted atom: a cost, or the mean or minimum of some metrics."""

    weight: float
    atom: str
    metrics: tuple[Metric, ...]
    worst: bool = False

    @property
    def is_cost(self) -> bool:
        """Whether the atom is a cost (minimised) and not an accuracy."""
        return self.atom in COSTS

    def evaluate(self, column: ColumnLookup, dataset: str) -> FloatArray:
        """Return the unweighted value of every cell."""
        if self.is_cost:
            return cost_column(self.atom, dataset)
        columns = np.array([column(metric) for metric in self.metrics])
        return np.asarray(columns.min(axis=0) if self.worst else columns.mean(axis=0))


@dataclass(frozen=True)
class Objective:
    """One objective, parsed once and evaluated over the whole space at once.

    Args:
        text: An expression of the grammar, without a comma.

    Raises:
        ObjectiveError: Naming the offending part and what was expected.

    >>> objective = Objective("0.5*clean + 0.5*pgd@1")
    >>> [str(metric) for metric in objective.metrics]
    ['clean', 'pgd@1']
    >>> objective.minimised, Objective("flops").minimised
    (False, True)
    """

    text: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", " ".join(str(self.text).split()))
        kinds = {term.is_cost for term in self.terms}
        if len(kinds) > 1:
            raise ObjectiveError(
                f"{self.text!r} adds an accuracy and a cost, which have no common unit; "
                "separate them by a comma for multi-objective search, as in 'clean, flops'"
            )

    @cached_property
    def terms(self) -> tuple[Term, ...]:
        """The weighted atoms of the sum."""
        return _parse_sum(self.text)

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The distinct metrics that it needs."""
        return tuple(dict.fromkeys(metric for term in self.terms for metric in term.metrics))

    @property
    def minimised(self) -> bool:
        """Whether smaller is better (costs) rather than larger (accuracies)."""
        return self.terms[0].is_cost

    @property
    def sign(self) -> float:
        """The factor that makes larger better: -1.0 if minimised, else 1.0."""
        return -1.0 if self.minimised else 1.0

    @property
    def passes(self) -> int:
        """Forward and backward passes per test image that measuring one network takes."""
        return sum(metric.passes for metric in self.metrics)

    def evaluate(self, column: ColumnLookup, dataset: str = "cifar10") -> FloatArray:
        """Return the score of every cell in natural units (accuracy in [0, 1], or a count).

        Args:
            column: Gives the values of one metric over all cells, shape (n,).
            dataset: Whose skeleton the costs are counted for.
        """
        return np.asarray(sum(term.weight * term.evaluate(column, dataset) for term in self.terms))

    def __str__(self) -> str:
        return self.text


def parse_objectives(text: str | Objective | Sequence[str | Objective]) -> tuple[Objective, ...]:
    """Read one or several objectives, separated by commas.

    >>> [str(objective) for objective in parse_objectives("clean, pgd@1, flops")]
    ['clean', 'pgd@1', 'flops']
    """
    parts: Sequence[str | Objective] = (
        text.split(",") if isinstance(text, str) else ([text] if isinstance(text, Objective) else text)
    )
    objectives = tuple(part if isinstance(part, Objective) else Objective(part) for part in parts)
    names = [str(objective) for objective in objectives]
    if not objectives or len(set(names)) < len(names):
        raise ObjectiveError(f"{', '.join(names)!r}: expected one or more different objectives, as in 'clean, pgd@1'")
    return objectives


def _parse_sum(text: str) -> tuple[Term, ...]:
    if not text or "," in text:
        raise ObjectiveError(f"{text!r} is not one objective; expected one such as {', '.join(_EXAMPLES)}")
    terms, position = [], 0
    while position < len(text):
        match = _TERM.match(text, position)
        if not match or (position and not match[1]):
            rest = text[position:]
            raise ObjectiveError(f"cannot read {rest!r} in {text!r}; expected a sum such as 0.5*clean + 0.5*pgd@1")
        sign = -1.0 if match[1] == "-" else 1.0
        terms.append(_parse_term(sign * _weight(match[2], text), match[3]))
        position = match.end()
    return tuple(terms)


def _weight(text: str | None, where: str) -> float:
    if text is None:
        return 1.0
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not np.isfinite(value):
        raise ObjectiveError(f"weight {text!r} in {where!r}: expected a finite number, as in 0.5*clean")
    return value


def _parse_term(weight: float, atom: str) -> Term:
    name, at, level = atom.partition("@")
    if atom in COSTS:
        return Term(weight, atom, ())
    if name in ("adversarial", "worst"):
        eps = epsilon(level, atom)
        return Term(weight, atom, tuple(Metric(attack, eps) for attack in ATTACKS), worst=name == "worst")
    if name == "corruption" or name.startswith("corruption:"):
        names = CORRUPTIONS if name == "corruption" else (corruption_name(name),)
        levels = (severity(level, atom),) if at else SEVERITIES
        return Term(weight, atom, tuple(Metric(name, float(value)) for name in names for value in levels))
    if name in ATTACKS or atom == "clean":
        return Term(weight, atom, (Metric.parse(atom),))
    raise ObjectiveError(unknown_name("objective", atom, _EXAMPLES))
