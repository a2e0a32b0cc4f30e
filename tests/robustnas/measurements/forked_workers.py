"""Starts workers that fill a store: one per line of standard input, ``<seed>``; answers with its process id.

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
from pathlib import Path

import numpy as np

from robustnas.measurements import Claim, ClaimLostError, MeasurementKey, MeasurementStore, NetworkKey
from tests.robustnas.measurements.made_up import made_up_keys, made_up_measurement, made_up_networks

LEASE = 2.0


class Worker:
    def __init__(self, where: str, logs: Path, keys: list[MeasurementKey], seed: int) -> None:
        self.where = where
        self.keys = keys
        self.rng = np.random.default_rng(seed)
        self.log = os.open(logs / f"{seed}.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self.seed = seed

    def write(self, event: str, began: float, **more: object) -> None:
        line = {"event": event, "worker": self.seed, "began": began, "ended": time.time(), **more}
        os.write(self.log, json.dumps(line).encode() + b"\n")

    def run(self) -> None:
        try:
            with MeasurementStore.open(self.where) as store:
                while pending := self.pending(store):
                    self.fill_some(store, pending)
            self.write("finished", time.time())
        except BaseException:
            self.write("failed", time.time(), error=traceback.format_exc())

    def pending(self, store: MeasurementStore) -> list[NetworkKey]:
        missing = list({key.network: None for key in store.missing(self.keys)})
        if self.seed % 2:  # half of the workers race for the same network, half go their own ways
            self.rng.shuffle(missing)  # type: ignore[arg-type]
        return missing

    def fill_some(self, store: MeasurementStore, pending: list[NetworkKey]) -> None:
        for _ in range(10):
            began = time.time()
            heartbeat = bool(self.rng.integers(2))
            claim = store.claim_first(pending, worker=str(self.seed), lease=LEASE, heartbeat=heartbeat)
            if claim is None:
                time.sleep(0.1)
                return
            self.write("claim", began, network=claim.network.arch)
            with claim:
                self.measure(store, claim)
                self.write("releasing", time.time(), network=claim.network.arch)
            pending.remove(claim.network)

    def measure(self, store: MeasurementStore, claim: Claim) -> None:
        for key in store.missing(made_up_keys(claim.network)):
            time.sleep(self.rng.uniform(0.0, 0.12))
            began = time.time()
            self.write("measured", began, network=key.network.arch, metric=key.metric)
            try:
                n_new = claim.record(made_up_measurement(key))
            except ClaimLostError:
                self.write("lost", began, network=key.network.arch)
                return
            self.write("recorded", began, network=key.network.arch, metric=key.metric, n_new=n_new)


def main() -> None:
    where, logs = sys.argv[1], Path(sys.argv[2])
    keys = [key for network in made_up_networks(int(sys.argv[3])) for key in made_up_keys(network)]
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the system reaps them
    for line in sys.stdin:
        child = os.fork()
        if not child:
            Worker(where, logs, keys, int(line)).run()
            os._exit(0)
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
