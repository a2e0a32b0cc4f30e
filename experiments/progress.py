"""Progress on standard error: bars on a terminal, and nowhere else."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.progress import Progress


class Bars:
    """Progress bars; without a terminal to show them in, the same calls do nothing.

    Args:
        progress: What draws them; None to draw nothing.
    """

    def __init__(self, progress: Progress | None) -> None:
        self.progress = progress

    @property
    def shown(self) -> bool:
        """Whether there is a terminal to show them in."""
        return self.progress is not None

    def add(self, description: str = "", total: float = 1.0) -> Bar:
        """Add a bar below the others."""
        return Bar(self, description, total)

    def line(self, text: str) -> None:
        """Print a line on standard error, above the bars."""
        if self.progress is None:
            click.echo(text, err=True)
        else:
            self.progress.console.print(text, markup=False, highlight=False)

    def found(self, n: int, total: int, noun: str) -> None:
        """Print how many results an earlier run left, if any."""
        if n:
            self.line(f"{n} of {total} {noun} are already there")


class Bar:
    """One bar: what it is about, how far it is, and a note beside it."""

    def __init__(self, bars: Bars, description: str, total: float) -> None:
        self._progress = bars.progress
        if self._progress is not None:
            self._task = self._progress.add_task(description, total=total, note="")

    def show(
        self,
        description: str | None = None,
        completed: float | None = None,
        *,
        total: float | None = None,
        advance: float | None = None,
        note: str | None = None,
    ) -> None:
        """Update the bar; what is None stays as it is."""
        if self._progress is not None:
            fields: dict[str, Any] = {} if note is None else {"note": note}
            self._progress.update(
                self._task, description=description, completed=completed, total=total, advance=advance, **fields
            )


@contextmanager
def progress_bars(*, show: bool = True, counted: bool = False) -> Iterator[Bars]:
    """Show progress bars on standard error, if it is a terminal.

    Args:
        show: Whether to show them at all.
        counted: Whether bars count results: they then say how many there are and how long the rest takes, and stay when
            all is done. Otherwise they show a share and the time passed, and vanish.
    """
    if not (show and sys.stderr.isatty()):
        yield Bars(None)
        return
    from rich.console import Console  # only where there is a terminal
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    amounts = (MofNCompleteColumn(), TimeRemainingColumn()) if counted else (TaskProgressColumn(), TimeElapsedColumn())
    with Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        *amounts,
        TextColumn("{task.fields[note]}", markup=False),
        console=Console(stderr=True),
        transient=not counted,
    ) as progress:
        yield Bars(progress)
