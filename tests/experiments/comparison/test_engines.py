"""One plan on every engine: the summary is the same byte for byte, whatever ran it and whoever died meanwhile."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from experiments.comparison.plan import Plan
from experiments.comparison.records import load
from experiments.comparison.runner import compare
from experiments.comparison.tables import summary_csv
from robustnas.errors import DataError, InvalidInputError
from robustnas.tables import open_table
from robustnas.tables.named import NamedTable

pytestmark = [pytest.mark.timeout(180), pytest.mark.filterwarnings("default")]  # engines' warnings are theirs

PLAN = """
dataset = "cifar10-surrogate"
objectives = ["clean"]
budget = 12
seeds = 4
[[searchers]]
name = "random"
[[searchers]]
name = "searcher.py:Mortal"
label = "mortal"
"""
SEARCHER = """
import os, pathlib, signal
from searchers.evolution import RegularizedEvolution as Evolution

class Mortal(Evolution):
    '''Kills its process once, if the folder has a file that says so.'''
    def ask(self):
        order = pathlib.Path(__file__).with_name("kill")
        try:
            order.unlink()
        except FileNotFoundError:
            return super().ask()
        os.kill(os.getpid(), signal.SIGKILL)
"""
FACTORY = """
def single_node(max_workers=2):
    from executorlib import SingleNodeExecutor
    return SingleNodeExecutor(max_workers=max_workers, hostname_localhost=True, block_allocation=True)

def threads(max_workers=2):
    from concurrent.futures import ThreadPoolExecutor
    return ThreadPoolExecutor(max_workers)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("engines")
    (folder / "searcher.py").write_text(SEARCHER)
    (folder / "cluster.py").write_text(FACTORY)
    (folder / "plan.toml").write_text(PLAN)
    return folder


@pytest.fixture(autouse=True)
def _here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)


@pytest.fixture(scope="module")
def expected(folder: Path) -> Iterator[bytes]:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        run("serial", "serial")
        yield summary("serial")


def run(out: str | Path, executor: Any) -> None:
    list(compare(Plan.parse(PLAN), out, executor=executor, jobs=2))
    Path(out, "summary.csv").write_text(summary_csv(load(out)))


def summary(out: str | Path) -> bytes:
    return Path(out, "summary.csv").read_bytes()


def needs(*packages: str) -> pytest.MarkDecorator:
    missing = [package for package in packages if importlib.util.find_spec(package) is None]
    return pytest.mark.skipif(bool(missing), reason=f"{', '.join(missing)} not installed")


@pytest.mark.parametrize(
    "executor",
    [
        pytest.param("threads"),
        pytest.param("cluster.py:threads"),
        pytest.param({"name": "slurm", "cluster": "debug"}, marks=needs("submitit")),
        pytest.param("cluster.py:single_node", marks=needs("executorlib")),
    ],
    ids=str,
)
def test_the_summary_is_the_same_on_every_engine(executor: Any, tmp_path: Path, expected: bytes) -> None:
    if isinstance(executor, dict):
        executor = {**executor, "folder": str(tmp_path / "jobs")}
    run(tmp_path / "out", executor)
    assert summary(tmp_path / "out") == expected
    assert not list((tmp_path / "out").glob(".workers-*"))


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
@pytest.mark.parametrize(
    "executor",
    [
        pytest.param("processes"),
        pytest.param("dask", marks=needs("distributed")),
        pytest.param({"name": "slurm", "cluster": "local", "tasks_per_job": 4}, marks=needs("submitit")),
        pytest.param("ray", marks=[needs("ray"), pytest.mark.slow]),
    ],
    ids=str,
)
def test_a_worker_that_is_killed_costs_no_run(executor: Any, tmp_path: Path, folder: Path, expected: bytes) -> None:
    if isinstance(executor, dict):
        executor = {**executor, "folder": str(tmp_path / "jobs")}
    order = folder / "kill"
    order.touch()
    run(tmp_path / "out", executor)
    assert not order.exists()  # it was obeyed
    assert summary(tmp_path / "out") == expected


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_a_submitter_that_is_killed_resumes_on_another_engine(tmp_path: Path, expected: bytes) -> None:
    out = tmp_path / "out"
    command = [sys.executable, "-m", "experiments", "compare", "plan.toml", "--out", str(out)]
    with subprocess.Popen([*command, "--jobs", "2"], stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 100
        while not (out / "runs.jsonl").exists() or len((out / "runs.jsonl").read_bytes().splitlines()) < 2:
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
    done = len((out / "runs.jsonl").read_bytes().splitlines())
    run(out, "threads")
    assert summary(out) == expected
    assert 2 <= done <= 8


def test_a_second_submitter_is_refused_in_words(tmp_path: Path) -> None:
    first = compare(Plan.parse(PLAN), tmp_path / "out", executor="serial")
    next(first)
    with pytest.raises(DataError, match=r"another process is writing .*; wait for it, or choose another --out"):
        run(tmp_path / "out", "threads")
    first.close()


def test_a_table_of_ones_own_reaches_workers_by_way_of_the_folder(tmp_path: Path) -> None:
    plan = Plan("cifar10-surrogate", ["clean"], 5, 4, ["random"])
    for executor in ("serial", "processes"):
        out = tmp_path / executor
        list(compare(plan, out, table=open_table("cifar10-surrogate@3"), executor=executor, jobs=2))
    serial, processes = (load(tmp_path / executor) for executor in ("serial", "processes"))
    assert summary_csv(serial) == summary_csv(processes)


def test_a_worker_with_other_data_refuses() -> None:
    named = NamedTable.of(open_table("cifar10-surrogate"), "cifar10-surrogate@3")
    with pytest.raises(DataError, match=r"worker on .* has another cifar10-surrogate@3, with digest \w{16}; expected"):
        named()


def test_a_plan_says_what_runs_it_and_records_do_not() -> None:
    plan = Plan.parse(PLAN + '[executor]\nname = "threads"\nworkers = 2\n')
    assert plan.executor.name == "threads"
    assert plan.executor.workers == 2
    assert plan == Plan.parse(PLAN)
    assert "executor" not in plan.as_dict()
    with pytest.raises(InvalidInputError, match="unknown executor 'thread'; did you mean 'threads'"):
        Plan.parse(PLAN + '[executor]\nname = "thread"\n')
