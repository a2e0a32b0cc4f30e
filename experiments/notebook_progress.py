"""Progress bars in a notebook, of HTML that any front end shows: no widgets have to be installed for them."""

from __future__ import annotations

import sys
import time
from datetime import timedelta
from html import escape
from typing import Any, Self

from experiments.bar_state import BarState
from robustnas.display import card

_FIRST = 0.7  # seconds until bars are shown, so that what is done at once shows none
_NEXT = 0.15  # seconds between two looks


def in_notebook() -> bool:
    """Return whether this process is the kernel of a notebook, with a page to show things on."""
    ipython: Any = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return shell is not None and getattr(shell, "kernel", None) is not None


class NotebookProgress:
    """What `experiments.progress.Bars` draws on in a notebook, with the calls of `rich.progress.Progress`.

    Bars vanish at the end, when results are shown in their place.
    """

    def __init__(self) -> None:
        self._tasks: list[BarState] = []
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
        self._tasks.append(BarState(description, total, note))
        return len(self._tasks) - 1

    def update(self, number: int, **changes: Any) -> None:
        """Update a bar, by the keywords of `BarState.update`."""
        self._tasks[number].update(**changes)
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
            f"<td>{task.amount}</td><td>{escape(task.note)}</td></tr>"
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
