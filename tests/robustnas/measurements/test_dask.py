"""The proof on the processes of a Dask cluster: they are killed at random, and Dask starts others in their place."""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from robustnas.executors import Engine, ExecutorSpec, open_engine
from robustnas.measurements import MeasurementStore
from tests.robustnas.measurements.forked_workers import fill
from tests.robustnas.measurements.killed_workers import SECONDS, check

distributed = pytest.importorskip("distributed", reason='distributed is not installed: pip install "robustnas[dask]"')

N_WORKERS = 4
N_NETWORKS = int(4 * SECONDS)


@contextmanager
def cluster() -> Iterator[Engine]:
    with open_engine(ExecutorSpec("dask", workers=N_WORKERS, options={"silence_logs": logging.CRITICAL})) as engine:
        yield engine


def filling(executor: Executor, where: str, logs: Path, run: str, seeds: Iterator[int]) -> Future[Any]:
    return executor.submit(fill, where, str(logs), N_NETWORKS, next(seeds), run)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.filterwarnings("ignore")  # Dask's own, about workers that are gone
def test_killed_workers_of_a_cluster_lose_and_double_nothing(where: str, tmp_path: Path) -> None:
    rng, seeds, logs, n_kills = np.random.default_rng(3), iter(range(10**6)), tmp_path / "logs", 0
    logs.mkdir()
    with MeasurementStore.open(where) as store, cluster() as engine:
        run = store.start_run(lease=280)
        client = distributed.default_client()
        running = {filling(engine.executor, where, logs, run.token, seeds) for _ in range(N_WORKERS)}
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            time.sleep(rng.exponential(1.0))
            victims = list(client.run(os.getpid, on_error="ignore").values())
            if victims:
                os.kill(victims[int(rng.integers(len(victims)))], signal.SIGKILL)
                n_kills += 1
            running = {future for future in running if not future.done()}
            while len(running) < N_WORKERS:
                running.add(filling(engine.executor, where, logs, run.token, seeds))
        n_under_fire = len(store)
        again = store.start_run(lease=280)  # with another chance for what two were killed at
        run.end()
        for future in [filling(engine.executor, where, logs, again.token, seeds) for _ in range(N_WORKERS)]:
            future.result()
    assert n_kills > SECONDS / 4
    assert n_under_fire
    logging.info("what happened: %s kills, %s", n_kills, check(where, logs, N_NETWORKS))
