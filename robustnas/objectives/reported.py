"""Reported terms: what else is said of the networks that a search finds, on its own dataset or on another one.

A term is an objective, ``clean`` or ``0.5*clean + 0.5*pgd@1`` or ``t.test_acc``, or one of another dataset over the
same search space, ``cifar100:pgd@1``. Nothing in it changes a search.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from robustnas.arrays import FloatArray
from robustnas.errors import InvalidInputError, ObjectiveError, excerpt
from robustnas.objectives.objective import Objective
from robustnas.tables.table import Table

_EXPECTED = "expected a metric such as 'clean', or one of another dataset such as 'cifar100:pgd@1'"


@dataclass(frozen=True)
class Reported:
    """A term that is reported.

    Attributes:
        dataset: The dataset that it is of; empty for that of the search.
        objective: What is reported.

    >>> term = Reported.parse("cifar100:pgd@1")
    >>> term.dataset, str(term.objective), str(Reported.parse("corruption:fog"))
    ('cifar100', 'pgd@1', 'corruption:fog')
    """

    dataset: str
    objective: Objective

    @classmethod
    def parse(cls, text: str) -> Reported:
        """Read a term.

        The dataset is what comes before the first colon whose right side is an objective; that may be a file or a
        reference with a colon of its own (``my_tables.py:table:clean``).

        Raises:
            ObjectiveError: It is not a term; says what was expected.
        """
        text = text.strip()
        try:
            return cls("", _plain(text))
        except ObjectiveError as error:
            reason = error
        parts = text.split(":")
        for i in range(1, len(parts)):
            dataset, rest = ":".join(parts[:i]).strip(), ":".join(parts[i:])
            if not dataset or parts[i - 1].strip() == "corruption":  # the colon of a corruption's name
                continue
            try:
                return cls(dataset, _plain(rest))
            except ObjectiveError as error:
                reason = error if i == 1 else reason
        raise ObjectiveError(f"{excerpt(text)}: {reason}; {_EXPECTED}")

    @property
    def title(self) -> str:
        """Its name for tables and figures, such as ``cifar100: PGD, eps 1/255``."""
        return f"{self.dataset}: {self.objective.title}" if self.dataset else self.objective.title

    def table(self, searched: Table, open_table: Callable[[str], Table]) -> Table:
        """Return the table that it is read from.

        Args:
            searched: The table of the search.
            open_table: Opens a dataset by name.

        Raises:
            InvalidInputError: The dataset is unknown, over another space than the search, or measures on demand.
            ObjectiveError: The table lacks a metric or a column.
        """
        found = open_table(self.dataset) if self.dataset not in ("", searched.dataset) else searched
        if not found.space.shares_indices(searched.space):
            raise InvalidInputError(
                f"report {str(self)!r}: {self.dataset} is over the space {found.space.name}, {searched.dataset} over "
                f"{searched.space.name}; expected a dataset over the same space"
            )
        if not found.complete:
            raise InvalidInputError(f"report {str(self)!r}: {found.dataset} is measured on demand; name a table")
        self.objective.evaluate(found)
        return found

    def column(self, table: Table) -> FloatArray:
        """Return its value of every architecture of its table, shape (space.size,), natural units, NaN if unknown."""
        return self.objective.evaluate(table)

    def __str__(self) -> str:
        return f"{self.dataset}:{self.objective}" if self.dataset else str(self.objective)


def _plain(text: str) -> Objective:
    objective = Objective(text)
    if objective.constraints:
        raise ObjectiveError(f"{excerpt(text)} has a where-clause, which means nothing for what is only reported")
    return objective
