"""The rows of a user's file or frame, before their architectures and numbers are read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Sheet:
    """The rows of a file or of a frame.

    Attributes:
        name: What messages call it: the file's path.
        columns: The values of each column, as found: text in CSV, anything in Parquet and JSON.
        places: The position of each row for messages, such as ``line 2``.
        keys: The architecture of each row if the rows are keyed (JSON objects); None if a column has them.
        advice: What to do where no column has architectures.
        labels: Columns that label the rows, such as an unnamed index: they may hold architectures, but no numbers.
        notes: What the reader found worth saying, one sentence each.
    """

    name: str
    columns: Mapping[str, Sequence[object]]
    places: Sequence[str]
    keys: Sequence[object] | None = None
    advice: str = "name it with --key COLUMN"
    labels: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()

    def where(self, row: int) -> str:
        """Return name and place of a row, for messages."""
        return f"{self.name}, {self.places[row]}"
