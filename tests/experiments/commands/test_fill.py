"""``robustnas fill`` with real but tiny measuring: alone, resumed, killed, and two at once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from experiments.cli import main
from robustnas.evaluator.filling.progress import FillProgress
from robustnas.measurements import DEFAULT_LEASE, MeasurementKey, MeasurementStore
from tests.robustnas.measurements.made_up import made_up_measurement

pytestmark = pytest.mark.timeout(60)  # slow where processors are shared

Run = Callable[..., Result]

PLAN = """
images = "digits"
cells = {cells}
metrics = ["clean", "fgsm@8", "pgd@8", "pgd@16"]
protocol = "nested"
n_images = 64
channels = 4
[training]
recipe = "digits"
epochs = {epochs}
[attacks]
pgd_steps = 4
"""


def write_plan(folder: Path, cells: int = 3, epochs: int = 1, extra: str = "") -> Path:
    path = folder / "gaps.toml"
    path.write_text(extra + PLAN.format(cells=cells, epochs=epochs))
    return path


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store.sqlite"


@pytest.fixture
def run(own_cache: Path, store: Path) -> Run:
    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(main, ["fill", "--store", str(store), *arguments], prog_name="robustnas")

    return invoke


def environment(cache: Path) -> dict[str, str]:
    return os.environ | {"ROBUSTNAS_CACHE": str(cache), "OMP_NUM_THREADS": "1"}


def command(plan: Path, store: Path, *arguments: str) -> list[str]:
    base = [sys.executable, "-m", "experiments", "fill", str(plan), "--store", str(store), "--device", "cpu"]
    return [*base, "--lease", "20", *arguments]  # longer than a step on a busy machine


def counts(store: Path) -> Counter[tuple[str, str]]:
    with MeasurementStore.open(store) as opened:
        assert not [claim for claim in opened.active_claims() if claim.seconds_left > 0]
        return Counter((value.key.network.arch, value.key.metric) for value in opened.measurements())


def children(pid: int) -> list[int]:
    """Return the processes that a process started and that still run."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid and fields[0] != "Z":
            found.append(int(path.parent.name))
    return found


def answer(result: Result) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_a_recipe_replaces_that_of_the_plan(run: Run, tmp_path: Path) -> None:
    plan = str(write_plan(tmp_path))
    wrong = run(plan, "--train-eps", "8/255")
    assert (wrong.exit_code, "train_eps is 8.0 with a recipe that trains on images as they" in wrong.stderr) == (
        2,
        True,
    )
    unknown = run(plan, "--recipe", "tradse")
    assert (unknown.exit_code, "did you mean 'trades'" in unknown.stderr) == (2, True)


def test_an_example_is_printed(run: Run) -> None:
    assert 'images = "digits"' in run("--example").stdout


@pytest.mark.timeout(60)
def test_a_dry_run_measures_nothing(run: Run, tmp_path: Path, store: Path) -> None:
    facts = answer(run(str(write_plan(tmp_path)), "--dry-run", "--json"))
    assert (facts["n_networks"], facts["n_missing"], facts["n_networks_lacking"]) == (3, 12, 3)
    assert facts["seconds_at_most"] > 0
    assert {row["metric"]: row["missing"] for row in facts["metrics"]} == dict.fromkeys(
        ("clean", "fgsm@8", "pgd@8", "pgd@16"), 3
    )
    assert not counts(store)
    assert "12 numbers of 3 networks are missing" in run(str(write_plan(tmp_path)), "--dry-run").stdout


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_everything_is_measured_once(run: Run, tmp_path: Path, store: Path) -> None:
    plan = write_plan(tmp_path)
    log = ("--log", f"tensorboard:{tmp_path / 'logs'}") if find_spec("tensorboard") else ()
    first = answer(run(str(plan), "--workers", "2", *log, "--json"))
    assert (first["n_measured"], first["n_missing"], first["failed"]) == (12, 0, [])
    there = counts(store)
    assert len(there) == 12
    assert set(there.values()) == {1}
    assert len(list((tmp_path / "logs").rglob("events.*"))) == (3 if log else 0)  # one per training
    again = run(str(plan))
    assert again.exit_code == 0
    assert "nothing is missing" in again.stdout
    more = answer(run(str(write_plan(tmp_path, cells=4)), "--workers", "1", "--json"))
    assert more["n_measured"] == 4  # a larger sample includes the smaller
    assert "noise" not in more
    seeds = answer(run(str(write_plan(tmp_path, cells=1)), "--workers", "1", "--seeds", "3", "--json"))
    assert (seeds["n_measured"], set(seeds["noise"])) == (8, {"clean", "fgsm@8", "pgd@8", "pgd@16"})
    with MeasurementStore.open(store) as opened:
        found = [value for value in opened.measurements(metric="pgd@8") if value.key.network.seed]
        arch = found[0].key.network.arch
        three = [one.accuracy for one in opened.measurements(metric="pgd@8") if one.key.network.arch == arch]
    assert seeds["noise"]["pgd@8"] == {"std": pytest.approx(np.std(three, ddof=1)), "degrees_of_freedom": 2}
    told = run(str(write_plan(tmp_path, cells=1)), "--seeds", "3").stdout
    assert f"pgd@8 {100 * seeds['noise']['pgd@8']['std']:.2f}" in told


