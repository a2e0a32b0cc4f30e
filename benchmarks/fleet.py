"""A simulation of a fleet: thousands of workers, failures, claims and the one writer, event by event.

benchmarks/scaling.py asks it the questions of docs/scaling.md, and checks it against workers of this machine.

Two kinds of work are simulated. A *comparison*: one process submits jobs, collects their results and appends records,
one after the other; workers take jobs from a queue. A *fill*: workers claim networks at a store, which serves one call
after the other, and record their numbers there. Workers come up one after the other as data reach them, die at random
(their time between failures is exponential), come up again, and some are slow. A job whose worker died is submitted
again; a network whose worker died is free once its lease is over, and what was recorded of it is kept.

All randomness comes from one seed. Times are seconds.
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Seconds = NDArray[np.float64]

DAY = 86_400.0
NEVER = math.inf


@dataclass(frozen=True)
class Workers:
    """The workers of a fleet.

    Attributes:
        n: How many.
        start: Seconds until one can begin, by itself: Python, imports.
        load: Seconds of the file server that one's data take; it serves one worker after the other.
        between_failures: Mean seconds between two failures of one worker.
        restart: Seconds until a worker that died begins to start again.
        slow_share: The share of workers that are slow.
        slow_factor: How many times as long these take.
    """

    n: int
    start: float = 0.0
    load: float = 0.0
    between_failures: float = NEVER
    restart: float = 60.0
    slow_share: float = 0.0
    slow_factor: float = 1.0


@dataclass(frozen=True)
class Writer:
    """The process that submits a comparison.

    Attributes:
        per_job: Its seconds for submitting a job and receiving that it is done.
        per_task: Its seconds for each record in it: unpickling, appending.
        tasks_per_job: Searches that are sent together.
        depth: Jobs that are submitted per worker.
    """

    per_job: float = 0.0
    per_task: float = 0.0
    tasks_per_job: int = 1
    depth: int = 4


@dataclass(frozen=True)
class Store:
    """The store of a fill, which serves one call after the other.

    Attributes:
        claim: Seconds of a claim, with the look at what is missing and the release.
        record: Seconds of a record.
        look: Seconds of a look at what all networks lack.
        look_every: Seconds between two looks of one worker; none if infinite.
        lease: Seconds that a claim outlives its worker.
        poll: Seconds until a worker that finds nothing free asks again.
    """

    claim: float = 0.0
    record: float = 0.0
    look: float = 0.0
    look_every: float = NEVER
    lease: float = 120.0
    poll: float = 30.0


@dataclass(frozen=True)
class Run:
    """What came of a simulation.

    Attributes:
        seconds: Until all was done.
        work: Seconds of work that was needed, on workers of normal speed.
        lost: Seconds that workers spent on what was lost when they died.
        n_failures: How often a worker died.
        server: Seconds that the writer, or the store, was busy.
        waited: Longest wait for it.
        n_done: Tasks, or networks, in all.
        n_workers: Workers.
    """

    seconds: float
    work: float
    lost: float
    n_failures: int
    server: float
    waited: float
    n_done: int
    n_workers: int

    @property
    def throughput(self) -> float:
        """Tasks per second."""
        return self.n_done / self.seconds

    @property
    def efficiency(self) -> float:
        """The share of the workers' time that was work."""
        return self.work / (self.seconds * self.n_workers)

    @property
    def server_load(self) -> float:
        """The share of the time that the writer, or the store, was busy."""
        return self.server / self.seconds


@dataclass
class Server:
    """Serves one after the other, in the order of arrival; calls come in the order of time."""

    free: float = 0.0
    busy: float = 0.0
    waited: float = 0.0

    def serve(self, now: float, seconds: float) -> float:
        """Return when a call that arrives now is done."""
        begin = max(now, self.free)
        self.free = begin + seconds
        self.busy += seconds
        self.waited = max(self.waited, begin - now)
        return self.free


