from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import optuna
import pytest

from robustnas import Cell, Oracle
from robustnas.oracle import Outcome
from robustnas.spaces import Subspace, open_space
from robustnas.spaces.nasbench201 import space
from robustnas.spaces.nasbench201.nasbench201 import EDGE_NAMES
from searchers import create, search
from searchers.optuna_search import OptunaSearcher
from searchers.provenance import Provenance
from searchers.testing import landscape

pytestmark = pytest.mark.timeout(60)  # slow where processors are shared


def _search(searcher: OptunaSearcher, budget: int) -> list[Cell]:
    return [outcome.cell for outcome in search(searcher, Oracle("clean", landscape(), budget=budget))]


def _create(name: str, seed: int = 0, **parameters: object) -> OptunaSearcher:
    searcher = create(name, seed, **parameters)
    assert isinstance(searcher, OptunaSearcher)
    return searcher


@pytest.mark.parametrize("name", ["optuna-tpe", "optuna-cmaes", "optuna-nsga2"])
def test_no_query_is_spent_on_a_network_already_known(name: str) -> None:
    cells = _search(_create(name), 60)
    assert len({space.canonical(cell) for cell in cells}) == len(cells) == 60


def test_duplicates_are_told_to_optuna_with_their_known_value() -> None:
    searcher = _create("optuna-nsga2", population_size=4)
    _search(searcher, 100)
    trials = searcher.study.get_trials(deepcopy=False)
    assert len(trials) > 100
    values: dict[Cell, float] = {}
    assert sum("repeat" in trial.user_attrs for trial in trials) == len(trials) - 100
    for trial in trials:
        assert trial.user_attrs.get("repeat") == (None if "arch" in trial.user_attrs else True)
        assert trial.state == optuna.trial.TrialState.COMPLETE
        cell = space.canonical(Cell.from_names(trial.params[name] for name in EDGE_NAMES))
        assert values.setdefault(cell, trial.value or 0.0) == trial.value


def test_the_study_is_kept_in_a_storage_and_continued(tmp_path: Path) -> None:
    storage = f"sqlite:///{tmp_path / 'study.db'}"
    first = _search(_create("optuna-tpe", storage=storage, study_name="s"), 12)
    study = optuna.load_study(study_name="s", storage=storage)
    assert [trial.user_attrs["arch"] for trial in study.trials if "arch" in trial.user_attrs] == [c.arch for c in first]
    second = _search(_create("optuna-tpe", 1, storage=storage, study_name="s"), 5)
    assert not {space.canonical(cell) for cell in first} & {space.canonical(cell) for cell in second}
    assert len(optuna.load_study(study_name="s", storage=storage).trials) >= 17


def test_cmaes_encodes_and_decodes_every_cell() -> None:
    searcher = _create("optuna-cmaes")
    for index in range(0, space.N_CELLS, 97):
        cell = space.cell(index)
        assert searcher._encoding.decode(searcher._encoding.encode(cell)) == cell


def test_unknown_scores_become_failed_trials() -> None:
    searcher = _create("optuna-tpe")
    cell = searcher.ask()
    nan = float("nan")
    searcher.tell(Outcome(cell, (nan,), (nan,), 1.0, "test", repeat=False))
    assert searcher.study.trials[0].state == optuna.trial.TrialState.FAIL


def test_scores_are_kept_in_their_own_direction_and_by_name() -> None:
    about = Provenance("x", ("clean", "params"), (False, True))
    searcher = _create("optuna-tpe", n_objectives=2, provenance=about)
    outcomes = list(search(searcher, Oracle("clean, params", landscape(), budget=12)))
    searcher.tell(Oracle("clean, params", landscape()).query(space.cell(77)))
    study = searcher.study
    assert [direction.name for direction in study.directions] == ["MAXIMIZE", "MINIMIZE"]
    assert study.metric_names == ["clean", "params"]
    kept = [tuple(trial.values) for trial in study.trials if "arch" in trial.user_attrs]
    assert kept[:-1] == [outcome.scores for outcome in outcomes]
    assert kept[-1][1] > 0


@pytest.mark.parametrize("name", ["optuna-tpe", "optuna-nsga2", "optuna-cmaes"])
def test_directions_change_no_trajectory(name: str) -> None:
    text = "params" if name == "optuna-cmaes" else "clean, params"
    minimised = tuple(part == "params" for part in text.split(", "))
    parameters = {"population_size": 6} if name == "optuna-nsga2" else {}
    for seed in range(3):
        found = []
        for about in (None, Provenance("x", tuple(text.split(", ")), minimised)):
            searcher = _create(name, seed, n_objectives=len(minimised), provenance=about, **parameters)
            found.append([o.cell.index for o in search(searcher, Oracle(text, landscape(), budget=50))])
        assert found[0] == found[1]


