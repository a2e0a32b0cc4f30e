"""Worker processes: each claims the networks that it is assigned, measures what they lack, and reports progress."""

from __future__ import annotations

import multiprocessing
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from robustnas.errors import DataError, EvaluationError, InvalidInputError, RobustNASError
from robustnas.evaluator.filling.plan import FillPlan
from robustnas.measurements import DEFAULT_LEASE, ClaimLostError, Measurement, MeasurementStore, NetworkKey
from robustnas.metric import Metric
from robustnas.workers import checked_workers, environment, interrupts_ignored, processors

if TYPE_CHECKING:
    from robustnas.evaluator.evaluator import Evaluator

_REPORT_SECONDS = 0.2
_STARTING = "starting"
_PATIENCE = 5.0  # seconds that a worker may take to stop when asked to


@dataclass(frozen=True)
class WorkerSetup:
    """What a worker measures with.

    Attributes:
        plan: What is wanted.
        metrics: The metrics to measure.
        store: Where numbers are kept.
        corruptions: A folder of corrupted images; see `robustnas.evaluator.Evaluator`.
        batch_size: Images at a time; None for the default of images and device.
        lease: Seconds that a claim outlives its worker.
        since: Numbers of the store that were measured before this moment are measured again, and replaced.
    """

    plan: FillPlan
    metrics: tuple[Metric, ...]
    store: MeasurementStore
    corruptions: Path | None = None
    batch_size: int | None = None
    lease: float = DEFAULT_LEASE
    since: datetime | None = None

    def evaluator(self, seed: int, device: str, images: str | None = None) -> Evaluator:
        """Open the images and return what measures the networks of one seed; errors as of what it opens."""
        from robustnas.evaluator.evaluator import Evaluator
        from robustnas.evaluator.images.image_files import open_images

        data = open_images(images or self.plan.images)
        settings = self.plan.settings(data, seed)
        return Evaluator(data, settings, device=device, corruptions=self.corruptions, batch_size=self.batch_size)


@dataclass(frozen=True)
class Advanced:
    """A worker made progress.

    Attributes:
        stage: What it is doing.
        share: How much of that is done, in [0, 1].
    """

    stage: str
    share: float


@dataclass(frozen=True)
class Recorded:
    """A worker recorded one number."""


@dataclass(frozen=True)
class Finished:
    """A worker is done with its network: nothing is missing."""


@dataclass(frozen=True)
class Held:
    """A worker left its network: another one has claimed it."""


@dataclass(frozen=True)
class Failed:
    """A network cannot be measured.

    Attributes:
        reason: Why, in a sentence.
    """

    reason: str


@dataclass(frozen=True)
class Broken:
    """Nothing can be measured: the disk is full, say, or the store is lost.

    Attributes:
        error: The reason.
    """

    error: RobustNASError


Event = Advanced | Recorded | Finished | Held | Failed | Broken


class WorkerProcess:
    """A worker process, as its parent sees it; it ends when its parent does, however that ends.

    Args:
        setup: What it measures with.
        device: Where.
        n_threads: Threads that it computes with.

    Attributes:
        network: What it is measuring; None if it is idle.
        stage: What it is doing, for display.
        share: How much of that is done, in [0, 1].
        began: When it began with its network, by `time.monotonic`.
    """

    def __init__(self, setup: WorkerSetup, device: str, n_threads: int) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=work, args=(setup, device, theirs), daemon=True)
        with interrupts_ignored(), environment(OMP_NUM_THREADS=str(n_threads), OMP_WAIT_POLICY="PASSIVE"):
            self.process.start()
        theirs.close()
        self.network: NetworkKey | None = None
        self.stage, self.share, self.began = _STARTING, 0.0, time.monotonic()

    @property
    def is_alive(self) -> bool:
        """Whether the process is running."""
        return self.process.is_alive()

    @property
    def exit_code(self) -> int | None:
        """The exit code of a process that is gone; minus a signal's number if that ended it."""
        return self.process.exitcode

    def assign(self, network: NetworkKey) -> None:
        """Assign it a network to measure."""
        self.network, self.began = network, time.monotonic()
        self.stage, self.share = _STARTING, 0.0
        try:
            self.connection.send(network)
        except OSError:
            return  # it is gone, which the next poll notices

    def events(self) -> Iterator[Event]:
        """Yield what it sent since the last call, without waiting."""
        try:
            while self.connection.poll():
                event = self.connection.recv()
                if isinstance(event, Advanced):
                    self._advance(event)
                yield event
        except (OSError, EOFError):
            return

    def _advance(self, event: Advanced) -> None:
        if self.stage == _STARTING:
            self.began = time.monotonic()  # starting a process is not part of measuring
        self.stage, self.share = event.stage, event.share

    def ask_to_stop(self) -> None:
        """Ask it to release its network and end."""
        self.process.terminate()

    def end(self) -> None:
        """Wait until it is gone; kill it if that takes too long."""
        self.process.join(_PATIENCE)
        if self.is_alive:
            self.process.kill()
            self.process.join()
        self.connection.close()


