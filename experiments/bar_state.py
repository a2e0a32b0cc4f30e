"""How far a progress bar is: the same whatever draws it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class BarState:
    """What a bar says.

    Attributes:
        description: What it is about.
        total: What `completed` ends at; 1 for a bar of a share.
        note: What stands beside it.
        completed: How far it is.
    """

    description: str
    total: float
    note: str = ""
    completed: float = 0.0

    def update(
        self,
        description: str | None = None,
        completed: float | None = None,
        *,
        total: float | None = None,
        advance: float | None = None,
        note: str | None = None,
    ) -> None:
        """Change what is given; what is None stays as it is."""
        self.description = self.description if description is None else description
        self.total = self.total if total is None else total
        self.completed = (self.completed if completed is None else completed) + (advance or 0.0)
        self.note = self.note if note is None else note

    @property
    def amount(self) -> str:
        """How far it is, in words.

        >>> BarState("training", 1.0, completed=0.5).amount, BarState("runs", 80, completed=4).amount
        ('50%', '4 of 80')
        """
        return f"{self.completed:.0%}" if self.total == 1.0 else f"{self.completed:,.0f} of {self.total:,.0f}"