@pytest.mark.timeout(60)
def test_what_the_table_holds_is_not_measured(run: Run, tmp_path: Path, published: Path) -> None:
    plan = write_plan(tmp_path, extra='dataset = "cifar10"\n')
    facts = answer(run(str(plan), "--data", str(published), "--dry-run", "--json"))
    rows = {row["metric"]: (row["table"], row["missing"]) for row in facts["metrics"]}
    assert rows["clean"] == rows["pgd@8"] == (3, 0)
    assert rows["fgsm@8"] == rows["pgd@16"] == (0, 3)


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_two_runs_share_one_store(tmp_path: Path, own_cache: Path, store: Path) -> None:
    plan = write_plan(tmp_path, cells=6, epochs=3)
    both = [
        subprocess.Popen(
            command(plan, store, "--workers", "1", "--json"), env=environment(own_cache), stdout=subprocess.PIPE
        )
        for _ in range(2)
    ]
    results = [json.loads(process.communicate(timeout=200)[0]) for process in both]
    assert [process.returncode for process in both] == [0, 0]
    there = counts(store)
    assert len(there) == 24
    assert set(there.values()) == {1}
    assert sum(result.get("n_measured", 0) for result in results) == 24


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("signal_number", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_run_goes_on(signal_number: int, run: Run, tmp_path: Path, own_cache: Path, store: Path) -> None:
    plan = write_plan(tmp_path, cells=2, epochs=4)
    process = subprocess.Popen(
        command(plan, store, "--workers", "2"), env=environment(own_cache), stderr=subprocess.PIPE
    )
    with MeasurementStore.open(store) as opened:
        deadline = time.monotonic() + 120
        while len(opened) < 2 and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
    workers = children(process.pid)
    assert len(workers) >= 2
    os.kill(process.pid, signal_number)
    _, told = process.communicate(timeout=60)
    until = time.monotonic() + 15
    while any(Path(f"/proc/{worker}").exists() for worker in workers):
        assert time.monotonic() < until, "a worker outlives the command"
        time.sleep(0.1)
    with MeasurementStore.open(store) as opened:
        assert not opened.active_claims()  # the workers released them
    if signal_number != signal.SIGKILL:
        assert process.returncode == 1
        assert b"run the same command again to resume" in told
    assert run(str(plan), "--workers", "1", "--device", "cpu").exit_code == 0
    there = counts(store)
    assert len(there) == 8
    assert set(there.values()) == {1}


def test_watching(run: Run, tmp_path: Path, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("experiments.commands.fill_display.LINE_SECONDS", 0.0)
    plan = str(write_plan(tmp_path, cells=1))
    looked = FillProgress.look

    def look(self: FillProgress, *, now: bool = False) -> bool:
        """Have somebody else measure two numbers before every look."""
        (network,) = self.gaps.networks
        keys = [MeasurementKey(network, *parts) for parts in sorted(self.gaps._column)]
        with self.store.claim(network, worker="ada") as claim:
            claim.record([made_up_measurement(key) for key in self.store.missing(keys)[:2]])
            return looked(self, now=True)

    monkeypatch.setattr(FillProgress, "look", look)
    monkeypatch.setattr("experiments.commands.fill._TICK", 0.0)
    result = run(plan, "--watch", "--json")
    assert result.exit_code == 0, result.output
    assert answer(result)["n_by_others"] == 4
    assert answer(result)["n_missing"] == answer(result)["n_measured"] == 0
    assert "4 numbers of 1 network are missing" in result.stderr
    assert "2 of 4 numbers" in result.stderr
    assert "starting 0 %" in result.stderr
    assert "name one of them" in run(plan, "--watch", "--dry-run").stderr


def test_watching_is_interrupted(run: Run, tmp_path: Path, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def look(self: FillProgress, *, now: bool = False) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr(FillProgress, "look", look)
    result = run(str(write_plan(tmp_path)), "--watch")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "stopped watching; workers go on" in result.stderr


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        (None, 2, "cannot read the plan"),
        ('images = "digits"\nmetrics = ["clean"]\ncell = 3', 2, "did you mean 'cells'"),
        ('images = "digts"\nmetrics = ["clean"]\ncells = 1', 1, "did you mean 'digits'"),
        ('images = "/nowhere"\nmetrics = ["clean"]\ncells = 1', 1, "/nowhere"),
        ('images = "digits"\nmetrics = ["clean"]\ncells = 1\ndataset = "cifar10"', 1, "no robustness database"),
    ],
)
def test_bad_plans(run: Run, tmp_path: Path, text: str | None, code: int, message: str) -> None:
    path = tmp_path / "bad.toml"
    if text is not None:
        path.write_text(text)
    result = run(str(path))
    assert result.exit_code == code, result.output
    assert message in result.stderr


def test_the_default_lease_is_that_of_stores(run: Run) -> None:
    assert f"[default: {DEFAULT_LEASE:g}]" in " ".join(run("--help").output.split())


def test_other_bad_input(run: Run, tmp_path: Path) -> None:
    assert "--example" in run().stderr
    plan = str(write_plan(tmp_path))
    assert "workers is 0" in run(plan, "--workers", "0").stderr
    assert "device 'tpu' is not there" in run(plan, "--device", "tpu").stderr
