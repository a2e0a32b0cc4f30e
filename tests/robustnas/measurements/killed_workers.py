"""The proof: many processes fill one store, are killed at random and started again; nothing may be lost or doubled."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from robustnas.measurements import MeasurementStore
from tests import ROOT
from tests.robustnas.measurements.forked_workers import LEASE
from tests.robustnas.measurements.made_up import METRICS, made_up_keys, made_up_measurement, made_up_networks

SECONDS = 60.0 if os.environ.get("ROBUSTNAS_LONG_TESTS") else 6.0
N_WORKERS = 8
N_NETWORKS = int(15 * SECONDS)  # about what gets done under fire


@dataclass
class WorkerPool:
    """The workers that are alive, by number."""

    forker: subprocess.Popen[str]
    run: str
    seeds: Iterator[int] = field(default_factory=itertools.count)
    alive: dict[int, int] = field(default_factory=dict)

    def start(self, number: int) -> None:
        assert self.forker.stdin
        assert self.forker.stdout
        self.forker.stdin.write(f"{next(self.seeds)} {self.run}\n")
        self.forker.stdin.flush()
        self.alive[number] = int(self.forker.stdout.readline())

    def kill(self, number: int) -> bool:
        """Kill a worker unless it has come to its end; say whether it had to."""
        pid = self.alive.pop(number)
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return False
        return True

    def wait(self) -> None:
        for pid in self.alive.values():
            while Path(f"/proc/{pid}").exists():
                time.sleep(0.02)


@contextmanager
def worker_pool(where: str, logs: Path, run: str) -> Iterator[WorkerPool]:
    logs.mkdir()
    command = [sys.executable, "-m", "tests.robustnas.measurements.forked_workers", where, str(logs), str(N_NETWORKS)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as forker:
        pool = WorkerPool(forker, run)
        try:
            yield pool
        finally:
            for number in list(pool.alive):
                pool.kill(number)


def fill_under_fire(where: str, logs: Path, seed: int) -> dict[str, float]:
    """Fill a store while its workers are killed, then in peace until all is done; return what happened."""
    rng = np.random.default_rng(seed)
    n_kills = 0
    with MeasurementStore.open(where) as store:
        run = store.start_run(lease=180)
        with worker_pool(where, logs, run.token) as pool:
            for number in range(N_WORKERS):
                pool.start(number)
            begin = time.monotonic()
            while time.monotonic() < begin + SECONDS:
                time.sleep(rng.exponential(0.15))
                victim = int(rng.integers(N_WORKERS))
                n_kills += pool.kill(victim)
                pool.start(victim)
            n_at_truce = len(store)
            pool.wait()
            n_given_up = len(run.failed())
            pool.run = store.start_run(lease=180).token  # in peace, with another chance for what two were killed at
            for number in range(N_WORKERS):
                pool.start(number)
            pool.wait()
    seconds = round(time.monotonic() - begin, 1)
    return {"kills": n_kills, "rows_under_fire": n_at_truce, "given_up": n_given_up, "seconds": seconds}


def check(where: str, logs: Path, n_networks: int = N_NETWORKS) -> dict[str, float]:
    """Check all that is promised of a store against the logs of its workers; return counts."""
    events = read_logs(logs)
    assert not [event["error"] for event in events if event["event"] == "failed"]
    recorded = [event for event in events if event["event"] == "recorded"]
    with MeasurementStore.open(where) as store:
        check_rows(store, recorded, n_networks)
        store.release_expired()
        assert store.active_claims() == []
    check_exclusion(events)
    counts: dict[str, float] = defaultdict(int)
    for event in events:
        counts[event["event"]] += 1
    return dict(counts)


def read_logs(logs: Path) -> list[dict[str, Any]]:
    lines = [line for path in logs.iterdir() for line in path.read_text().splitlines()]
    return sorted((json.loads(line) for line in lines), key=lambda event: event["ended"])


def check_rows(store: MeasurementStore, recorded: list[dict[str, Any]], n_networks: int) -> None:
    """Every wanted row is there once and whole, and every record that was acknowledged is among them."""
    wanted = {
        key: made_up_measurement(key) for network in made_up_networks(n_networks) for key in made_up_keys(network)
    }
    rows = store.measurements()
    assert len(rows) == len(wanted) == n_networks * len(METRICS)
    assert {row.key: row for row in rows} == wanted
    acknowledged = [(event["network"], event["metric"]) for event in recorded if event["n_new"]]
    assert len(acknowledged) == len(set(acknowledged))
    assert set(acknowledged) <= {(key.network.arch, key.metric) for key in wanted}
    assert len(acknowledged) > len(wanted) / 2


def check_exclusion(events: list[dict[str, Any]]) -> None:
    """No network was given to a worker while another one's lease must have been running."""
    until: dict[str, tuple[int, float]] = {}
    for event in events:
        if event["event"] in ("claim", "recorded"):
            worker, held = until.get(event["network"], (event["worker"], 0.0))
            assert worker == event["worker"] or event["ended"] >= held - 0.002, (event, worker, held)
            until[event["network"]] = event["worker"], event["began"] + LEASE
        elif event["event"] == "releasing":
            until.pop(event["network"], None)