class Dice:
    """Draws from one generator, in blocks: a call for every event would take most of the time."""

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self._block: list[float] = []

    def exponential(self, mean: float) -> float:
        """Draw a time with a mean; infinity if that is infinite."""
        if mean == NEVER:
            return NEVER
        if not self._block:
            self._block = self._rng.standard_exponential(65_536).tolist()
        return mean * self._block.pop()

    def slow(self, workers: Workers) -> list[float]:
        """Draw the factor by which each worker is slow."""
        is_slow = self._rng.random(workers.n) < workers.slow_share
        factors: list[float] = np.where(is_slow, workers.slow_factor, 1.0).tolist()
        return factors


@dataclass
class _Fleet:
    """What both kinds of work have in common: workers that come up, die, and are slow."""

    workers: Workers
    seed: int
    dice: Dice = field(init=False)
    events: list[tuple[float, int, int, float]] = field(default_factory=list)  # when, number, worker, since when
    files: Server = field(default_factory=Server)
    desk: Server = field(default_factory=Server)  # the writer, or the store
    lost: float = 0.0
    n_failures: int = 0

    def __post_init__(self) -> None:
        self.dice = Dice(self.seed)
        self.slow = self.dice.slow(self.workers)
        self.lives, self.jobs = [True] * self.workers.n, [0] * self.workers.n
        self.n_events = 0

    def up(self, now: float) -> float:
        """Return when a worker that starts now can begin."""
        return self.files.serve(now, self.workers.load) + self.workers.start

    def push(self, when: float, worker: int, since: float = 0.0) -> None:
        """Add an event."""
        self.n_events += 1
        heapq.heappush(self.events, (when, self.n_events, worker, since))

    def outcome(self, worker: int, seconds: float) -> tuple[float, bool]:
        """Return how long a worker is busy with some work of so many seconds, and whether it lives to the end."""
        needed = seconds * self.slow[worker]
        until_death = self.dice.exponential(self.workers.between_failures)
        return (needed, True) if until_death > needed else (until_death, False)

    def result(self, end: float, work: float, n_done: int) -> Run:
        """Return what came of it."""
        desk = self.desk
        return Run(end, work, self.lost, self.n_failures, desk.busy, desk.waited, n_done, self.workers.n)

    def died(self, now: float, wasted: float) -> float:
        """Count a death, and return when the worker can begin again."""
        self.n_failures += 1
        self.lost += wasted
        return self.up(now + self.workers.restart)


def compare(tasks: Sequence[float] | Seconds, workers: Workers, writer: Writer = Writer(), seed: int = 0) -> Run:
    """Simulate a comparison.

    Args:
        tasks: The seconds of every search, on a worker of normal speed.
        workers: What runs them.
        writer: What submits them and keeps their records.
        seed: Of all randomness.

    >>> compare([2.0, 3.0, 5.0], Workers(1)).seconds
    10.0
    """
    return _Comparison(workers, seed).run(np.asarray(tasks, dtype=float), writer)


@dataclass
class _Comparison(_Fleet):
    """Every event is a worker that came up, or whose job ended, well or not."""

    todo: deque[int] = field(default_factory=deque)  # jobs to be submitted
    ready: deque[tuple[float, int]] = field(default_factory=deque)  # submitted, since when
    idle: deque[int] = field(default_factory=deque)  # workers without a job

    def run(self, tasks: Seconds, writer: Writer) -> Run:
        starts = np.arange(0, len(tasks), writer.tasks_per_job)
        seconds = np.add.reduceat(tasks, starts).tolist() if len(tasks) else []
        sizes = np.diff(np.append(starts, len(tasks))).tolist()
        self.writer, self.seconds = writer, seconds
        self.todo.extend(range(len(seconds)))
        for _ in range(min(len(seconds), self.workers.n * writer.depth)):
            self.submit(0.0)
        for worker in range(self.workers.n):
            self.push(self.up(0.0), worker, NEVER)
        n_left, end = len(seconds), 0.0
        while n_left:
            now, _, worker, since = heapq.heappop(self.events)
            if since != NEVER and self.lives[worker]:
                n_left -= 1
                end = self.desk.serve(now, writer.per_job / 2 + writer.per_task * sizes[self.jobs[worker]])
                self.submit(end)
            elif since != NEVER:
                self.todo.append(self.jobs[worker])
                self.submit(now)
                self.push(self.died(now, now - since), worker, NEVER)
                continue
            self.take(worker, now)
        return self.result(end, float(tasks.sum()), len(tasks))

    def submit(self, now: float) -> None:
        """Submit the next job; a worker that waits takes it."""
        if self.todo:
            self.ready.append((self.desk.serve(now, self.writer.per_job / 2), self.todo.popleft()))
            if self.idle:
                self.take(self.idle.popleft(), now)

    def take(self, worker: int, now: float) -> None:
        """Have a worker begin with the next job that was submitted, or wait for one."""
        if not self.ready:
            self.idle.append(worker)
            return
        submitted, self.jobs[worker] = self.ready.popleft()
        begin = max(now, submitted)
        busy, self.lives[worker] = self.outcome(worker, self.seconds[self.jobs[worker]])
        self.push(begin + busy, worker, begin)


