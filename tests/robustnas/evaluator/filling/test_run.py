"""Runs of made-up numbers on real executors: all is measured once, whichever workers die, hang or fail."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from robustnas.errors import DataError, EvaluationError
from robustnas.evaluator.filling.progress import FillProgress
from robustnas.evaluator.filling.run import FillRun
from robustnas.executors import ExecutorSpec
from robustnas.measurements import MeasurementStore
from tests.robustnas.evaluator.filling.made_up_fill import LEASE, MadeUpGaps, MadeUpJob, work
from tests.robustnas.measurements.made_up import METRICS, made_up_keys, made_up_measurement, made_up_networks

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]  # slow where processors are shared

NETWORKS = tuple(made_up_networks(6))
GAPS = MadeUpGaps(NETWORKS)
N = len(NETWORKS) * len(METRICS)


@pytest.fixture
def store(tmp_path: Path) -> MeasurementStore:
    return MeasurementStore.open(tmp_path / "store.sqlite")


@pytest.fixture
def job(store: MeasurementStore, tmp_path: Path) -> MadeUpJob:
    folder = tmp_path / "happened"
    folder.mkdir()
    return MadeUpJob(store, GAPS, folder)


def start(job: MadeUpJob, executor: str = "processes", n: int = 2) -> FillRun:
    progress = FillProgress(GAPS, job.store, GAPS.n_missing(job.store, NETWORKS))
    return FillRun(job.store, partial(work, job), ExecutorSpec(executor, workers=n), progress, lease=LEASE)


def finish(run: FillRun) -> FillRun:
    for _ in run:
        pass
    return run


def happened(job: MadeUpJob) -> Counter[str]:
    return Counter(path.name.split()[-1] if " " in path.name else path.name for path in job.folder.iterdir())


def check_complete(store: MeasurementStore, *, but: int = 0) -> None:
    assert len(store) == N - but
    assert store.active_claims() == []


@pytest.mark.parametrize("executor", ["serial", "threads", "processes"])
def test_everything_is_measured_once(executor: str, job: MadeUpJob) -> None:
    run = finish(start(job, executor))
    assert (run.n_measured, run.progress.n_left, run.progress.failed) == (N, 0, {})
    check_complete(job.store)
    assert not list(start(job, executor))  # nothing is missing: nothing is started


def test_a_serial_run_outlasts_its_lease(job: MadeUpJob) -> None:
    assert finish(start(replace(job, seconds=0.1), "serial")).n_measured == N  # 2.4 s in one call of submit


def test_a_worker_that_dies_is_replaced(job: MadeUpJob) -> None:
    run = finish(start(replace(job, accidents={NETWORKS[1]: ("die",)})))
    assert happened(job)["die"] == 1
    assert (run.n_measured, run.progress.failed) == (N, {})  # what it recorded before counts
    check_complete(job.store)


def test_a_network_at_which_two_die_is_given_up(job: MadeUpJob) -> None:
    run = finish(start(replace(job, accidents={NETWORKS[1]: ("die",) * 9})))
    assert happened(job)["die"] == 2
    assert run.progress.failed == {NETWORKS[1]: f"2 workers in a row died at it, or made no progress for {LEASE:g} s"}
    assert (run.n_measured, run.progress.n_left) == (N - 1, 1)
    check_complete(job.store, but=1)
    again = finish(start(job))  # another run has another try
    assert (again.n_measured, again.progress.failed) == (1, {})


def test_workers_that_always_die_are_not_started_for_ever(job: MadeUpJob) -> None:
    job = replace(job, accidents=dict.fromkeys(NETWORKS, ("die",) * 9))
    with pytest.raises(
        EvaluationError,
        match=r"workers died in a row, the last with BrokenProcessPool: .*--workers",
    ):
        finish(start(job, n=1))
    networks = {path.name.split()[0] for path in job.folder.iterdir()}
    assert len(job.store) == 4 * len(networks)  # as long as numbers were recorded, they were replaced
    assert happened(job)["die"] >= 3


def test_a_worker_that_hangs_loses_its_network(job: MadeUpJob) -> None:
    began = time.monotonic()
    run = finish(start(replace(job, accidents={NETWORKS[1]: ("hang",)})))
    assert happened(job)["hang"] == 1
    assert (run.n_measured, run.progress.failed) == (N, {})
    check_complete(job.store)
    assert time.monotonic() - began > LEASE


def test_one_that_goes_on_after_that_notices(job: MadeUpJob) -> None:
    run, is_awake = start(replace(job, accidents={NETWORKS[1]: ("hang",)})), False
    for _ in run:
        if not is_awake and not GAPS.n_missing(job.store, NETWORKS[1:2]):
            (hung,) = job.folder.iterdir()
            os.kill(int(hung.read_text()), signal.SIGCONT)
            is_awake = True
    assert is_awake
    assert [path.name for path in job.folder.iterdir() if path.name.startswith("lost")] == [f"lost {hung.read_text()}"]
    assert (run.n_measured, run.progress.failed) == (N, {})
    check_complete(job.store)


def test_a_worker_of_dask_that_dies_is_replaced(job: MadeUpJob) -> None:
    pytest.importorskip("distributed", reason='distributed is not installed: pip install "robustnas[dask]"')
    run = finish(start(replace(job, accidents={NETWORKS[1]: ("die",)}), "dask"))
    assert happened(job)["die"] == 1
    assert (run.n_measured, run.progress.failed) == (N, {})
    check_complete(job.store)


def test_networks_that_fail_are_skipped(job: MadeUpJob) -> None:
    run = finish(start(replace(job, accidents=dict.fromkeys(NETWORKS[:2], ("fail",) * 9))))
    assert run.progress.failed == dict.fromkeys(NETWORKS[:2], "its loss is NaN")
    assert happened(job)["fail"] == 2  # each was tried once, by one of the workers
    check_complete(job.store, but=2)


@pytest.mark.parametrize("executor", ["serial", "threads", "processes"])
def test_an_error_of_the_store_ends_it(executor: str, job: MadeUpJob) -> None:
    with pytest.raises(DataError, match="the disk is full"):
        finish(start(replace(job, accidents={NETWORKS[1]: ("no disk",)}), executor))
    left = job.store.active_claims()  # another process may be ended in the middle of taking one: its lease frees that
    assert len(left) <= (executor == "processes")
    finish(start(job, executor))
    check_complete(job.store)


@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_leaving_early_stops_the_workers(executor: str, job: MadeUpJob) -> None:
    run = start(replace(job, seconds=0.2), executor)
    for _ in run:
        if len(job.store) > 3:
            break
    began = time.monotonic()
    while job.store.active_claims():
        assert time.monotonic() - began < 5
        time.sleep(0.05)
    n = len(job.store)
    assert n < N
    time.sleep(0.5)
    assert len(job.store) == n
    finish(start(job, executor))
    check_complete(job.store)


def test_two_runs_share_one_store(job: MadeUpJob) -> None:
    runs = [start(replace(job, seconds=0.05)) for _ in range(2)]
    beside = threading.Thread(target=finish, args=(runs[0],))
    beside.start()
    finish(runs[1])
    beside.join()
    assert sum(run.n_measured for run in runs) == N
    assert [run.progress.n_done for run in runs] == [N, N]
    check_complete(job.store)


def test_what_others_hold_may_be_left_to_them(job: MadeUpJob) -> None:
    with job.store.claim(NETWORKS[2]):
        run = finish(start(replace(job, wait=False)))
    assert (run.n_measured, run.progress.left) == (N - 5, {NETWORKS[2]: 5})
    assert run.progress.is_left_to_others


def test_a_submitter_that_was_asleep_goes_on(job: MadeUpJob) -> None:
    run = start(replace(job, seconds=LEASE / 3))  # two workers would need five leases for all
    steps = iter(run)
    for _ in steps:
        if len(job.store) > 2:
            break
    time.sleep(2 * LEASE)  # its workers stop
    assert len(job.store) < N
    for _ in steps:
        pass
    assert run.n_measured == N


def test_progress_is_seen_from_elsewhere(job: MadeUpJob) -> None:
    watching = FillProgress(GAPS, job.store, GAPS.n_missing(job.store, NETWORKS))
    assert watching.seconds_left is None
    run = start(replace(job, seconds=0.1))
    seen = []
    for _ in run:
        watching.look(now=True)
        seen.append((watching.n_done, len(watching.busy), watching.is_over))
    watching.look(now=True)
    assert (watching.n_done, watching.is_over, watching.seconds_left) == (N, True, 0.0)
    assert max(busy for _, busy, _ in seen) == 2
    assert {done for done, _, _ in seen} > {0}
    assert sorted(seen) == seen


def test_the_time_that_is_left(store: MeasurementStore, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr("robustnas.evaluator.filling.progress.time.monotonic", lambda: clock[0])
    missing = {network: len(METRICS) for network in NETWORKS}
    predicted = dict.fromkeys(NETWORKS, 10.0) | {NETWORKS[0]: 50.0}
    progress = FillProgress(GAPS, store, missing, predicted)
    assert progress.seconds_left == 100.0
    with store.claim(NETWORKS[0]) as first, store.claim(NETWORKS[1]):
        progress.look(now=True)
        assert progress.seconds_left == 50.0  # two share the work
        first.record([made_up_measurement(key) for key in made_up_keys(NETWORKS[0])])
    clock[0] += 200.0
    progress.look(now=True)
    assert progress.seconds_left == 200.0  # half of the work took 200 s
