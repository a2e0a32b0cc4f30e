"""Worker processes: how many, how many threads each has, and who handles Ctrl-C."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from robustnas.checks import whole_number

_MOST_WORKERS = 1024  # more would not speed up any machine, and could bring it down


def checked_workers(name: str, value: int | None) -> int | None:
    """Return a number of worker processes, None for the default.

    Raises:
        InvalidInputError: It is not an integer from 1 to 1024.
    """
    return None if value is None else whole_number(name, value, at_least=1, at_most=_MOST_WORKERS)


def processors() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def one_thread() -> Iterator[None]:
    """Run linear algebra in one thread: on matrices of a few hundred rows, more threads only wait for each other."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        yield


@contextmanager
def environment(**values: str) -> Iterator[None]:
    """Set environment variables for processes started meanwhile, unless they are set already."""
    with replaced_environment(**{name: value for name, value in values.items() if name not in os.environ}):
        yield


@contextmanager
def replaced_environment(**values: str) -> Iterator[None]:
    """Set environment variables for processes started meanwhile; former values come back."""
    former = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in former.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def interrupts_ignored() -> Iterator[None]:
    """Have processes started meanwhile ignore Ctrl-C: only the parent handles it, and stops them."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may handle signals
        return
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)


@contextmanager
def interrupts_deferred() -> Iterator[None]:
    """Have processes started meanwhile ignore Ctrl-C, for good, and one that comes meanwhile come afterwards.

    They inherit that the signal is blocked; ignored here, it would be lost to this process too.
    """
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "pthread_sigmask"):
        with interrupts_ignored():
            yield
        return
    came: list[int] = []
    handler = signal.signal(signal.SIGINT, lambda number, _: came.append(number))  # of threads that do not block it
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        signal.signal(signal.SIGINT, handler)
        if came:
            signal.raise_signal(signal.SIGINT)
