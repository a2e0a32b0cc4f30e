"""Tasks on an executor: results as they are finished, tasks of dead workers again, and a Ctrl-C that loses no result.

Tasks are handed over by cloudpickle: functions and classes of a notebook or of the running script work in them, too.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, Generic, TypeVar

from robustnas.errors import WorkerDiedError, described
from robustnas.executors.engine import Engine, death_of
from robustnas.executors.jobs import NOT_STARTED, Work
from robustnas.executors.registry import open_engine
from robustnas.executors.shared import sent
from robustnas.executors.spec import PROCESSES, SERIAL, ExecutorSpec
from robustnas.workers import one_thread, processors

Context = TypeVar("Context")
Task = TypeVar("Task")
Result = TypeVar("Result")

_MOST_IN_A_ROW = 3  # pools that broke or tasks that were given up, with none finished in between


def complete(
    work: Callable[[Context, Task], Result],
    tasks: Sequence[Task],
    context: Context,
    keep: Callable[[Result], object],
    *,
    n_done: int = 0,
    executor: ExecutorSpec | None = None,
    reopen: Callable[[], Context] | None = None,
    folder: Path | None = None,
) -> Iterator[tuple[int, Result | None]]:
    """Do the tasks that are missing of a larger job, wherever an executor runs them, and keep every result at once.

    A task whose worker died is run again, `ExecutorSpec.retries` times; the error follows the results of all others. If
    a task raises, no further one is started, and the error follows the results of those that were running.

    Args:
        work: A function of a module, called with the context and a task.
        tasks: What is missing.
        context: What all tasks need, such as a table.
        keep: Called with every result, in this process.
        n_done: Tasks that were finished before.
        executor: What runs them; processes of this machine if None. One process, or one task, runs here.
        reopen: Makes the context in a worker, where that is cheaper than to send it.
        folder: A folder that all workers see, for a context that is sent.

    Yields:
        Tasks finished so far and the newest result; first those finished before, with None.

    Raises:
        InvalidInputError: Something cannot be pickled, or the executor cannot be opened as asked for.
        WorkerDiedError: Workers died again and again, or none could start.
    """
    yield n_done, None
    if not tasks:
        return
    spec = _fitting(executor or ExecutorSpec(), len(tasks))
    with sent(work, context, reopen, folder) if spec.name != SERIAL else nullcontext(b"") as setup:
        job = _Job[Context, Task, Result](Work(work, context, setup), spec, tasks)
        for done, result in enumerate(job.results(), start=n_done + 1):
            keep(result)
            yield done, result


def _fitting(spec: ExecutorSpec, n_tasks: int) -> ExecutorSpec:
    """Return an executor of no more processes than tasks."""
    if spec.name != PROCESSES:
        return spec
    n = min(spec.workers or processors(), n_tasks)
    return replace(spec, workers=n) if n > 1 or spec.options else ExecutorSpec(SERIAL)


class _Job(Generic[Context, Task, Result]):
    """Tasks on their way through an executor, which is opened again if it breaks.

    A pool of processes does not say which of its tasks killed a worker: those that were in it are run again one by one,
    after all others, so that only the culprit is blamed.
    """

    def __init__(self, work: Work[Context, Task], spec: ExecutorSpec, tasks: Sequence[Task]) -> None:
        self._work, self._spec = work, spec
        self._todo = deque(enumerate(tasks))
        self._suspects = set[int]()
        self._n_deaths = Counter[int]()
        self._given_up: list[WorkerDiedError] = []
        self._n_in_a_row = 0
        self._failure: BaseException | None = None
        self._is_broken = False

    def results(self) -> Iterator[Result]:
        """Yield results as they are finished, then raise what kept others from being finished."""
        while self._todo and self._failure is None:
            with open_engine(self._spec) as engine, _threads_of(engine):
                yield from self._through(engine)
        if self._failure is not None:
            raise self._failure
        if self._given_up:
            raise self._given_up[0]

    def _through(self, engine: Engine) -> Iterator[Result]:
        running: dict[Future[Any], list[tuple[int, Task]]] = {}
        self._is_broken = False
        try:
            while True:
                self._submit(engine, running)
                if not running:
                    break
                finished, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in finished:
                    yield from self._settled(future, running.pop(future), engine)
                if self._failure is not None:
                    running = {future: batch for future, batch in running.items() if not future.cancel()}
        finally:
            for future in running:
                future.cancel()

    def _submit(self, engine: Engine, running: dict[Future[Any], list[tuple[int, Task]]]) -> None:
        while self._todo and self._failure is None and not self._is_broken:
            is_suspect = self._todo[0][0] in self._suspects
            if len(running) >= (1 if is_suspect else engine.n_jobs):
                return
            size = 1 if is_suspect else self._spec.tasks_per_job or engine.tasks_per_job
            batch = [self._todo.popleft() for _ in range(min(size, len(self._todo)))]
            tasks = [task for _, task in batch]
            try:
                future = self._work.submit(engine, tasks)
            except BrokenExecutor as error:
                self._lose(batch, error, engine)
            else:
                running[future] = batch

    def _settled(self, future: Future[Any], batch: list[tuple[int, Task]], engine: Engine) -> Iterator[Result]:
        """Yield the results of a job that ended; note its tasks to be run again if its worker died."""
        if (error := death_of(future)) is not None:
            self._lose(batch, error, engine)
            return
        for succeeded, value in self._work.outcomes(engine, future):
            if succeeded:
                self._n_in_a_row = 0
                yield value
            elif self._failure is None:
                self._failure = value

    def _lose(self, batch: list[tuple[int, Task]], error: BaseException, engine: Engine) -> None:
        """Note the tasks of a worker that died, or of a pool that broke."""
        is_shared = isinstance(error, BrokenExecutor)
        is_first = is_shared and not self._is_broken
        self._is_broken |= is_shared
        if not engine.started():
            self._failure = WorkerDiedError(NOT_STARTED)
        elif is_shared and batch[0][0] not in self._suspects:
            self._suspects.update(number for number, _ in batch)
            self._todo.extend(batch)
            if is_first:
                self._count_fruitless(_death("again and again", error))
        else:
            for number, task in batch:
                self._count_death(number, task, error)

    def _count_death(self, number: int, task: Task, error: BaseException) -> None:
        self._n_deaths[number] += 1
        n = self._n_deaths[number]
        if n <= self._spec.retries:
            self._todo.append((number, task))
            return
        self._given_up.append(_death(f"{'once' if n == 1 else f'{n} times'} on the same task", error))
        self._count_fruitless(self._given_up[-1])

    def _count_fruitless(self, error: WorkerDiedError) -> None:
        self._n_in_a_row += 1
        if self._n_in_a_row >= _MOST_IN_A_ROW:
            self._failure = error


def _death(often: str, error: BaseException) -> WorkerDiedError:
    reason = described(error)
    return WorkerDiedError(
        f"a worker process died, perhaps out of memory, {often} ({reason}); finished work is kept: run it again to "
        "resume, with fewer workers if memory was short"
    )


@contextmanager
def _threads_of(engine: Engine) -> Iterator[None]:
    """Limit linear algebra to one thread as long as threads share its library: each task would set and reset it."""
    if engine.shares_memory and engine.capacity() > 1:
        with one_thread():
            yield
    else:
        yield
