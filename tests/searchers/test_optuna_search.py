from __future__ import annotations

from pathlib import Path

import optuna
import pytest

from robustnas import Cell, Oracle
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
        assert searcher._decode(searcher._encode(cell)) == cell


def test_unknown_scores_become_failed_trials() -> None:
    searcher = _create("optuna-tpe")
    cell = searcher.ask()
    nan = float("nan")
    from robustnas.oracle import Outcome

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
