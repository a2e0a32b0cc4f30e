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
from made_up import METRICS, made_up_keys, made_up_measurement, made_up_networks
from nursery import LEASE

from robustnas.measurements import MeasurementStore

SECONDS = 60.0 if os.environ.get("ROBUSTNAS_LONG_TESTS") else 20.0
N_WORKERS = 8
N_NETWORKS = int(15 * SECONDS)  # about what gets done under fire


@dataclass
class Crowd:
    """The workers that are alive, by number."""

    nursery: subprocess.Popen[str]
    seeds: Iterator[int] = field(default_factory=itertools.count)
    alive: dict[int, int] = field(default_factory=dict)

    def start(self, number: int) -> None:
        assert self.nursery.stdin
        assert self.nursery.stdout
        self.nursery.stdin.write(f"{next(self.seeds)}\n")
        self.nursery.stdin.flush()
        self.alive[number] = int(self.nursery.stdout.readline())

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
def crowd_at(where: str, logs: Path) -> Iterator[Crowd]:
    logs.mkdir()
    command = [sys.executable, str(Path(__file__).with_name("nursery.py")), where, str(logs), str(N_NETWORKS)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as nursery:
        crowd = Crowd(nursery)
        try:
            yield crowd
        finally:
            for number in list(crowd.alive):
                crowd.kill(number)


def fill_under_fire(where: str, logs: Path, seed: int) -> dict[str, float]:
    """Fill a store while its workers are killed, then in peace until all is done; return what happened."""
    rng = np.random.default_rng(seed)
    n_kills = 0
    with crowd_at(where, logs) as crowd:
        for number in range(N_WORKERS):
            crowd.start(number)
        begin = time.monotonic()
        while time.monotonic() < begin + SECONDS:
            time.sleep(rng.exponential(0.15))
            victim = int(rng.integers(N_WORKERS))
            n_kills += crowd.kill(victim)
            crowd.start(victim)
        with MeasurementStore.open(where) as store:
            n_at_truce = len(store)
        crowd.wait()
    return {"kills": n_kills, "rows_under_fire": n_at_truce, "seconds": round(time.monotonic() - begin, 1)}


def check(where: str, logs: Path) -> dict[str, float]:
    """Check all that is promised of a store against the logs of its workers; return counts."""
    events = read_logs(logs)
    assert not [event["error"] for event in events if event["event"] == "failed"]
    recorded = [event for event in events if event["event"] == "recorded"]
    with MeasurementStore.open(where) as store:
        check_rows(store, recorded)
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


def check_rows(store: MeasurementStore, recorded: list[dict[str, Any]]) -> None:
    """Every wanted row is there once and whole, and every record that was acknowledged is among them."""
    wanted = {
        key: made_up_measurement(key) for network in made_up_networks(N_NETWORKS) for key in made_up_keys(network)
    }
    rows = store.measurements()
    assert len(rows) == len(wanted) == N_NETWORKS * len(METRICS)
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
