from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import optuna
import pytest

from experiments.comparison.plan import Plan, run_specs
from experiments.comparison.run import record
from experiments.comparison.runner import compare
from experiments.comparison.spec import RunSpec
from robustnas.errors import DataError, InvalidInputError, ObjectiveError, SearchError
from robustnas.tables.database.database import Database
from searchers.optuna_study import open_storage

pytestmark = pytest.mark.timeout(180)  # slow where processors are shared

PLAN = """
objectives = ["clean", "pgd@1", "clean, params"]
budget = 20
seeds = 3
[[searchers]]
name = "random"
[[searchers]]
name = "optuna-nsga2"
population_size = 5
"""
N_RUNS = 18


def run_all(text: str, out: Path, data: Path, jobs: int = 1) -> list[int]:
    return [done for done, _ in compare(Plan.parse(text), out, data=data, jobs=jobs)]


def lines(out: Path) -> list[dict]:
    return [json.loads(line) for line in (out / "runs.jsonl").read_text().splitlines()]


def essence(runs: list[dict]) -> dict[tuple, dict]:
    """What a plan fixes: everything but seconds."""
    return {
        (run["objective"], run["searcher"], run["seed"]): {k: v for k, v in run.items() if k != "seconds"}
        for run in runs
    }


def test_every_run_is_done_once_and_recorded(published: Path, warm_cache: Path, tmp_path: Path) -> None:
    assert run_all(PLAN, tmp_path / "out", published) == list(range(N_RUNS + 1))
    runs = essence(lines(tmp_path / "out"))
    assert len(runs) == N_RUNS
    table = Database.open(published)["cifar10"]
    for (objective, _, _), run in runs.items():
        assert run["n_queries"] == len(run["queries"]["index"]) == 20
        if objective == "clean":
            assert run["queries"]["score"] == table.values(run["queries"]["index"], "clean").tolist()
            assert run["best"]["score"] == max(run["queries"]["score"]) == run["queries"]["best"][-1]
            assert run["cross"]["pgd@1"] == table.value(run["best"]["arch"], "pgd@1")
        if objective == "clean, params":
            assert run["queries"]["best"] == sorted(run["queries"]["best"])
            assert 0 < run["queries"]["best"][-1] <= 1
            assert {tuple(member["scores"]) for member in run["front"]} <= {tuple(s) for s in run["queries"]["score"]}


def test_processes_give_the_same_runs(published: Path, warm_cache: Path, tmp_path: Path) -> None:
    run_all(PLAN, tmp_path / "one", published, jobs=1)
    run_all(PLAN, tmp_path / "two", published, jobs=2)
    assert essence(lines(tmp_path / "one")) == essence(lines(tmp_path / "two"))


def test_finished_runs_are_not_done_again(published: Path, warm_cache: Path, tmp_path: Path) -> None:
    run_all(PLAN, tmp_path, published)
    before = (tmp_path / "runs.jsonl").read_bytes()
    assert run_all(PLAN, tmp_path, published) == [N_RUNS]
    assert (tmp_path / "runs.jsonl").read_bytes() == before
    kept = before.splitlines(keepends=True)[:7]
    (tmp_path / "runs.jsonl").write_bytes(b"".join(kept) + b'{"torn')
    assert run_all(PLAN, tmp_path, published)[0] == 7
    assert len(lines(tmp_path)) == len(essence(lines(tmp_path))) == N_RUNS


def test_a_plan_may_grow(published: Path, warm_cache: Path, tmp_path: Path) -> None:
    run_all(PLAN, tmp_path, published)
    assert run_all(PLAN.replace("seeds = 3", "seeds = 4"), tmp_path, published)[0] == N_RUNS
    assert len(essence(lines(tmp_path))) == 24


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("seeds = 3", "seeds = 2", "seed 2"),
        ("budget = 20", "budget = 21", "budget 20 instead of 21"),
        ("population_size = 5", "population_size = 6", "parameters"),
        ('"clean", ', "", "objective 'clean'"),
    ],
)
def test_records_of_another_plan_are_not_mixed_in(
    published: Path, own_cache: Path, tmp_path: Path, old: str, new: str, message: str
) -> None:
    run_all(PLAN, tmp_path, published)
    before = (tmp_path / "runs.jsonl").read_bytes(), (tmp_path / "manifest.json").read_bytes()
    with pytest.raises(DataError, match=message):
        run_all(PLAN.replace(old, new), tmp_path, published)
    assert ((tmp_path / "runs.jsonl").read_bytes(), (tmp_path / "manifest.json").read_bytes()) == before


def test_an_objective_that_the_data_lacks_is_refused_before_any_run(
    published: Path, own_cache: Path, tmp_path: Path
) -> None:
    with pytest.raises(ObjectiveError, match=r"pgd@1\.5"):
        run_all(PLAN.replace("pgd@1", "pgd@1.5"), tmp_path / "out", published)
    assert not (tmp_path / "out").exists()


def test_bad_jobs_are_refused(published: Path, warm_cache: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="jobs is 0"):
        run_all(PLAN, tmp_path, published, jobs=0)


