"""Progress: bars in a notebook, or on a terminal's standard error; elsewhere a line every minute, or more with -v."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from experiments.bar_state import BarState
from experiments.notebook_progress import NotebookProgress, in_notebook
from experiments.verbosity import is_quiet, is_verbose, say

if TYPE_CHECKING:
    from rich.progress import Progress, Task

LINE_SECONDS, PATIENT_SECONDS = 10.0, 60.0
"""Seconds between two lines of progress where there is no terminal: with ``-v``, and without."""


class Bars:
    """Progress bars; without a terminal to show them in, the same calls print lines, or do nothing.

    Args:
        progress: What draws them; None to draw nothing.
        seconds: Between two lines that are printed where nothing is drawn; None to print none.
    """

    def __init__(self, progress: Progress | NotebookProgress | None, *, seconds: float | None = None) -> None:
        self.progress: Any = progress
        self._seconds, self._printed = seconds, time.monotonic()

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
            say(text)
        else:
            self.progress.console.print(text, markup=False, highlight=False)

    def tick(self, text: str) -> None:
        """Print a line on how far something is, if lines are printed and the last one is not recent."""
        if self._seconds is not None and time.monotonic() - self._printed >= self._seconds:
            self._printed = time.monotonic()
            say(text)

    def found(self, n: int, total: int, noun: str) -> None:
        """Print how many results an earlier run left, if any."""
        if n:
            self.line(f"{n} of {total} {noun} are already there")


class Bar:
    """One bar: what it is about, how far it is, and a note beside it."""

    def __init__(self, bars: Bars, description: str, total: float) -> None:
        self._bars, self._progress = bars, bars.progress
        self._state = BarState(description, total)
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
            return
        state = self._state
        state.update(description, completed, total=total, advance=advance, note=note)
        self._bars.tick(", ".join(part for part in (state.description, state.amount, state.note) if part))


@contextmanager
def progress_bars(*, show: bool = True, counted: bool = False) -> Iterator[Bars]:
    """Show progress bars in a notebook or on a terminal, unless the command was asked to be quiet.

    Args:
        show: Whether to show them at all.
        counted: Whether bars count results: they then say how many there are and how long the rest takes, and stay when
            all is done. Otherwise they show a share and the time passed, and vanish.
    """
    if show and in_notebook() and not is_quiet():
        with NotebookProgress() as shown:
            yield Bars(shown)
        return
    if not show or is_quiet() or not sys.stderr.isatty():
        said = show and not is_quiet()
        yield Bars(None, seconds=(LINE_SECONDS if is_verbose() else PATIENT_SECONDS) if said else None)
        return
    from rich.console import Console  # only where there is a terminal
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class Elapsed(ProgressColumn):
        """The time since a bar was added: one that goes from stage to stage is full several times before its end."""

        def render(self, task: Task) -> Text:
            return Text(str(timedelta(seconds=int(task.elapsed or 0.0))))

    amounts = (MofNCompleteColumn(), TimeRemainingColumn()) if counted else (TaskProgressColumn(), Elapsed())
    with Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        *amounts,
        TextColumn("{task.fields[note]}", markup=False),
        console=Console(stderr=True),
        transient=not counted,
    ) as progress:
        yield Bars(progress)
