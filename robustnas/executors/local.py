"""Executors of the standard library: this thread, threads, and processes that end when this one does."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event
from typing import Any, ParamSpec, TypeVar

from robustnas.executors.engine import Engine, refuse_address
from robustnas.workers import checked_workers, environment, interrupts_deferred, processors

_PATIENCE = 5.0  # seconds that a task may take to stop

Result = TypeVar("Result")
Arguments = ParamSpec("Arguments")


@contextmanager
def open_serial(address: str | None, workers: int | None) -> Iterator[Engine]:  # noqa: ARG001  there is one
    """Run tasks one after the other, in this thread."""
    refuse_address("serial", address)
    yield Engine(SerialExecutor(), lambda: 1, queue_depth=1, shares_memory=True)


@contextmanager
def open_threads(address: str | None, workers: int | None) -> Iterator[Engine]:
    """Run tasks in threads of this process: little to start, but Python code of several takes turns."""
    refuse_address("threads", address)
    n = checked_workers("workers", workers) or processors()
    with ThreadPoolExecutor(n) as executor:
        yield Engine(executor, lambda: n, shares_memory=True)


@contextmanager
def open_processes(address: str | None, workers: int | None, n_threads: int = 1) -> Iterator[Engine]:
    """Run tasks in processes of this machine, each with `n_threads` for linear algebra.

    When the block is left by an error or Ctrl-C, tasks that are running get a SIGTERM, and are killed after 5 seconds.
    """
    refuse_address("processes", address)
    n = checked_workers("workers", workers) or processors()
    context = multiprocessing.get_context("spawn")
    started = context.Event()
    theirs, ours = context.Pipe(duplex=False)
    executor = _Processes(n_threads, n, context, _start, (started, theirs))
    try:
        yield Engine(executor, lambda: n, started=started.is_set, end=executor.end)
    except BaseException:
        executor.end()  # nobody waits for what is still running
        raise
    finally:
        executor.shutdown(wait=True, cancel_futures=True)
        ours.close()
        theirs.close()


class SerialExecutor(Executor):
    """Runs what is submitted at once, in the calling thread.

    >>> SerialExecutor().submit(pow, 2, 3).result()
    8
    """

    def submit(
        self, fn: Callable[Arguments, Result], /, *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Future[Result]:
        """Return a future that is done; Ctrl-C is raised and not kept in it."""
        future = Future[Result]()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


class _Processes(ProcessPoolExecutor):
    """Starts workers, which happens while tasks are submitted, with Ctrl-C ignored and few threads, for good."""

    def __init__(self, n_threads: int, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._n_threads = n_threads

    def submit(
        self, fn: Callable[Arguments, Result], /, *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Future[Result]:
        with interrupts_deferred(), environment(OMP_NUM_THREADS=str(self._n_threads), OMP_WAIT_POLICY="PASSIVE"):
            return super().submit(fn, *args, **kwargs)

    def end(self) -> None:
        """Ask all workers to end, and kill those that do not."""
        there = list((self._processes or {}).values())
        manager: Any = self._executor_manager_thread
        self.shutdown(wait=False, cancel_futures=True)  # first: else what is cancelled is reported as lost, aloud
        for process in there:
            process.terminate()
        for process in there:
            process.join(_PATIENCE)
            process.kill()
        if manager is not None:
            manager.join(_PATIENCE)  # a second shutdown does not: Python's exit would write to a pipe that this closes


def _start(started: Event, submitter: Connection) -> None:
    started.set()
    threading.Thread(target=_end_with, args=(submitter,), daemon=True).start()


def _end_with(submitter: Connection) -> None:
    """End once the submitter's end of a pipe is closed: it gave up, or was killed.

    First by a signal, so that a task can put in order what others wait for; then at once.
    """
    with suppress(EOFError, OSError):
        submitter.recv_bytes()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_PATIENCE)
    os._exit(1)
