"""A worker of a fill: claims network after network and measures what they lack, until nothing is missing."""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from robustnas.errors import DataError, EvaluationError, InvalidInputError, RobustNASError
from robustnas.evaluator.filling.plan import FillPlan
from robustnas.measurements import (
    DEFAULT_LEASE,
    Claim,
    ClaimLostError,
    MeasurementStore,
    NetworkKey,
    Run,
    RunEndedError,
    Worklist,
)

if TYPE_CHECKING:
    from robustnas.evaluator.evaluator import Evaluator

_MOST_FAILURES = 5  # networks in a row
_MOST_AT_ONCE = 16
KEPT = "what was measured is kept: run the same command to resume"

_one_at_a_time = threading.Lock()  # libraries of attacks and corruptions draw from generators that a process has once

Task = Callable[[str, str, int], None]
"""What a worker does: a function of a module, given the token of its run, who submitted that, and its own number."""


@dataclass(frozen=True)
class FillJob:
    """What every worker of a fill is given.

    Attributes:
        plan: What is wanted, but for what is in a table.
        store: Where numbers are kept.
        digest: That of the submitter's `robustnas.evaluator.filling.gaps.Gaps`: workers with other data refuse.
        device: As `robustnas.evaluator.device.choose_device` takes it; ``cuda`` is all GPUs of a machine.
        n_threads: Threads that each worker computes with on a CPU; None for as many as its process has.
        corruptions: A folder of corrupted images; see `robustnas.evaluator.Evaluator`.
        batch_size: Images at a time; None for the default of images and device.
        lease: Seconds that a claim outlives its worker, or lasts without progress.
        since: Numbers of the store that were measured before this moment are measured again, and replaced.
        wait: Whether to wait for networks that others hold until they are done or free.
        log: Where trainings are recorded; see `robustnas.evaluator.Evaluator`.
        at_once: Networks that each worker trains at once; None for as many as are fastest on its device.
    """

    plan: FillPlan
    store: MeasurementStore
    digest: str = ""
    device: str = "auto"
    n_threads: int | None = None
    corruptions: Path | None = None
    batch_size: int | None = None
    lease: float = DEFAULT_LEASE
    since: datetime | None = None
    wait: bool = True
    log: str | None = None
    at_once: int | None = None

    def evaluator(self, seed: int, device: str) -> Evaluator:
        """Open the images and return what measures the networks of one seed; errors as of what it opens."""
        from robustnas.evaluator.evaluator import Evaluator
        from robustnas.evaluator.images.image_files import open_images

        images = open_images(self.plan.images)
        settings = self.plan.settings(images, seed)
        return Evaluator(
            images,
            settings,
            space=self.plan.space,
            device=device,
            corruptions=self.corruptions,
            batch_size=self.batch_size,
            log=self.log,
        )


def work(job: FillJob, token: str, submitter: str, number: int) -> None:
    """Measure what is missing until nothing is, or until the run is over.

    Args:
        job: What is wanted.
        token: Of the run.
        submitter: Who submitted it.
        number: Of this worker, from 0.

    Raises:
        DataError: The data here differ from those of the submitter; or the store or the disk fails.
        EvaluationError: One network after the other cannot be measured.
        InvalidInputError: The store is a file of another machine.
    """
    from robustnas.evaluator.device import numbered_device, threads

    host = submitter.rpartition(":")[0]
    if job.store.location.path and host != socket.gethostname():
        expected = "expected one on a PostgreSQL server where workers are on several machines"
        raise InvalidInputError(f"the store {job.store.location} is a file of {host}; {expected}")
    with _one_at_a_time, ended_by_signals(), threads(job.n_threads), job.store as store:
        run = store.run(token, submitter, job.lease)
        _Worker(job, run, numbered_device(job.device, number)).work(f"{socket.gethostname()}:{os.getpid()}/{number}")


