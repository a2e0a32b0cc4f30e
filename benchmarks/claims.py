"""A load test of the store's claims: many processes claim, record and release networks on one server.

    python -m benchmarks.claims                               # 64 processes, a PostgreSQL server started for it
    python -m benchmarks.claims --processes 8 --store sqlite
    python -m benchmarks.claims --store postgresql://USER:PASSWORD@HOST/EMPTY_DATABASE

Every process works through all networks, in the same order or, with --spread, each from a place of its own; it measures
nothing, so that only the store is busy. Printed are whole turns (claim, look what is missing, record one number,
release) per second, and how long each call takes. Checked is that no network was held twice at a time, and that every
number was recorded once.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import platform
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from benchmarks.postgresql_server import running_server
from robustnas import Cell
from robustnas.measurements import Measurement, MeasurementKey, MeasurementStore, NetworkKey
from robustnas.spaces.nasbench201 import space

CALLS = ("claim_first", "known", "record", "release")
_DIGEST = "0" * 64
Result = TypeVar("Result")


@dataclass
class Log:
    """What one process did.

    Attributes:
        seconds: How long each call took, by its name.
        held: Network, from, until, by the machine's clock: when a claim was certainly held.
        n_new: Numbers that it recorded.
        n_late: Networks that it claimed, and another one had finished.
    """

    seconds: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in CALLS})
    held: list[tuple[str, float, float]] = field(default_factory=list)
    n_new: int = 0
    n_late: int = 0

    def timed(self, name: str, call: Callable[[], Result]) -> Result:
        """Return what a call returns, and keep how long it took."""
        start = time.monotonic()
        result = call()
        self.seconds[name].append(time.monotonic() - start)
        return result


@dataclass(frozen=True)
class Load:
    """What was measured.

    Attributes:
        n_processes: Claiming processes.
        n_networks: Networks that were claimed and finished.
        seconds: From the first claim to the last release.
        latencies: Seconds of every call, by its name.
        n_late: Claims of networks that another process had finished meanwhile.
    """

    n_processes: int
    n_networks: int
    seconds: float
    latencies: dict[str, list[float]]
    n_late: int

    @property
    def turns_per_second(self) -> float:
        """Networks claimed, recorded and released per second, by all processes together."""
        return self.n_networks / self.seconds

    def milliseconds(self, name: str) -> tuple[float, float, float]:
        """Return the median, the 99th percentile and the longest of a call."""
        values = 1000 * np.array(self.latencies[name] or [float("nan")])
        return float(np.median(values)), float(np.quantile(values, 0.99)), float(values.max())


def made_up_networks(n: int) -> list[NetworkKey]:
    """Return networks of the space that nobody trained."""
    cells = [Cell.from_index(index) for index in space.network_indices()[:n].tolist()]
    return [NetworkKey(str(cell), "made-up", _DIGEST, "c0ffee00", 0) for cell in cells]


def made_up_measurement(network: NetworkKey, metric: str = "clean") -> Measurement:
    """Return a number of a network that nobody measured, as large as a real one."""
    key = MeasurementKey(network, metric, "paper", "c0ffee01")
    confusion = np.random.default_rng(0).integers(0, 1000, (10, 10))
    confidence = {"prediction": 0.912345, "label": 0.812345}
    return Measurement(key, 0.9, confidence, confusion, 1.5, "cpu", {"torch": "2.13.0"}, datetime.now(UTC))


def work(
    where: str, networks: Sequence[NetworkKey], start: int, barrier: Barrier | None = None, seconds: float = 0.0
) -> Log:
    """Claim, record and release until nothing is missing; the body of a process.

    Args:
        where: The store.
        networks: What is wanted.
        start: The position in that order to begin at.
        barrier: Where all processes wait for each other before the first claim.
        seconds: How long a measurement takes.
    """
    log, pending = Log(), dict.fromkeys([*networks[start:], *networks[:start]])
    with MeasurementStore.open(where) as store:
        if barrier:
            barrier.wait()
        while pending:
            claim = log.timed("claim_first", lambda: store.claim_first(pending, lease=120.0))
            if claim is None:
                time.sleep(0.05)
                _drop_finished(store, pending)
                continue
            began, network = time.monotonic(), claim.network
            if log.timed("known", lambda network=network: store.known(network)):  # type: ignore[misc]
                log.n_late += 1
                _drop_finished(store, pending)
            else:
                time.sleep(seconds)
                value = made_up_measurement(network)
                log.n_new += log.timed("record", lambda claim=claim, value=value: claim.record(value))  # type: ignore[misc]
            log.held.append((network.arch, began, time.monotonic()))
            log.timed("release", claim.release)
            pending.pop(network, None)
    return log


def _drop_finished(store: MeasurementStore, pending: dict[NetworkKey, None]) -> None:
    for key in store.known(pending):
        pending.pop(key.network, None)


def load(where: str, n_processes: int, n_networks: int, *, spread: bool, seconds: float = 0.0) -> Load:
    """Put load on a store, and check what came of it.

    Args:
        where: An empty store.
        n_processes: Claiming processes.
        n_networks: Networks to finish.
        spread: Whether each process begins at a place of its own.
        seconds: How long a measurement takes.

    Raises:
        AssertionError: A network was held twice at a time, or a number recorded twice or never.
    """
    networks = made_up_networks(n_networks)
    with MeasurementStore.open(where) as store:
        assert len(store) == 0, f"{store} is not empty"
    context = multiprocessing.get_context("fork")  # this process has no threads, and imports are done once
    barrier, results = context.Barrier(n_processes), context.SimpleQueue()
    starts = [number * n_networks // n_processes if spread else 0 for number in range(n_processes)]
    processes = [
        context.Process(target=_report, args=(results, where, networks, start, barrier, seconds), daemon=True)
        for start in starts
    ]
    for process in processes:
        process.start()
    logs: list[Log] = [results.get() for _ in processes]
    for process in processes:
        process.join()
    errors = [log for log in logs if isinstance(log, str)]
    assert not errors, errors[0]
    check(where, networks, logs)
    held = [one for log in logs for one in log.held]
    return Load(
        n_processes,
        n_networks,
        max(until for _, _, until in held) - min(began for _, began, _ in held),
        {name: [value for log in logs for value in log.seconds[name]] for name in CALLS},
        sum(log.n_late for log in logs),
    )


def _report(results: Any, *arguments: Any) -> None:
    try:
        results.put(work(*arguments))
    except BaseException as error:
        results.put(f"{type(error).__name__}: {error}")


def check(where: str, networks: Sequence[NetworkKey], logs: Sequence[Log]) -> None:
    """Check that nothing was claimed twice at a time, and everything recorded once."""
    turns = defaultdict(list)
    for log in logs:
        for arch, began, until in log.held:
            turns[arch].append((began, until))
    for arch, spans in turns.items():
        spans.sort()
        for (_, until), (began, _) in pairwise(spans):
            assert until <= began, f"{arch} was held twice at a time"
    assert sum(log.n_new for log in logs) == len(networks)
    with MeasurementStore.open(where) as store:
        assert len(store) == len(networks)
        assert {key.network for key in store.known()} == set(networks)
        assert store.active_claims() == []


def table(found: Load) -> Iterator[str]:
    """Yield the lines that say what was measured."""
    yield (
        f"{found.n_processes} processes, {found.n_networks:,} networks: {found.turns_per_second:,.1f} turns per second "
        f"({found.seconds:.1f} s), {found.n_late:,} claims of networks that were finished meanwhile"
    )
    yield f"  {'call':<12} {'calls':>8} {'median ms':>10} {'99 % ms':>10} {'longest ms':>11}"
    for name in CALLS:
        median, high, longest = found.milliseconds(name)
        yield f"  {name:<12} {len(found.latencies[name]):8,} {median:10.1f} {high:10.1f} {longest:11.1f}"


@contextmanager
def empty_store(kind: str, *settings: str) -> Iterator[str]:
    """Make an empty store, ``sqlite`` or ``postgresql``, for a moment; or use the URL of one."""
    if kind == "sqlite":
        with tempfile.TemporaryDirectory() as folder:
            yield str(Path(folder) / "store.sqlite")
    elif kind == "postgresql":
        with running_server(*settings) as server:
            server.administer("createdb", "store")
            yield server.remote_url("store")
    else:
        yield kind


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--processes", type=int, default=64)
    parser.add_argument("--networks", type=int, default=1000)
    parser.add_argument("--store", default="postgresql", help="postgresql, sqlite, or the URL of an empty store")
    parser.add_argument("--spread", action="store_true", help="every process begins at a place of its own")
    options = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()}, {options.store}")
    with empty_store(options.store) as where:
        for line in table(load(where, options.processes, options.networks, spread=options.spread)):
            print(line)


if __name__ == "__main__":
    main()
