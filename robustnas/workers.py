"""Worker processes: one function on many tasks, results as they are finished, and a Ctrl-C that loses none of them.

Workers are spawned, and are handed everything by cloudpickle: functions and classes of a notebook or of the running
script work in them, too.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from itertools import islice
from multiprocessing.synchronize import Event
from typing import Any, TypeVar

import cloudpickle

from robustnas.checks import whole_number
from robustnas.errors import InvalidInputError, WorkerDiedError

Context = TypeVar("Context")
Task = TypeVar("Task")
Result = TypeVar("Result")

_MOST_WORKERS = 1024  # more would not speed up any machine, and could bring it down
_IN_FLIGHT_PER_JOB = 4  # enough to keep workers busy, few enough to stop soon after Ctrl-C

_DIED = (
    "a worker process died, perhaps out of memory; finished work is kept: run it again to resume, with fewer processes "
    "if memory was short"
)
_NOT_STARTED = (
    "no worker process could start: each one imports the running script again, so a script that uses several processes "
    'needs the guard `if __name__ == "__main__":` around what it runs, and one read from standard input cannot be '
    "imported; or use one process (jobs=1)"
)


def checked_workers(name: str, value: int | None) -> int | None:
    """Return a number of worker processes, None for the default.

    Raises:
        InvalidInputError: It is not an integer from 1 to 1024.
    """
    return None if value is None else whole_number(name, value, at_least=1, at_most=_MOST_WORKERS)


def complete(
    work: Callable[[Context, Task], Result],
    tasks: Sequence[Task],
    context: Context,
    keep: Callable[[Result], object],
    *,
    n_done: int = 0,
    jobs: int | None = None,
    reopen: Callable[[], Context] | None = None,
) -> Iterator[tuple[int, Result | None]]:
    """Do the tasks that are missing of a larger job, in this process or in several, and keep every result at once.

    Args:
        work: A function of a module, called with the context and a task.
        tasks: What is missing.
        context: What all tasks need, such as a table.
        keep: Called with every result, in this process.
        n_done: Tasks that were finished before.
        jobs: Processes; as many as processors if None. One process, or one task, runs here.
        reopen: Makes the context of a worker process, where that is cheaper than to pickle it.

    Yields:
        Tasks finished so far and the newest result; first those finished before, with None.

    Raises:
        WorkerDiedError: A worker process died.
    """
    yield n_done, None
    n_jobs = min(jobs or processors(), max(len(tasks), 1))
    if n_jobs == 1:
        results: Iterator[Result] = (work(context, task) for task in tasks)
    else:
        arguments = (context if reopen is None else None, reopen)
        results = in_processes(partial(_in_context, work), tasks, n_jobs, _set_context, arguments)
    for done, result in enumerate(results, start=n_done + 1):
        keep(result)
        yield done, result


def in_processes(
    work: Callable[[Task], Result],
    tasks: Sequence[Task],
    n_jobs: int,
    start: Callable[..., None],
    arguments: tuple[Any, ...],
) -> Iterator[Result]:
    """Yield the results of `work` on every task, in the order in which they are finished.

    If a task raises, no further one is started, and the error follows the results of those that were running.

    Args:
        work: What to do with a task.
        tasks: What to work on.
        n_jobs: Worker processes.
        start: Prepares a worker before its first task.
        arguments: The arguments of `start`.

    Raises:
        InvalidInputError: Something cannot be pickled.
        WorkerDiedError: A worker process died, or none could start.
    """
    context = multiprocessing.get_context("spawn")
    started = context.Event()
    try:
        setup = cloudpickle.dumps((work, start, arguments))  # together, so that both functions share their globals
    except (TypeError, AttributeError, ValueError, pickle.PicklingError) as error:
        raise InvalidInputError(f"{error}, so worker processes cannot have it; use one process (jobs=1)") from error
    pool = ProcessPoolExecutor(n_jobs, context, _start, (started, setup))
    queue, running = iter(tasks), set[Future[Result]]()
    failed: Future[Result] | None = None
    try:
        while True:
            with interrupts_ignored(), environment(OMP_NUM_THREADS="1"):  # workers start here and inherit both for good
                for task in islice(queue, _IN_FLIGHT_PER_JOB * n_jobs - len(running)):
                    running.add(pool.submit(_call, cloudpickle.dumps(task)))
            if not running:
                break
            finished, running = wait(running, return_when=FIRST_COMPLETED)
            for future in finished:
                if not future.exception():
                    yield future.result()
                elif failed is None:
                    failed, queue = future, iter(())
                    running = {waiting for waiting in running if not waiting.cancel()}
        if failed is not None:
            failed.result()
    except BrokenProcessPool as error:
        raise WorkerDiedError(_DIED if started.is_set() else _NOT_STARTED) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


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
    new = {name: value for name, value in values.items() if name not in os.environ}
    os.environ.update(new)
    try:
        yield
    finally:
        for name in new:
            os.environ.pop(name, None)


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


_context: Any


def _set_context(context: object, reopen: Callable[[], object] | None) -> None:
    global _context
    _context = context if reopen is None else reopen()


def _in_context(work: Callable[[Any, Task], Result], task: Task) -> Result:
    return work(_context, task)


_work: Callable[[Any], Any]


def _start(started: Event, setup: bytes) -> None:
    global _work
    started.set()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _work, start, arguments = pickle.loads(setup)  # noqa: S301 - from the parent process
    start(*arguments)


def _call(task: bytes) -> Any:
    return _work(pickle.loads(task))  # noqa: S301 - from the parent process


def _end_with_parent() -> None:
    """Exit once the parent is gone: otherwise the workers of a killed process would wait for tasks forever."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