def worker_devices(device: str, n_workers: int | None, n_networks: int) -> tuple[str, ...]:
    """Return the device of every worker, by name: each GPU in turn, or the CPU.

    Args:
        device: As `robustnas.evaluator.device.choose_device` takes it; ``cuda`` is all GPUs.
        n_workers: How many; None for one per GPU, or one per processor without one.
        n_networks: How many can be busy at most.

    Raises:
        InvalidInputError: A device that is not there, or no worker.

    >>> worker_devices("cpu", 3, 100), worker_devices("cpu", None, 1)
    (('cpu', 'cpu', 'cpu'), ('cpu',))
    """
    from robustnas.evaluator.device import available_devices, choose_device

    chosen = choose_device(device)
    names = [device] if device != "auto" else [chosen.type]
    if names == ["cuda"]:
        names = [name for name in available_devices() if name.startswith("cuda:")]
    default = len(names) if chosen.type == "cuda" else processors()
    n = checked_workers("workers", n_workers) or default
    return tuple(names[number % len(names)] for number in range(min(n, max(n_networks, 1))))


def work(setup: WorkerSetup, device: str, connection: Connection) -> None:
    """Measure the networks that the connection sends, until it sends none; the body of a worker process.

    It answers with events. If the other end is gone, or on SIGTERM, it releases its network and ends.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _exit)
    worker = _Worker(setup, device, connection)
    try:
        while (network := connection.recv()) is not None:
            worker.send(worker.measure(network))
    except EOFError:
        return


class _Worker:
    def __init__(self, setup: WorkerSetup, device: str, connection: Connection) -> None:
        self.setup, self.device, self.connection = setup, device, connection
        self.evaluator = lru_cache(maxsize=1)(self._open)  # networks come seed by seed
        self.reported = 0.0

    def send(self, event: Event) -> None:
        """Send an event; end the process if its parent is gone."""
        try:
            self.connection.send(event)
        except OSError:
            raise SystemExit(0) from None

    def advance(self, stage: str, share: float) -> None:
        """Report progress, unless that was done a moment ago."""
        now = time.monotonic()
        if now - self.reported >= _REPORT_SECONDS or share in (0.0, 1.0):
            self.reported = now
            self.send(Advanced(stage, share))

    def measure(self, network: NetworkKey) -> Event:
        """Measure what a network lacks, and return how that ended."""
        try:
            return self._measure(network)
        except ClaimLostError:
            return Held()
        except EvaluationError as error:
            return Failed(str(error))
        except (DataError, InvalidInputError) as error:
            return Broken(error)
        except OSError as error:
            return Broken(DataError(f"{error.filename or 'the operating system'}: {error.strerror or error}"))
        except Exception as error:  # whatever it is, the other networks may do without it
            return Failed(f"{type(error).__name__}: {error}")

    def _measure(self, network: NetworkKey) -> Event:
        from robustnas.evaluator.measurer import measure_missing

        evaluator, setup = self.evaluator(network.seed), self.setup
        if evaluator.network_key(network.arch) != network:
            raise DataError(f"the images {setup.plan.images} have changed meanwhile; run the same command again")
        claimed = setup.store.claim(network, lease=setup.lease, heartbeat=True)
        if claimed is None:
            return Held()
        with claimed as claim:
            measure_missing(
                evaluator,
                setup.store,
                claim,
                network.arch,
                setup.metrics,
                progress=self.advance,
                recorded=self._recorded,
                since=setup.since,
            )
        return Finished()

    def _recorded(self, _: Measurement) -> None:
        self.send(Recorded())

    def _open(self, seed: int) -> Evaluator:
        return self.setup.evaluator(seed, self.device)


def _exit(_: int, __: FrameType | None) -> None:
    raise SystemExit(0)  # claims are released on the way out