def test_runs_of_all_searchers_come_seed_by_seed() -> None:
    specs = run_specs(Plan.parse(PLAN))
    assert [spec.seed for spec in specs] == [0] * 6 + [1] * 6 + [2] * 6
    assert len({spec.key for spec in specs}) == N_RUNS


def test_a_run_kept_in_an_optuna_storage_starts_afresh(published: Path, warm_cache: Path, tmp_path: Path) -> None:
    storage = f"sqlite:///{tmp_path / 'study.db'}"
    spec = RunSpec("clean", "optuna-tpe", "tpe", {"storage": storage}, 12, 0)
    table = Database.open(published)["cifar10"]
    assert record(spec, table)["queries"] == record(spec, table)["queries"]


KEPT = """
objectives = ["clean", "clean, params"]
budget = 6
seeds = 2
[[searchers]]
name = "optuna-tpe"
label = "tpe"
storage = "journal://STUDIES"
"""


def test_the_studies_of_a_plan_are_those_of_its_experiment(published: Path, warm_cache: Path, tmp_path: Path) -> None:
    text = KEPT.replace("STUDIES", str(tmp_path / "studies.log"))
    run_all(text, tmp_path / "one", published)
    storage = open_storage(f"journal://{tmp_path / 'studies.log'}")
    names = optuna.get_all_study_names(storage)
    first = {name: optuna.load_study(study_name=name, storage=storage).trials for name in names}
    assert len(first) == 4
    run_all(text, tmp_path / "other", published)
    assert len(optuna.get_all_study_names(storage)) == 8
    for name, trials in first.items():
        assert optuna.load_study(study_name=name, storage=storage).trials == trials
    assert list(essence(lines(tmp_path / "one")).values()) == list(essence(lines(tmp_path / "other")).values())
    study = optuna.load_study(study_name=next(name for name in first if "params" in name), storage=storage)
    assert [direction.name for direction in study.directions] == ["MAXIMIZE", "MINIMIZE"]
    assert study.user_attrs["robustnas:dataset"] == "cifar10"


def test_an_interrupted_run_starts_afresh_in_its_own_study(published: Path, warm_cache: Path, tmp_path: Path) -> None:
    text = KEPT.replace("STUDIES", str(tmp_path / "studies.log"))
    run_all(text, tmp_path / "out", published)
    whole = essence(lines(tmp_path / "out"))
    runs = tmp_path / "out" / "runs.jsonl"
    runs.write_text("".join(runs.read_text().splitlines(keepends=True)[:-1]))  # killed before it was recorded
    run_all(text, tmp_path / "out", published)
    assert essence(lines(tmp_path / "out")) == whole
    assert len(optuna.get_all_study_names(open_storage(f"journal://{tmp_path / 'studies.log'}"))) == 4


def test_a_storage_that_cannot_be_opened_is_named_before_any_run(
    published: Path, own_cache: Path, tmp_path: Path
) -> None:
    with pytest.raises(SearchError, match="there is no folder"):
        run_all(KEPT.replace("STUDIES", str(tmp_path / "nosuch" / "studies.log")), tmp_path / "out", published)
    assert not (tmp_path / "out" / "manifest.json").exists()


@pytest.mark.slow
def test_kill_9_again_and_again_loses_and_doubles_nothing(published: Path, warm_cache: Path, tmp_path: Path) -> None:
    text = PLAN.replace("seeds = 3", "seeds = 60").replace("budget = 20", "budget = 40")
    plan, out = tmp_path / "plan.toml", tmp_path / "out"
    plan.write_text(text)
    command = [sys.executable, "-m", "experiments", "compare", str(plan), "--out", str(out), "--data", str(published)]
    for seconds in (1.5, 2.0, 2.5):
        process = subprocess.Popen(
            command,
            start_new_session=True,
            env=os.environ | {"ROBUSTNAS_CACHE": str(warm_cache)},
            stderr=subprocess.PIPE,
        )
        time.sleep(seconds)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    finished = essence(lines(out)) if (out / "runs.jsonl").exists() else {}
    run_all(text, out, published, jobs=2)
    runs = lines(out)
    assert len(runs) == len(essence(runs)) == 360
    assert all(essence(runs)[key] == run for key, run in finished.items())


@pytest.mark.slow
def test_ctrl_c_stops_soon_and_says_how_to_go_on(published: Path, warm_cache: Path, tmp_path: Path) -> None:
    plan, out = tmp_path / "plan.toml", tmp_path / "out"
    plan.write_text(PLAN.replace("seeds = 3", "seeds = 2000"))
    command = [sys.executable, "-m", "experiments", "compare", str(plan), "--out", str(out), "--data", str(published)]
    environment = os.environ | {"ROBUSTNAS_CACHE": str(warm_cache)}
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment, start_new_session=True)
    while not (out / "runs.jsonl").exists():
        assert process.poll() is None
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "run the same command again to resume" in errors
    assert "Traceback" not in errors
    assert len(essence(lines(out))) == len(lines(out)) > 0
