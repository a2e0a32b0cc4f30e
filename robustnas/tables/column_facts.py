"""What a table says of its columns besides their numbers: direction, scale and noise.

A table that says nothing needs nothing: `column_facts` then has the defaults. One that does has a method of that name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from robustnas.tables.table import Table


@dataclass(frozen=True, slots=True)
class ColumnFacts:
    """What is known of one column, an attached one (``hw.latency``) or a user's own (``val_acc``).

    Attributes:
        minimised: Whether smaller is better; None to go by the column's name.
        share: Whether its numbers are shares of 1, which people read in percent.
        noise: The standard deviation of one of its numbers; None if unknown.
    """

    minimised: bool | None = None
    share: bool = False
    noise: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return what differs from the defaults, as plain data."""
        defaults = asdict(ColumnFacts())
        return {name: value for name, value in asdict(self).items() if value != defaults[name]}

    @classmethod
    def from_dict(cls, found: Mapping[str, Any]) -> ColumnFacts:
        """Read what `as_dict` returned; what later versions may add is left out.

        Raises:
            ValueError, TypeError: A value of another type.
        """
        minimised, noise = found.get("minimised"), found.get("noise")
        if minimised not in (None, True, False):
            raise ValueError(f"minimised is {minimised!r}; expected true or false")
        return cls(minimised, bool(found.get("share", False)), None if noise is None else float(noise))


def column_facts(name: str, table: Table) -> ColumnFacts:
    """Return what a table says of a column: of its own method ``column_facts(name)`` if it has one, else nothing."""
    said = getattr(table, "column_facts", None)
    return ColumnFacts() if said is None else said(name)
