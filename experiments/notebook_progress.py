"""Progress bars in a notebook, of HTML that any front end shows: no widgets have to be installed for them."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from datetime import timedelta
from html import escape
from typing import Any, Self

from robustnas.display import card

_FIRST, _NEXT = (
    0.7,
    0.15,
)  # seconds until bars are shown, so that what is done at once shows none; and between two looks


def in_notebook() -> bool:
    """Return whether this process is the kernel of a notebook, with a page to show things on."""
    ipython: Any = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return shell is not None and getattr(shell, "kernel", None) is not None


@dataclass
class _Task:
    description: str
    total: float
    note: str
    completed: float = 0.0


class NotebookProgress:
    """What `experiments.progress.Bars` draws on in a notebook, with the calls of `rich.progress.Progress`.

    Bars vanish at the end, when results are shown in their place.
    """

    def __init__(self) -> None:
        self._tasks: list[_Task] = []
        self._handle: Any = None
        self._start = time.monotonic()
        self._drawn = self._start + _FIRST - _NEXT
        self._lines: list[str] = []
        self.console = self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._handle is not None:
            self._show("")

    def add_task(self, description: str, *, total: float, note: str = "") -> int:
        """Add a bar and return its number."""
        self._tasks.append(_Task(description, total, note))
        return len(self._tasks) - 1

    def update(
        self,
        number: int,
        *,
        description: str | None = None,
        completed: float | None = None,
        total: float | None = None,
        advance: float | None = None,
        note: str | None = None,
    ) -> None:
        """Update a bar; what is None stays as it is."""
        task = self._tasks[number]
        task.description = task.description if description is None else description
        task.total = task.total if total is None else total
        task.completed = (task.completed if completed is None else completed) + (advance or 0.0)
        task.note = task.note if note is None else note
        now = time.monotonic()
        if now - self._drawn >= _NEXT:
            self._drawn = now
            self._show(self._html())

    def print(self, text: str, **_: object) -> None:
        """Put a line above the bars."""
        self._lines.append(text)

    def _html(self) -> str:
        spent = timedelta(seconds=int(time.monotonic() - self._start))
        rows = "".join(
            f"<tr><td>{escape(task.description)}</td>"
            f'<td><progress max="{task.total:g}" value="{min(task.completed, task.total):g}"></progress></td>'
            f"<td>{_amount(task)}</td><td>{escape(task.note)}</td></tr>"
            for task in self._tasks
        )
        return card("; ".join(self._lines) or "working", f"<table>{rows}</table>", note=str(spent))

    def _show(self, html: str) -> None:
        from IPython.display import display

        content = {"text/html": html, "text/plain": ""}
        if self._handle is None:
            show: Any = display
            self._handle = show(content, raw=True, display_id=True)
        else:
            self._handle.update(content, raw=True)


def _amount(task: _Task) -> str:
    if task.total == 1.0:
        return f"{task.completed:.0%}"
    return f"{task.completed:,.0f} of {task.total:,.0f}"
