"""A run: worker processes measure network after network, possibly beside other runs on the same store."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import sha256
from multiprocessing.connection import wait
from typing import Any

from robustnas.errors import EvaluationError
from robustnas.evaluator.filling.gaps import Gaps
from robustnas.evaluator.filling.queue import FillQueue
from robustnas.evaluator.filling.workers import Broken, Event, Failed, Finished, Held, Recorded, WorkerProcess
from robustnas.measurements import MeasurementStore, NetworkKey

_TICK = 0.2  # seconds between two polls of the workers, at most
_POLL, _POLL_BUSY = 1.0, 5.0  # seconds between two polls of the store, when idle and when busy
_POLL_SHARE = 0.05  # of the time that may go into polling the store
_MOST_FAILURES = 5  # networks in a row
_MOST_DEATHS = 3  # of workers in a row, for each worker
_KEPT = "what was measured is kept: run the same command to resume"


class FillRun:
    """Measures what is missing; iterating over it does the work, and yields now and then so that progress can be shown.

    Every network is claimed before it is measured, so that many runs on many machines may fill one store. A network
    that cannot be measured is skipped, one whose worker died is tried again once its claim has expired. Leaving
    the iteration early, for example by an exception, stops the workers: what they recorded is kept.

    Args:
        gaps: What is wanted.
        store: Where numbers are kept.
        missing: How many numbers each network lacks, at least 1.
        predicted: The seconds that each of these networks takes, as estimated.
        starters: What starts each worker.
        wait: Whether to wait for networks that others hold until they are done or free.

    Attributes:
        queue: The networks, and what became of them.
        workers: The worker processes, None before one is needed.

    Raises:
        DataError: While iterating: the store or the disk fails; what was recorded before is kept.
        EvaluationError: While iterating: one network after the other fails, or one worker after the other dies.
    """

    def __init__(
        self,
        gaps: Gaps,
        store: MeasurementStore,
        missing: Mapping[NetworkKey, int],
        predicted: Mapping[NetworkKey, float],
        starters: Sequence[Callable[[], WorkerProcess]],
        *,
        wait: bool = True,
    ) -> None:
        self.gaps, self.store, self.wait = gaps, store, wait
        self.queue = FillQueue(missing, start=_first_position(len(missing)))
        self.workers: list[WorkerProcess | None] = [None] * len(starters)
        self._starters = starters
        self._first, self._predicted = dict(missing), predicted
        self._worked, self._planned = 0.0, 0.0  # seconds of finished networks, as they were and as they were predicted
        self._polled, self._poll_seconds = time.monotonic(), 0.0
        self._n_failures = self._n_deaths = 0

    def __iter__(self) -> Iterator[None]:
        try:
            while not self.queue.is_over(wait=self.wait):
                self._assign()
                yield
                self._poll_workers()
                self._poll_store()
        finally:
            self._stop()

    @property
    def seconds_left(self) -> float:
        """About how long the rest takes, by the estimate and how it was met so far."""
        queue = self.queue
        shares = {key: n / self._first[key] for key, n in queue.n_missing.items() if key not in queue.failed}
        pace = self._worked / self._planned if self._planned else 1.0
        seconds = sum(self._predicted[network] * share for network, share in shares.items())
        return pace * seconds / max(1, min(len(self.workers), len(shares)))

    @property
    def n_waited_for(self) -> int:
        """How many networks that others hold are waited for, with nothing else to do; 0 if there is."""
        busy = self.queue.has_next or self.queue.running
        return 0 if busy else len(self.queue.held)

    def _assign(self) -> None:
        for number, start in enumerate(self._starters):
            worker = self.workers[number]
            if self.queue.has_next and (worker is None or worker.network is None):
                worker = self.workers[number] = worker or start()
                worker.assign(self.queue.take())

    def _poll_workers(self) -> None:
        """Wait a moment for the workers, and handle their events."""
        there = [worker for worker in self.workers if worker]
        ends: list[Any] = [end for worker in there for end in (worker.connection, worker.process.sentinel)]
        if ends:
            wait(ends, _TICK)
        else:
            time.sleep(_TICK)
        for number, worker in enumerate(self.workers):
            if worker:
                is_alive = worker.is_alive  # asked first: what it sent last is still handled below
                for event in worker.events():
                    self._handle(worker, event)
                if not is_alive:
                    self.workers[number] = None
                    self._remove(worker)

    def _handle(self, worker: WorkerProcess, event: Event) -> None:
        network = worker.network
        if isinstance(event, Broken):
            raise event.error
        if network is None:
            return
        if isinstance(event, Recorded):
            self._n_failures = self._n_deaths = 0
            self.queue.recorded(network)
        elif isinstance(event, Finished):
            self._update_pace(worker, network)
            self.queue.finished(network)
        elif isinstance(event, Held):
            self.queue.hold(network)
        elif isinstance(event, Failed):
            self.queue.fail(network, event.reason)
            self._count_failure(event.reason)
        if isinstance(event, Finished | Held | Failed):
            worker.network = None

    def _update_pace(self, worker: WorkerProcess, network: NetworkKey) -> None:
        """Compare the time that a network took with the prediction."""
        if self.queue.n_missing[network] == 0 and self._predicted[network] > 0:  # all of its numbers are ours
            self._worked += time.monotonic() - worker.began
            self._planned += self._predicted[network]

    def _count_failure(self, reason: str) -> None:
        self._n_failures += 1
        if self._n_failures >= _MOST_FAILURES:
            raise EvaluationError(
                f"{self._n_failures} networks in a row could not be measured, the last because {reason}; {_KEPT}"
            )

    def _remove(self, worker: WorkerProcess) -> None:
        """Clean up after a worker that died, and count it."""
        worker.end()
        reason = _death_reason(worker.exit_code)
        if worker.network:
            self.queue.died(worker.network, reason)
        self._n_deaths += 1
        if self._n_deaths >= _MOST_DEATHS * len(self.workers):
            advice = "with fewer --workers or a smaller --batch-size if it ran out of memory"
            raise EvaluationError(
                f"{self._n_deaths} worker processes died in a row, the last {reason}; {_KEPT}, {advice}"
            )

    def _poll_store(self) -> None:
        """Ask the store, not too often, what others have measured and claimed."""
        networks = self.queue.waiting
        idle = not self.queue.has_next and bool(self.queue.held)
        pause = max(_POLL if idle else _POLL_BUSY, self._poll_seconds / _POLL_SHARE)
        began = time.monotonic()
        if not networks or began - self._polled < pause:
            return
        claimed = {claim.network for claim in self.store.active_claims()}  # first: who is done meanwhile shows below
        self.queue.update(self.gaps.n_missing(self.store, networks), claimed)
        self._polled = time.monotonic()
        self._poll_seconds = self._polled - began

    def _stop(self) -> None:
        there = [worker for worker in self.workers if worker]
        for worker in there:
            worker.ask_to_stop()
        for worker in there:
            worker.end()
        self.workers = [None] * len(self.workers)


def _first_position(n: int) -> int:
    """Return which of `n` networks to begin with: a different one for every process on every machine."""
    name = f"{socket.gethostname()}:{os.getpid()}"
    return int(sha256(name.encode()).hexdigest(), 16) % max(n, 1)


def _death_reason(exit_code: int | None) -> str:
    if exit_code == -signal.SIGKILL:
        return "killed by the system, perhaps out of memory"
    if exit_code is not None and exit_code < 0:
        return f"by signal {-exit_code}"
    return f"with exit code {exit_code}; what it wrote before may say why"
