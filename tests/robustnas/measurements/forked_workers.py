"""Starts workers that fill a store: one per line of standard input, ``<seed> <run>``; answers with its process id.

Forks, so that a worker that is killed after a moment had that moment for its work. Arguments: the store, the folder of
logs, the number of networks. Every worker appends what it does to a log of its own, a line each, as soon as it is done.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from robustnas.measurements import Claim, ClaimLostError, MeasurementStore, NetworkKey, Run, RunEndedError, Worklist
from tests.robustnas.measurements.made_up import made_up_keys, made_up_measurement, made_up_networks

LEASE = 2.0


class Worker:
    """A worker that makes up numbers.

    Attributes:
        where: The store.
        logs: The folder of logs.
        networks: The networks to measure.
        seed: Its own.
        run: The token of its run.
    """

    def __init__(self, where: str, logs: Path, networks: list[NetworkKey], seed: int, run: str) -> None:
        self.where, self.networks, self.seed, self.token = where, networks, seed, run
        self.rng = np.random.default_rng(seed)
        self.log = os.open(logs / f"{seed}.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def write(self, event: str, began: float, **more: object) -> None:
        line = {"event": event, "worker": self.seed, "began": began, "ended": time.time(), **more}
        os.write(self.log, json.dumps(line).encode() + b"\n")

    def fill(self) -> None:
        try:
            with MeasurementStore.open(self.where) as store:
                began = time.time()
                for claim in self.worklist(store, store.run(self.token, "the test", lease=60)):
                    self.write("claim", began, network=claim.network.arch)
                    with claim:
                        self.measure(store, claim)
                        self.write("releasing", time.time(), network=claim.network.arch)
                    began = time.time()
            self.write("finished", time.time())
        except BaseException:
            self.write("failed", time.time(), error=traceback.format_exc())

    def worklist(self, store: MeasurementStore, run: Run) -> Worklist:
        def lacking(networks: Sequence[NetworkKey]) -> list[NetworkKey]:
            keys = (key for network in networks for key in made_up_keys(network))
            return list({key.network: None for key in store.missing(keys)})

        worker = str(self.seed) if self.seed % 2 else "all at once"  # half of the workers race for the same network
        return Worklist(store, run, self.networks, lacking, worker=worker, lease=LEASE)

    def measure(self, store: MeasurementStore, claim: Claim) -> None:
        for key in store.missing(made_up_keys(claim.network)):
            time.sleep(self.rng.uniform(0.0, 0.12))
            began = time.time()
            self.write("measured", began, network=key.network.arch, metric=key.metric)
            try:
                claim.progress("making it up", self.rng.random())
                n_new = claim.record(made_up_measurement(key))
            except (ClaimLostError, RunEndedError):
                self.write("lost", began, network=key.network.arch)
                return
            self.write("recorded", began, network=key.network.arch, metric=key.metric, n_new=n_new)


def fill(where: str, logs: str, n_networks: int, seed: int, run: str) -> None:
    """Be a worker, in any process."""
    Worker(where, Path(logs), made_up_networks(n_networks), seed, run).fill()


def main() -> None:
    where, logs, networks = sys.argv[1], Path(sys.argv[2]), made_up_networks(int(sys.argv[3]))
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the system reaps them
    for line in sys.stdin:
        child = os.fork()
        if not child:
            seed, run = line.split()
            Worker(where, logs, networks, int(seed), run).fill()
            os._exit(0)
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
