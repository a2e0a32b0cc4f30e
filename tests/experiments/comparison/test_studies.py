"""Searches as Optuna studies."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import optuna
import pytest

from experiments.comparison.studies import export_studies
from experiments.journal import RUNS
from robustnas.errors import DataError, InvalidInputError, SearchError
from robustnas.spaces import open_space
from searchers.optuna_study import PREFIX, open_storage

pytestmark = pytest.mark.timeout(60)  # slow where processors are shared

PLAN = """
dataset = "cifar10-surrogate"
objectives = ["clean where params <= 300000 and pgd@1 >= 0.3", "pgd@1, params"]
budget = 12
seeds = 1
searchers = ["random"]
"""

Write = Callable[..., Path]


@pytest.fixture
def small(write_records: Write) -> Path:
    return write_records(("clean", "clean, pgd@1", "params"), ("random", "evolution"), n_seeds=2, budget=7)


def url(tmp_path: Path, kind: str = "sqlite") -> str:
    return f"{kind}:///{tmp_path / 'r.db'}" if kind == "sqlite" else f"{kind}://{tmp_path / 'r.log'}"


def study(tmp_path: Path, name: str, kind: str = "sqlite") -> optuna.Study:
    return optuna.load_study(study_name=name, storage=url(tmp_path, kind) if kind == "sqlite" else journal(tmp_path))


def journal(tmp_path: Path) -> Any:
    return open_storage(url(tmp_path, "journal"))


def runs(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / RUNS).read_text().splitlines()]


def change(folder: Path, **fields: Any) -> None:
    """Change the first run."""
    first, *others = runs(folder)
    (folder / RUNS).write_text("".join(json.dumps(run) + "\n" for run in [first | fields, *others]))


@pytest.mark.parametrize("kind", ["sqlite", "journal"])
def test_every_search_is_a_study_and_every_query_a_trial(small: Path, tmp_path: Path, kind: str) -> None:
    done = export_studies(small, url(tmp_path, kind))
    assert (len(done.names), done.n_new, done.n_trials) == (12, 12, 84)
    space = open_space()
    for name, run in zip(done.names, runs(small), strict=True):
        found = study(tmp_path, name, kind)
        assert name == f"cifar10/{run['objective']}/{run['searcher']}/{run['seed']}"
        for trial, index, score in zip(found.trials, run["queries"]["index"], run["queries"]["score"], strict=True):
            assert space.index(space.from_choices(trial.params)) == index
            assert trial.values == (score if isinstance(score, list) else [score])
            assert trial.user_attrs == {
                "arch": str(space.architecture(index)),
                "network": space.uid(space.architecture(index)),
                "cost": 1.0,
                "source": "table",
            }
    assert study(tmp_path, "cifar10/params/random/0", kind).directions[0].name == "MINIMIZE"
    several = study(tmp_path, "cifar10/clean, pgd@1/random/0", kind)
    assert several.metric_names == ["clean", "pgd@1"]
    assert [direction.name for direction in several.directions] == ["MAXIMIZE", "MAXIMIZE"]


def test_a_study_says_what_it_is_about(small: Path, tmp_path: Path) -> None:
    change(small, parameters={"population_size": 5}, name="evolution", budget=7, cross={"clean": float("nan")})
    export_studies(small, url(tmp_path))
    known = study(tmp_path, "cifar10/clean/random/0").user_attrs
    facts = {name.removeprefix(PREFIX): value for name, value in known.items() if name.startswith(PREFIX)}
    assert len(facts.pop("queries")) == 64
    assert facts == {
        "dataset": "cifar10",
        "database_digest": "0" * 64,
        "source": "table",
        "budget": 7,
        "objective": "clean",
        "searcher": "random",
        "seed": 0,
        "name": "evolution",
        "parameters": {"population_size": 5},
    }
    assert known["versions"] == {"robustnas": "0.1.0", "python": "3.12"}
    assert (known["seconds"], known["cross"]) == (0.01, {"clean": None})


@pytest.mark.parametrize("kind", ["sqlite", "journal"])
def test_exporting_again_adds_what_is_new(small: Path, tmp_path: Path, kind: str) -> None:
    lines = (small / RUNS).read_text().splitlines(keepends=True)
    (small / RUNS).write_text("".join(lines[:5]) + lines[5][:40])  # a last line that a killed writer left
    assert export_studies(small, url(tmp_path, kind)).n_trials == 35
    (small / RUNS).write_text("".join(lines))
    done = export_studies(small, url(tmp_path, kind))
    assert (len(done.names), done.n_new, done.n_trials) == (12, 7, 49)
    before = [trial.number for name in done.names for trial in study(tmp_path, name, kind).trials]
    assert export_studies(small, url(tmp_path, kind)).n_trials == 0
    assert before == [*range(7)] * 12


def test_an_export_that_was_killed_is_continued(small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    storage, calls = type(journal(tmp_path)), []
    create = storage.create_new_trial

    def killed(self: Any, *arguments: Any, **more: Any) -> int:
        calls.append(1)
        if len(calls) > 10:
            raise KeyboardInterrupt
        return create(self, *arguments, **more)

    with monkeypatch.context() as patched:
        patched.setattr(storage, "create_new_trial", killed)
        with pytest.raises(KeyboardInterrupt):
            export_studies(small, url(tmp_path, "journal"))
    done = export_studies(small, url(tmp_path, "journal"))
    assert (done.n_new, done.n_trials) == (11, 74)
    export_studies(small, url(tmp_path))
    for name in done.names:
        ours, whole = study(tmp_path, name, "journal"), study(tmp_path, name)
        assert [(t.params, t.values) for t in ours.trials] == [(t.params, t.values) for t in whole.trials]
        assert ours.user_attrs == whole.user_attrs


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"parameters": {"population_size": 5}}, r'parameters is not known there, \{"population_size": 5\} here'),
        ({"n_queries": 1}, "queries is .* there, .* here"),
    ],
)
def test_a_study_of_another_search_is_refused(
    small: Path, tmp_path: Path, fields: dict[str, Any], message: str
) -> None:
    export_studies(small, url(tmp_path))
    if "n_queries" in fields:
        fields["queries"] = {name: [0] for name in ("index", "score", "best")}
    change(small, **fields)
    others = runs(small)
    others.append(others[-1] | {"objective": "params", "searcher": "evolution", "seed": 9})
    (small / RUNS).write_text("".join(json.dumps(run) + "\n" for run in others))
    with pytest.raises(SearchError, match=f"is about something else .*{message}.*export to another storage") as error:
        export_studies(small, url(tmp_path))
    assert "cifar10/clean/random/0" in str(error.value)
    names = optuna.get_all_study_names(url(tmp_path))
    assert (len(names), "cifar10/params/evolution/9" in names) == (12, False)  # nothing was written


def test_a_study_that_is_not_ours_is_refused(small: Path, tmp_path: Path) -> None:
    theirs = optuna.create_study(storage=url(tmp_path), study_name="cifar10/clean/random/0", direction="maximize")
    theirs.add_trial(optuna.create_trial(value=1.0))
    with pytest.raises(SearchError, match="holds 1 trials and does not say what they are about"):
        export_studies(small, url(tmp_path))
    optuna.delete_study(study_name="cifar10/clean/random/0", storage=url(tmp_path))
    optuna.create_study(storage=url(tmp_path), study_name="cifar10/clean/random/0", direction="minimize")
    with pytest.raises(SearchError, match="has the directions minimize, unlike the objectives"):
        export_studies(small, url(tmp_path))


def test_a_query_without_a_score_is_a_trial_that_failed(small: Path, tmp_path: Path) -> None:
    queries = runs(small)[0]["queries"]
    lost = [i for i in range(1, 7) if queries["best"][i] == queries["best"][i - 1]]  # the best depends on none of them
    scores = [float("nan") if i in lost else score for i, score in enumerate(queries["score"])]
    assert lost
    change(small, queries=queries | {"score": scores})
    export_studies(small, url(tmp_path))
    states = [trial.state.name for trial in study(tmp_path, "cifar10/clean/random/0").trials]
    assert states == ["FAIL" if i in lost else "COMPLETE" for i in range(7)]


def test_durations_are_those_of_the_records(small: Path, tmp_path: Path) -> None:
    queries = runs(small)[0]["queries"]
    change(small, queries=queries | {"seconds": [10.0, 20.0, 0.0, 30.0, 5.0, 5.0, 7200.0]})
    os.utime(small / RUNS, (1_790_000_000, 1_790_000_000))
    export_studies(small, url(tmp_path))
    timed = study(tmp_path, "cifar10/clean/random/0").trials
    assert [trial.duration for trial in timed] == [timedelta(seconds=s) for s in (10, 20, 0, 30, 5, 5, 7200)]
    assert [trial.user_attrs["seconds"] for trial in timed] == [10.0, 20.0, 0.0, 30.0, 5.0, 5.0, 7200.0]
    assert timed[-1].datetime_complete.timestamp() == 1_790_000_000  # type: ignore[union-attr]
    plain = study(tmp_path, "cifar10/clean/evolution/1").trials
    assert plain[-1].datetime_complete - plain[0].datetime_start == timedelta(seconds=0.02)  # type: ignore[operator]


@pytest.mark.parametrize("seconds", [1e300, -1e300])
def test_seconds_that_no_date_can_be_shifted_by_are_left_out_of_dates(
    small: Path, tmp_path: Path, seconds: float
) -> None:
    change(small, queries=runs(small)[0]["queries"] | {"seconds": [seconds] * 7})
    export_studies(small, url(tmp_path))
    assert {trial.duration for trial in study(tmp_path, "cifar10/clean/random/0").trials} == {timedelta(0)}


def test_constraints_are_those_of_the_trials(folder: Path, tmp_path: Path) -> None:
    notes: list[str] = []
    done = export_studies(folder, url(tmp_path), note=notes.append)
    assert not notes
    found = study(tmp_path, done.names[0])
    assert set(found.trials[0].constraints) == {"params <= 300000", "pgd@1 >= 0.3"}
    feasible = [all(value <= 0 for value in trial.constraints.values()) for trial in found.trials]
    best = runs(folder)[0]["best"]
    assert any(feasible)
    assert not all(feasible)
    assert found.best_trial.user_attrs["arch"] == best["arch"]
    assert found.best_value == best["score"] < max(trial.values[0] for trial in found.trials)
    assert [direction.name for direction in study(tmp_path, done.names[1]).directions] == ["MAXIMIZE", "MINIMIZE"]


def test_without_the_table_constraints_are_left_out_and_that_is_said(folder: Path, tmp_path: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | {"database_digest": "1" * 64}))
    notes: list[str] = []
    done = export_studies(folder, url(tmp_path), note=notes.append)
    assert [trial.constraints for trial in study(tmp_path, done.names[0]).trials] == [{}] * 12
    (note,) = notes
    assert "whether networks satisfy the constraints is left out" in note
    assert "digests differ" in note


def test_a_killed_process_loses_no_study_and_doubles_none(write_records: Write, tmp_path: Path) -> None:
    folder = write_records(("clean",), ("random",), n_seeds=30, budget=40)
    script = (
        "import os, sys\n"
        "from experiments.comparison.studies import export_studies\n"
        "def die(done, total):\n    if done == 5: os.kill(os.getpid(), 9)\n"
        "export_studies(sys.argv[1], sys.argv[2], progress=die)"
    )
    command = [sys.executable, "-c", script, str(folder), url(tmp_path)]
    assert subprocess.run(command, check=False, timeout=50).returncode == -9
    done = export_studies(folder, url(tmp_path))
    assert (done.n_new, done.n_trials) == (25, 1000)
    assert len(optuna.get_all_study_names(url(tmp_path))) == 30


def test_what_cannot_be_exported_is_said(small: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"storage is 'results\.db'; expected a URL such as"):
        export_studies(small, "results.db")
    with pytest.raises(SearchError, match="there is no folder"):
        export_studies(small, f"sqlite:///{tmp_path / 'no' / 'r.db'}")
    with pytest.raises(DataError, match=r"no manifest\.json"):
        export_studies(tmp_path, url(tmp_path))
    manifest = json.loads((small / "manifest.json").read_text())
    (small / "manifest.json").write_text(json.dumps(manifest | {"space": "theirs"}))
    with pytest.raises(DataError, match="search space 'theirs', which is not there"):
        export_studies(small, url(tmp_path))
    (small / RUNS).write_text("")
    with pytest.raises(DataError, match=r"no search in .* has finished yet"):
        export_studies(small, url(tmp_path))
