"""Trials that are added all at once: as Optuna adds them one by one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from searchers import optuna_trials
from searchers.optuna_study import open_storage
from searchers.optuna_trials import append_missing, n_trials

pytestmark = pytest.mark.timeout(60)  # slow where processors are shared

KINDS = ("sqlite:///{}.db", "journal://{}.log")


def trials() -> list[FrozenTrial]:
    """Trials of every kind: complete, infeasible, failed, with parameters of every type."""
    distributions: dict[str, Any] = {
        "op": CategoricalDistribution(("none", "skip", 3, None)),
        "x": FloatDistribution(0.0, 1.0),
        "n": IntDistribution(1, 64, log=True),
    }
    shared: Any = {"params": {"op": None, "x": 0.25, "n": 8}, "distributions": distributions}
    found = [
        create_trial(values=[0.5, 1e300], user_attrs={"arch": "|ö|", "cost": 1.5}, **shared),
        create_trial(values=[0.1, float("inf")], constraints={"params <= 5": 2.5, "clean > 0": -1e-300}, **shared),
        create_trial(state=TrialState.FAIL, user_attrs={"why": None}, **shared),
        create_trial(values=[0.0, -0.0]),
    ]
    found[0].datetime_start, found[0].datetime_complete = datetime(2026, 3, 1, 10), datetime(2026, 3, 1, 10, 5)
    return found


def made(url: str) -> tuple[Any, int]:
    storage = open_storage(url)
    study = optuna.create_study(storage=storage, study_name="s", directions=["maximize", "minimize"])
    return storage, study._study_id


def read(url: str) -> list[tuple[Any, ...]]:
    study = optuna.load_study(study_name="s", storage=open_storage(url))
    return [
        (
            *(trial.number, trial.state, trial.values, trial.params, trial.distributions, trial.user_attrs),
            *(trial.constraints, trial.datetime_start, trial.datetime_complete),
        )
        for trial in study.trials
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_trials_are_those_that_optuna_would_have_added(tmp_path: Path, kind: str) -> None:
    url, other = kind.format(tmp_path / "ours"), kind.format(tmp_path / "optuna")
    added = trials()
    assert append_missing(*made(url), added, {"about": {"x": [1]}}) == 4
    made(other)
    optuna.load_study(study_name="s", storage=open_storage(other)).add_trials(added)
    assert read(url) == read(other)
    assert [trial[1].name for trial in read(url)] == ["COMPLETE", "COMPLETE", "FAIL", "COMPLETE"]
    assert optuna.load_study(study_name="s", storage=open_storage(url)).user_attrs == {"about": {"x": [1]}}


@pytest.mark.parametrize("kind", KINDS)
def test_only_what_is_missing_is_added(tmp_path: Path, kind: str) -> None:
    url = kind.format(tmp_path / "s")
    storage, study_id = made(url)
    assert append_missing(storage, study_id, trials()[:1], {"a": 1}) == 1
    assert append_missing(storage, study_id, trials(), {"a": 2, "b": 3}) == 3
    assert append_missing(storage, study_id, trials(), {"a": 4}) == 0
    assert append_missing(storage, study_id, [], {}) == 0
    assert [trial[0] for trial in read(url)] == [0, 1, 2, 3]
    assert n_trials(open_storage(url), study_id) == 4
    assert storage.get_study_user_attrs(study_id) == {"a": 1, "b": 3}


def test_a_study_in_a_database_gets_all_or_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    storage, study_id = made(f"sqlite:///{tmp_path / 's.db'}")

    def stop(_: object) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(optuna_trials, "_parts", stop)
        with pytest.raises(KeyboardInterrupt):
            append_missing(storage, study_id, trials(), {"a": 1})
    assert (n_trials(storage, study_id), storage.get_study_user_attrs(study_id)) == (0, {})
    assert append_missing(storage, study_id, trials(), {"a": 1}) == 4


def test_of_many_that_add_at_once_one_does(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 's.db'}"
    _, study_id = made(url)
    with ThreadPoolExecutor(4) as pool:
        added = list(pool.map(lambda _: append_missing(open_storage(url), study_id, trials() * 20, {"a": 1}), range(4)))
    assert sorted(added) == [0, 0, 0, 80]
    assert [trial[0] for trial in read(url)] == list(range(80))