def fill(
    training: Sequence[float] | Seconds,
    numbers: Sequence[float] | Seconds,
    n_numbers: int,
    workers: Workers,
    store: Store = Store(),
    seed: int = 0,
) -> Run:
    """Simulate the filling of a store.

    Args:
        training: The seconds of every network until its first number is measured.
        numbers: The seconds of every network for all of its numbers.
        n_numbers: Numbers of a network, recorded one after the other.
        workers: What measures them.
        store: Where they are kept.
        seed: Of all randomness.

    >>> fill([10.0, 20.0], [4.0, 4.0], 4, Workers(1)).seconds
    38.0
    """
    plan = np.asarray(training, dtype=float).tolist(), (np.asarray(numbers, dtype=float) / n_numbers).tolist()
    return _Fill(workers, seed).run(*plan, n_numbers, store)


@dataclass
class _Fill(_Fleet):
    """Every event is a worker that has something to do: claim, or record a number and go on."""

    def run(self, training: list[float], each: list[float], n_numbers: int, store: Store) -> Run:
        self.training, self.each, self.n_numbers, self.store = training, each, n_numbers, store
        self.todo, self.held = deque(range(len(training))), list[tuple[float, int]]()  # held: by the dead, until when
        self.recorded = [0] * len(training)
        self.network: list[int | None] = [None] * self.workers.n
        self.looked = [0.0] * self.workers.n
        self.n_left, self.end = len(training), 0.0
        for worker in range(self.workers.n):
            self.push(self.up(0.0), worker)
        while self.n_left:
            now, _, worker, since = heapq.heappop(self.events)
            if not self.lives[worker]:
                self.bury(worker, now, since)
            elif self.network[worker] is None:
                self.claim(worker, now)
            else:
                self.record(worker, now)
        return self.result(self.end, sum(training) + n_numbers * sum(each), len(training))

    def claim(self, worker: int, now: float) -> None:
        """Claim the first network that is free; if none is, ask again later."""
        while self.held and self.held[0][0] <= now:
            self.todo.append(heapq.heappop(self.held)[1])
        seconds = self.store.claim
        if now - self.looked[worker] >= self.store.look_every:
            seconds, self.looked[worker] = seconds + self.store.look, now
        done = self.desk.serve(now, seconds)
        if not self.todo:
            self.push(done + self.store.poll, worker)
            return
        network = self.network[worker] = self.todo.popleft()
        self.go_on(worker, done, self.training[network] + self.each[network])

    def record(self, worker: int, now: float) -> None:
        """Record a number, and measure the next one or claim the next network."""
        network = self.network[worker]
        assert network is not None
        self.recorded[network] += 1
        done = self.desk.serve(now, self.store.record)
        if self.recorded[network] < self.n_numbers:
            self.go_on(worker, done, self.each[network])
            return
        self.network[worker] = None
        self.n_left, self.end = self.n_left - 1, max(self.end, done)
        self.push(done, worker)

    def go_on(self, worker: int, now: float, seconds: float) -> None:
        """Work until the next number, or until the worker dies."""
        busy, self.lives[worker] = self.outcome(worker, seconds)
        self.push(now + busy, worker, now)

    def bury(self, worker: int, now: float, since: float) -> None:
        """A worker died: its network is free when its lease is over, and its next worker trains it again."""
        network = self.network[worker]
        assert network is not None
        heapq.heappush(self.held, (now + self.store.lease, network))
        self.network[worker], self.lives[worker] = None, True
        self.push(self.died(now, now - since), worker)
