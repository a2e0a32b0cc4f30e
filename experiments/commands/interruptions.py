"""Interruptions: Ctrl-C, and SIGTERM, which batch systems send; what is kept of a search or a measurement then."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

from experiments.commands.group import fail

if TYPE_CHECKING:
    from robustnas.tables.table import Table
    from searchers.base import History


@contextmanager
def interruptible(advice: str | Callable[[], str]) -> Iterator[None]:
    """Turn an interruption into one sentence on how to resume, and exit code 1.

    Args:
        advice: The sentence, or what is called to return it.
    """
    with terminations_interrupt():
        try:
            yield
        except KeyboardInterrupt:
            fail(f"interrupted; {advice if isinstance(advice, str) else advice()}", code=1)


@contextmanager
def terminations_interrupt() -> Iterator[None]:
    """Raise KeyboardInterrupt on SIGTERM too."""

    def interrupt(_: int, __: FrameType | None) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():  # no other thread may handle signals
        yield
        return
    former = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, former)


def search_advice(table: Table, history: History | None) -> str:
    """Return how an interrupted search goes on: in its study, with what was measured, or again from the beginning.

    Args:
        table: What was searched on.
        history: What the study held before the search; None where none is kept.
    """
    if history is not None:
        return f"study {history.name!r} keeps what was found: the same command goes on with it"
    if not table.complete:
        return "what was measured is kept: the same command takes it from the store and goes on from there"
    return "nothing is kept of a search on a table: the same command, with its seed, makes the same queries again"


def evaluation_advice(n_kept: int, n_asked: int, *, remeasure: bool) -> str:
    """Return how an interrupted evaluation goes on."""
    kept = f"{n_kept} of {n_asked} numbers are in the store, and the training is kept"
    return f"{kept}: the same command {'measures all of them again' if remeasure else 'goes on from there'}"