def test_two_processes_share_a_study(tmp_path: Path) -> None:
    storage = f"journal://{tmp_path / 'study.log'}"
    one, other = (_create("optuna-tpe", seed, storage=storage, study_name="s") for seed in (0, 1))
    oracles = [Oracle("clean", landscape(), budget=15) for _ in range(2)]
    for _ in range(15):  # what each has told is known to the other
        for searcher, oracle in zip((one, other), oracles, strict=True):
            searcher.tell(oracle.query(searcher.ask()))
    asked = [trial.user_attrs["arch"] for trial in one.study.trials if "arch" in trial.user_attrs]
    assert len(asked) == len({space.canonical(space.parse(arch)) for arch in asked}) == 30


CONSTRAINED = "clean where pgd@1 >= 0.6 and params <= 5e5"
CONSTRAINTS = ("pgd@1 >= 0.6", "params <= 5e5")


@pytest.mark.parametrize("name", ["optuna-tpe", "optuna-nsga2"])
def test_constraints_are_those_of_the_trials(name: str) -> None:
    about = Provenance("x", ("clean",), (False,), constraints=CONSTRAINTS)
    searcher = _create(name, provenance=about)
    outcomes = list(search(searcher, Oracle(CONSTRAINED, landscape(), budget=40)))
    searcher.tell(other := Oracle(CONSTRAINED, landscape()).query(space.cell(15624)))  # it did not ask for this one
    trials = [trial for trial in searcher.study.trials if "arch" in trial.user_attrs]
    assert {trial.state for trial in trials} == {optuna.trial.TrialState.COMPLETE}
    for trial, outcome in zip(trials, [*outcomes, other], strict=True):
        assert trial.value == outcome.score
        assert trial.constraints == dict(zip(CONSTRAINTS, (-slack for slack in outcome.slacks), strict=True))
    assert 0 < sum(outcome.feasible for outcome in outcomes) < 40
    best = max(outcome.score for outcome in outcomes if outcome.feasible)
    assert searcher.study.best_value == best < max(outcome.score for outcome in outcomes)


def test_a_sampler_without_constraints_sees_feasible_trials_only() -> None:
    searcher = _create("optuna-cmaes")
    outcomes = list(search(searcher, Oracle(CONSTRAINED, landscape(), budget=30)))
    states = [trial.state.name for trial in searcher.study.trials if "arch" in trial.user_attrs]
    assert states == ["COMPLETE" if outcome.feasible else "FAIL" for outcome in outcomes]
    assert set(states) == {"COMPLETE", "FAIL"}


def test_a_constraint_of_an_unknown_value_fails() -> None:
    searcher = _create("optuna-tpe")
    searcher.tell(Outcome(searcher.ask(), (0.5,), (float("nan"),), 1.0, "test", False, 0, (float("nan"),), (0.5,)))
    assert searcher.study.trials[0].state == optuna.trial.TrialState.FAIL


def test_constraints_lead_to_feasible_networks() -> None:
    def n_feasible(name: str) -> int:
        runs = [
            search(create(name, seed), Oracle("params where pgd@1 >= 0.7", landscape(), budget=80)) for seed in (0, 1)
        ]
        return sum(outcome.feasible for outcomes in runs for outcome in outcomes)

    assert n_feasible("optuna-tpe") > 2 * n_feasible("random")


@pytest.mark.parametrize("name", ["optuna-tpe", "optuna-cmaes", "optuna-nsga2"])
def test_the_nearest_network_inside_stands_for_a_suggestion_outside(name: str) -> None:
    inside = np.random.default_rng(0).random(space.N_CELLS) < 0.1
    part = Subspace(open_space(), inside, split=True)
    searcher = _create(name, space=part)
    cells = _search(searcher, 30)
    assert all(cell in part for cell in cells)
    trials = searcher.study.trials
    for trial, after in pairwise(trials):
        if trial.state == optuna.trial.TrialState.FAIL:
            far = space.edit_distance(searcher._encoding.decode(trial.params), searcher._encoding.decode(after.params))
            assert far <= 3
    assert any(trial.state == optuna.trial.TrialState.FAIL for trial in trials)
