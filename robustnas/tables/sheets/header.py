"""The names of a sheet's columns."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from robustnas.errors import DataError, excerpt
from robustnas.spaces import EnumerableSpace
from robustnas.tables.sheets.recognition import is_architecture, spells_choices
from robustnas.tables.sheets.sheet import Sheet

_NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?%?|[+-]?(inf|infinity)", re.IGNORECASE)
_UNNAMED = re.compile(r"Unnamed: \d+|__index_level_\d+__")


@dataclass
class Header:
    """The names of columns.

    Attributes:
        names: One for each field of a row; those without one are called as pandas calls them, ``Unnamed: 0``.
        labels: The names of those that had none.
    """

    names: list[str]
    labels: set[str] = field(default_factory=set)

    def add_index(self) -> None:
        """Add an index without a name in front."""
        self.names.insert(0, "Unnamed: 0")
        self.labels.add("Unnamed: 0")

    def sheet(
        self, name: str, columns: Mapping[str, Sequence[object]], places: Sequence[str], notes: tuple[str, ...] = ()
    ) -> Sheet:
        """Return a sheet of these columns, without the unnamed ones that are empty."""
        kept = {
            column: values
            for column, values in columns.items()
            if column not in self.labels or any(value not in ("", None) for value in values)
        }
        return Sheet(name, kept, places, labels=frozenset(self.labels & set(kept)), notes=notes)


def named(where: str, line: int, names: Sequence[str]) -> Header:
    """Return the header of names as they stand in a file.

    Raises:
        DataError: Two columns have the same name.
    """
    called = [text.strip().strip("'") or f"Unnamed: {place}" for place, text in enumerate(names)]
    if twice := next((name for name, n in Counter(called).items() if n > 1), None):
        raise DataError(f"{where}, line {line}: column {excerpt(twice)} occurs twice; rename one")
    return Header(called, set(filter(_UNNAMED.fullmatch, called)))


def is_headline(rows: Sequence[Sequence[object]], space: EnumerableSpace[Any]) -> bool:
    """Return whether the first of a file's rows has the names of columns.

    It has none if one of its fields is an architecture, if all of them are numbers (but 0, 1, 2 ... are names that
    pandas gives), or if as many as an architecture has choices are options of them.

    Args:
        rows: The first few rows.
        space: The search space.
    """
    first = [str(value).strip() for value in rows[0]]
    given = [text for text in first if text]
    if any(is_architecture(value, space) for value in rows[0]):
        return False
    if given and all(_NUMBER.fullmatch(text) for text in given):
        return given == [str(place) for place in range(len(given))]
    return not spells_choices(given, space)


def is_second_headline(rows: Sequence[Sequence[object]], space: EnumerableSpace[Any]) -> bool:
    """Return whether the first of the rows below a header has names or units again, and no number."""
    told = [
        any(is_architecture(value, space) or _NUMBER.fullmatch(str(value).strip()) for value in row) for row in rows[:4]
    ]
    return any(told[1:]) and not told[0]