class _Worker:
    def __init__(self, job: FillJob, run: Run, device: str) -> None:
        from robustnas.evaluator.filling.gaps import Gaps

        self.job, self.run = job, run
        self.evaluator = lru_cache(maxsize=1)(lambda seed: job.evaluator(seed, device))  # networks come seed by seed
        self.gaps = Gaps(job.plan, self.evaluator(job.plan.seeds[0]), since=job.since)
        if job.digest != self.gaps.digest:
            own = f", or the space {job.plan.space}," if self.gaps.space.digests else ""
            images = f"the images {job.plan.images} or their corruptions{own} on {socket.gethostname()}"
            raise DataError(f"{images} are not those of {run.submitter}: copy them, or name what both have")
        self.n_failures = 0

    def work(self, name: str) -> None:
        job, at_once = self.job, self._at_once()
        worklist = Worklist(
            job.store, self.run, self.gaps.networks, self._lacking, worker=name, lease=job.lease, wait=job.wait
        )
        for claim in worklist:
            with ExitStack() as held:
                claims = [held.enter_context(claim)]
                most = 1 if claim.n_lost else at_once
                while len(claims) < most and (another := _another(worklist)) is not None:
                    claims.append(held.enter_context(another))
                self._work_at(claims)

    def _at_once(self) -> int:
        job = self.job
        if job.at_once is not None:
            return job.at_once
        try:
            return self.evaluator(job.plan.seeds[0]).networks_at_once(_MOST_AT_ONCE, job.plan.networks)
        except EvaluationError:  # the most costly network does not fit: the others may
            return 1

    def _work_at(self, claims: Sequence[Claim]) -> None:
        """Train some networks at once and measure one after the other; each is released as soon as it is measured."""
        failed = self._train(claims) if len(claims) > 1 else {}
        for number, claim in enumerate(claims):
            with claim, self._failures_of(claim):
                if claim in failed:
                    raise failed[claim]
                self._measure(claim, claims[number + 1 :])

    @contextmanager
    def _failures_of(self, claim: Claim) -> Iterator[None]:
        """Give up on a network that fails: the others may do without it."""
        try:
            yield
        except (ClaimLostError, RunEndedError):
            return  # it is another worker's now; or the worklist ends
        except (DataError, InvalidInputError):
            raise
        except OSError as error:
            raise DataError(f"{error.filename or 'the operating system'}: {error.strerror or error}") from error
        except EvaluationError as error:
            self._give_up(claim, str(error))
        except Exception as error:  # whatever it is
            self._give_up(claim, f"{type(error).__name__}: {error}")

    def _train(self, claims: Sequence[Claim]) -> dict[Claim, RobustNASError]:
        """Train networks at once, seed by seed; return what ended some of the trainings."""
        failed: dict[Claim, RobustNASError] = {}
        for seed in dict.fromkeys(claim.network.seed for claim in claims):
            mine = [claim for claim in claims if claim.network.seed == seed]
            archs = [claim.network.arch for claim in mine]
            try:
                errors = self.evaluator(seed).train(archs, [claim.progress for claim in mine])
            except Exception:  # noqa: S112 - it comes again, and is told, where the network is trained alone
                continue
            failed |= {claim: error for claim, error in zip(mine, errors, strict=True) if error is not None}
        return failed

    def _measure(self, claim: Claim, waiting: Sequence[Claim]) -> None:
        """Measure what a network lacks; the claims of those that wait for it are kept."""
        from robustnas.evaluator.measurer import measure_missing

        def keep(*_: object) -> None:
            for other in waiting:
                with suppress(ClaimLostError, RunEndedError):  # told when its turn comes
                    other.progress("waiting for its turn", 0.0)

        network, job = claim.network, self.job
        evaluator = self.evaluator(network.seed)
        changed = DataError(f"the images {job.plan.images} have changed meanwhile; run the same command again")
        if evaluator.network_key(network.arch) != network:
            raise changed
        n_new = measure_missing(
            evaluator, job.store, claim, network.arch, self.gaps.metrics, progress=keep, since=job.since
        )
        if not n_new and self._lacking([network]):
            raise changed
        self.n_failures = 0

    def _lacking(self, networks: Sequence[NetworkKey]) -> list[NetworkKey]:
        return list(self.gaps.n_missing(self.job.store, networks))

    def _give_up(self, claim: Claim, reason: str) -> None:
        self.run.give_up(claim.network, reason)
        self.n_failures += 1
        if self.n_failures >= _MOST_FAILURES:
            raise EvaluationError(
                f"{self.n_failures} networks in a row could not be measured, the last because {reason}; {KEPT}"
            )


def _another(worklist: Worklist) -> Claim | None:
    try:
        return worklist.another()
    except RunEndedError:
        return None  # told by the next report


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Have a worker process of our own release its claim on SIGTERM, and leave Ctrl-C to its parent.

    It does not return to the pool that it belongs to: that is broken, or without a parent, or told to end it.
    """
    is_main = threading.current_thread() is threading.main_thread()
    if multiprocessing.parent_process() is None or not is_main:
        yield
        return

    def end(_: int, __: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a second one would end the release of the claim
        raise SystemExit

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    former = signal.signal(signal.SIGTERM, end)
    try:
        yield
    except SystemExit:
        os._exit(1)
    finally:
        signal.signal(signal.SIGTERM, former)
