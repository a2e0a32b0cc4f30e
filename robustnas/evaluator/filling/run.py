"""A run: workers measure network after network, wherever they are, possibly beside other runs on the same store."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from contextlib import ExitStack, suppress
from itertools import count
from typing import Any

from robustnas.errors import DataError, EvaluationError, WorkerDiedError, described
from robustnas.evaluator.filling.progress import FillProgress
from robustnas.evaluator.filling.worker import KEPT, Task
from robustnas.executors import NOT_STARTED, ExecutorSpec, Work, death_of, open_engine, sent
from robustnas.measurements import DEFAULT_LEASE, MeasurementStore, renewal_interval

_TICK = 0.2  # seconds between two looks at the workers, at most
_MOST_DEATHS = 3  # in a row, for each worker
_PATIENCE = 5.0  # seconds that workers may take to notice that nothing is missing


class FillRun:
    """Measures what is missing; iterating over it does the work, and yields now and then so that progress can be shown.

    Every worker is one task of an executor: it claims network after network, so that many runs on many machines may
    fill one store. Leaving the iteration early, for example by an exception, stops the workers: what they recorded is
    kept. So does the end of this process, however it ends.

    Args:
        store: Where numbers are kept.
        task: What each worker does.
        executor: What runs them: it is opened, and again where the death of a worker broke it.
        progress: What is missing.
        lease: Seconds that workers go on after this process was heard of last.

    Attributes:
        progress: What is missing.
        n_measured: Numbers that its workers measured.

    Raises:
        DataError: While iterating: the store or the disk fails; what was recorded before is kept.
        EvaluationError: While iterating: one network after the other fails, or one worker after the other dies.
    """

    def __init__(
        self,
        store: MeasurementStore,
        task: Task,
        executor: ExecutorSpec,
        progress: FillProgress,
        *,
        lease: float = DEFAULT_LEASE,
    ) -> None:
        self.progress, self.n_measured = progress, 0
        self._store, self._task, self._spec, self._lease = store, task, executor, lease
        self._opened = ExitStack()
        self._running: dict[Future[Any], int] = {}
        self._n_wanted = len(progress.left)
        self._n_deaths = 0
        self._over_since: float | None = None

    def __iter__(self) -> Iterator[None]:
        self._run = self.progress.run = self._store.start_run(lease=self._lease)
        self._renewed = time.monotonic()
        try:
            with sent(_work, self._task, None, None) as setup:
                self._work = Work(_work, self._task, setup)
                self._open()
                while not self._is_over():
                    self._start()
                    yield
                    wait(self._running, timeout=_TICK, return_when=FIRST_COMPLETED)
                    self._renew()
                    self._end()
        finally:
            with suppress(DataError):  # without this, workers stop a little later
                self._run.end()
            self._opened.close()

    def _open(self) -> None:
        self._engine = self._opened.enter_context(open_engine(self._spec))
        self._opened.callback(self._engine.end)

    def _is_over(self) -> bool:
        """Return whether nothing is left to do. A worker that does not notice after a while hangs."""
        self._look(now=not self._running)
        if not self._running:
            return self.progress.is_over or self.progress.is_left_to_others
        if not self.progress.is_over:
            self._over_since = None
            return False
        self._over_since = self._over_since or time.monotonic()
        return time.monotonic() - self._over_since > _PATIENCE

    def _look(self, *, now: bool) -> None:
        """Look into the store, not too often unless it has to be now."""
        if self.progress.look(now=now):
            n_measured = self._run.n_recorded()
            self._n_deaths = 0 if n_measured > self.n_measured else self._n_deaths
            self.n_measured = n_measured

    def _start(self) -> None:
        """Start a task for every worker that has none, as long as there is use for it."""
        if not self._running and not self._n_wanted:
            self._count_deaths([TimeoutError("this process did not renew the run in time")])
            self._n_wanted = len(self.progress.left)
        free = (number for number in count() if number not in self._running.values())
        for _ in range(min(self._engine.capacity(), self._n_wanted) - len(self._running)):
            number = next(free)
            try:
                future = self._submit(number)
            except BrokenExecutor:
                self._opened.close()
                self._open()
                future = self._submit(number)
            self._running[future] = number

    def _submit(self, number: int) -> Future[Any]:
        return self._work.submit(self._engine, [(self._run.token, self._run.submitter, number)])

    def _end(self) -> None:
        """See which tasks ended: there is no use for more, unless workers died.

        Raises:
            Exception: What one of them raised.
            WorkerDiedError: None could start.
            EvaluationError: Worker after worker died.
        """
        deaths: list[BaseException] = []
        for future in [future for future in self._running if future.done()]:
            del self._running[future]
            if (death := death_of(future)) is not None:
                deaths.append(death)
                continue
            for succeeded, value in self._work.outcomes(self._engine, future):
                if not succeeded:
                    raise value
            self._n_wanted = len(self._running)
        if deaths and not self._engine.started():
            raise WorkerDiedError(NOT_STARTED)
        if deaths:
            self._look(now=True)
            self._count_deaths(deaths)

    def _count_deaths(self, deaths: Sequence[BaseException]) -> None:
        self._n_deaths += len(deaths)
        if self._n_deaths >= _MOST_DEATHS * max(1, self._engine.capacity()):
            advice = "with fewer --workers or a smaller --batch-size if memory was short"
            last = described(deaths[-1])
            raise EvaluationError(f"{self._n_deaths} workers died in a row, the last with {last}; {KEPT}, {advice}")

    def _renew(self) -> None:
        """Have the workers go on."""
        if time.monotonic() - self._renewed > renewal_interval(self._lease):
            self._renewed = time.monotonic()
            self._run.renew()


def _work(task: Task, arguments: tuple[str, str, int]) -> None:
    task(*arguments)
