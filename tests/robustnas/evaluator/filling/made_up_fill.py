"""A fill of made-up numbers: real claims, no torch; and workers that die, hang and fail where they are told to."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from robustnas.errors import DataError
from robustnas.evaluator.filling.worker import ended_by_signals
from robustnas.measurements import ClaimLostError, MeasurementStore, NetworkKey, RunEndedError, Worklist
from tests.robustnas.measurements.made_up import made_up_keys, made_up_measurement

LEASE = 1.5


@dataclass(frozen=True)
class MadeUpGaps:
    """What is wanted: all made-up numbers of some networks."""

    networks: tuple[NetworkKey, ...]

    def n_missing(self, store: MeasurementStore, networks: Sequence[NetworkKey]) -> Mapping[NetworkKey, int]:
        missing = store.missing(key for network in networks for key in made_up_keys(network))
        return {network: n for network in networks if (n := sum(key.network == network for key in missing))}


@dataclass(frozen=True)
class MadeUpJob:
    """What workers do.

    Attributes:
        store: Where numbers are kept.
        gaps: What is wanted.
        seconds: How long one number takes.
        accidents: What happens at some networks before the last number: "die", "hang", "fail" or "no disk".
        folder: Where accidents are noted; each happens as often as its network is listed.
        wait: As of `robustnas.measurements.Worklist`.
    """

    store: MeasurementStore
    gaps: MadeUpGaps
    folder: Path
    seconds: float = 0.01
    accidents: Mapping[NetworkKey, tuple[str, ...]] = field(default_factory=dict)
    wait: bool = True

    def accident(self, network: NetworkKey) -> None:
        """Have happen what is due."""
        for number, kind in enumerate(self.accidents.get(network, ())):
            try:
                with (self.folder / f"{network.arch.replace('|', '-')} {number} {kind}").open("x") as file:
                    file.write(str(os.getpid()))
            except FileExistsError:
                continue
            if kind == "fail":
                raise ArithmeticError("its loss is NaN")
            if kind == "no disk":
                raise DataError("the disk is full")
            os.kill(os.getpid(), {"die": signal.SIGKILL, "hang": signal.SIGSTOP}[kind])


def work(job: MadeUpJob, token: str, submitter: str, number: int) -> None:
    with ended_by_signals():
        run = job.store.run(token, submitter, LEASE)
        worklist = Worklist(
            job.store,
            run,
            job.gaps.networks,
            lambda networks: list(job.gaps.n_missing(job.store, networks)),
            worker=f"{os.getpid()}/{number}",
            lease=LEASE,
            wait=job.wait,
        )
        for claim in worklist:
            with claim:
                *first, last = [key for key in made_up_keys(claim.network) if job.store.missing([key])]
                try:
                    for key in first:
                        time.sleep(job.seconds)
                        claim.progress("making it up", 0.5)
                        claim.record(made_up_measurement(key))
                    job.accident(claim.network)
                    claim.record(made_up_measurement(last))
                except (ClaimLostError, RunEndedError):
                    (job.folder / f"lost {os.getpid()}").touch()
                except ArithmeticError as error:
                    run.give_up(claim.network, str(error))
