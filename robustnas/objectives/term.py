"""Terms: the weighted atoms that objectives and constraints are sums of, and which way each is better.

An *attached column* is written ``table.column``, such as ``hw.edgegpu_latency``. It is minimised if the column's
name is one of a cost (`minimised_column`), else maximised; ``min(hw.x)`` and ``max(hw.x)`` set the direction. A metric
of a table of the user's own is written as it is called there, such as ``val_acc``; its direction is set likewise.

What ``adversarial@8``, ``worst@8`` and ``corruption`` stand for depends on the table (`Term.metrics_on`): the database
and what is measured here have the paper's four attacks; other tables, those that they hold at this eps.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from robustnas.arrays import FloatArray
from robustnas.epsilon import check_norm, epsilon, in_255ths
from robustnas.errors import ObjectiveError, excerpt, unknown_name
from robustnas.metric import (
    ATTACKS,
    CORRUPTIONS,
    MEAN_CORRUPTION,
    PAPER_ATTACKS,
    PLAIN_METRICS,
    RESERVED,
    SEVERITIES,
    Metric,
    corruption_name,
    severity,
)
from robustnas.objectives.cost_names import minimised_column
from robustnas.spaces import COSTS
from robustnas.tables.table import ATTACHED_NAME, Table, attached_column, cost_column

_KNOWN_WORDS = ("clean", *PAPER_ATTACKS, "corruption", "adversarial", "worst", *COSTS)
COLLECTIVES = ("adversarial", "worst")
"""The mean and the minimum over the attacks at one eps."""

_LARGEST_SCORE = 1e100  # of scores, and of weights: larger ones overflow when they are squared or added up
_TYPO = 0.8  # similarity from which on a name counts as a misspelling

EXAMPLES = ("clean", "fgsm@1", "pgd@1", "apgd@1", "square@1", "corruption", "adversarial@1", "worst@1", *COSTS)

_TERM = re.compile(r"\s*([+-])?\s*(?:(\d[\d.]*[eE][+-]?\d+|[^*+\-,\s]+)\s*\*\s*)?((?:min|max)\([^)]*\)|[^*+\-,\s]+)\s*")
_COLUMN = re.compile(rf"(?:(min|max)\()?({ATTACHED_NAME.pattern}|[A-Za-z_]\w*)(\))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Term:
    """One weighted atom: a cost, an attached column, or the mean or minimum of some metrics.

    Attributes:
        weight: Its factor.
        atom: As it was written.
        metrics: The metrics of the database that it needs; those of another table are `metrics_on` it.
        worst: Whether it is their minimum and not their mean.
        attached: The attached column that it is, such as ``hw.edgegpu_latency``; empty if it is none.
        minimised: Whether smaller is better.
    """

    weight: float
    atom: str
    metrics: tuple[Metric, ...] = ()
    worst: bool = False
    attached: str = ""
    minimised: bool = False

    @property
    def is_collective(self) -> bool:
        """Whether it stands for several metrics, which ones depending on the table."""
        return self.atom.partition("@")[0] in COLLECTIVES or self.atom == MEAN_CORRUPTION

    def metrics_on(self, table: Table | None) -> tuple[Metric, ...]:
        """Return the metrics that it stands for on a table; the database's for None.

        An attack mean or minimum is over the attacks that the table says it is over (its attribute ``attacks``), else
        over those that it holds at this eps; the mean corruption is over all of them, else the one number that the
        table holds.
        """
        if table is None or not self.is_collective:
            return self.metrics
        if self.atom == MEAN_CORRUPTION:
            mean, held = Metric(MEAN_CORRUPTION), set(table.metrics)
            return (mean,) if mean in held and not held.issuperset(self.metrics) else self.metrics
        eps, meant = self.metrics[0].level, getattr(table, "attacks", None)
        if meant is not None:
            return tuple(Metric(attack, eps) for attack in meant)
        held_here = (Metric(attack, eps) for attack in ATTACKS)
        return tuple(metric for metric in held_here if metric in table.metrics) or self.metrics

    def evaluate(self, table: Table) -> FloatArray:
        """Return the unweighted value of every architecture, shape (space.size,), NaN where unknown."""
        if self.attached:
            return attached_column(self.attached, table)
        if not self.metrics:
            return cost_column(self.atom, table)
        columns = np.array([table.column(metric) for metric in self.metrics_on(table)])
        return np.asarray(columns.min(axis=0) if self.worst else columns.mean(axis=0))


def parse_sum(text: str) -> tuple[Term, ...]:
    """Read a weighted sum of atoms that are all minimised or all maximised.

    Raises:
        ObjectiveError: Naming the offending part and what was expected.

    >>> [(term.weight, term.atom) for term in parse_sum("0.5*clean - pgd@1")]
    [(0.5, 'clean'), (-1.0, 'pgd@1')]
    """
    if not text or "," in text:
        raise ObjectiveError(f"{excerpt(text)} is not one objective; expected one such as {', '.join(EXAMPLES)}")
    text = in_255ths(text)
    check_norm(text, (*ATTACKS, *COLLECTIVES))
    terms, position = [], 0
    while position < len(text):
        match = _TERM.match(text, position)
        if not match or (position and not match[1]):
            rest = text[position:]
            raise ObjectiveError(
                f"cannot read {excerpt(rest)} in {excerpt(text)}; expected a sum such as 0.5*clean + 0.5*pgd@1"
            )
        sign = -1.0 if match[1] == "-" else 1.0
        terms.append(_parse_term(sign * _weight(match[2], text), match[3]))
        position = match.end()
    _check_direction(terms, text)
    return tuple(terms)


def evaluate_sum(terms: Sequence[Term], table: Table) -> FloatArray:
    """Return the sum of some terms for every architecture, shape (space.size,), NaN where a part is unknown."""
    total = np.zeros(1)
    for term in terms:
        column = term.evaluate(table)
        if infinite := int(np.isinf(column).sum()):
            raise ObjectiveError(
                f"{excerpt(term.atom)} is infinite for {infinite:,} of {column.size:,} architectures of "
                f"{table.dataset}; expected finite numbers, or NaN where they are unknown"
            )
        with np.errstate(over="ignore"):
            values = term.weight * column
        if (np.abs(values) > _LARGEST_SCORE).any():  # not where it is unknown
            name = term.atom if term.weight == 1.0 else f"{term.weight:g}*{term.atom}"
            raise ObjectiveError(
                f"{excerpt(name)} reaches {np.nanmax(np.abs(values)):.3g}; expected numbers up to {_LARGEST_SCORE:g}: "
                "give it a smaller weight"
            )
        total = total + values
    return np.asarray(total)


def _check_direction(terms: Sequence[Term], text: str) -> None:
    small = [term.atom for term in terms if term.minimised]
    if small and len(small) < len(terms):
        large = next(term.atom for term in terms if not term.minimised)
        raise ObjectiveError(
            f"{excerpt(text)} adds an accuracy and a cost, which have no common unit: {small[0]} is minimised, {large} "
            "is maximised; separate them by a comma for multi-objective search, as in 'clean, flops'"
        )


def _weight(text: str | None, where: str) -> float:
    if text is None:
        return 1.0
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not abs(value) <= _LARGEST_SCORE:
        expected = f"expected a number of at most {_LARGEST_SCORE:g}, as in 0.5*clean"
        raise ObjectiveError(f"weight {excerpt(text)} in {excerpt(where)}: {expected}")
    return value


def _parse_term(weight: float, atom: str) -> Term:
    name, at, level = atom.partition("@")
    if atom in COSTS:
        return Term(weight, atom, minimised=True)
    if name in COLLECTIVES:
        eps = epsilon(level, atom)
        return Term(weight, atom, tuple(Metric(attack, eps) for attack in PAPER_ATTACKS), worst=name == "worst")
    if name == "corruption" or name.startswith("corruption:"):
        names = CORRUPTIONS if name == "corruption" else (corruption_name(name),)
        levels = (severity(level, atom),) if at else SEVERITIES
        return Term(weight, atom, tuple(Metric(name, float(value)) for name in names for value in levels))
    if name in ATTACKS or atom in PLAIN_METRICS:
        return Term(weight, atom, (Metric.parse(atom),))
    return _parse_column(weight, atom)


def _parse_column(weight: float, atom: str) -> Term:
    """Read a column that a user brought: an attached one, or a metric of a table of the user's own."""
    match = _COLUMN.fullmatch("".join(atom.split()))
    if match and bool(match[1]) == bool(match[3]) and ("." in match[2] or not _is_typo(match[2])):
        _, dot, column = match[2].rpartition(".")
        minimised = match[1] == "min" if match[1] else minimised_column(column)
        if dot:
            return Term(weight, atom, attached=match[2], minimised=minimised)
        return Term(weight, atom, (Metric.own(column),), minimised=minimised)
    if atom.startswith(("min(", "max(")):
        raise ObjectiveError(
            f"cannot read {excerpt(atom)}; min() and max() take one attached column, as in min(hw.latency), or one of "
            "your own table, as in min(val_loss)"
        )
    raise ObjectiveError(unknown_name("objective", atom, (*EXAMPLES, "<attached table>.<column>")))


def _is_typo(name: str) -> bool:
    """Return whether a name is more likely one of ours, misspelt, than a metric of a user's own."""
    return name in RESERVED or bool(difflib.get_close_matches(name, _KNOWN_WORDS, n=1, cutoff=_TYPO))
