from __future__ import annotations

from pathlib import Path

import optuna
import pytest

from robustnas import Cell, Oracle
from robustnas.errors import SearchError
from robustnas.spaces.nasbench201 import space
from robustnas.spaces.nasbench201.nasbench201 import EDGE_NAMES
from searchers import create, search
from searchers.optuna_search import OptunaSearcher
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
    for trial in trials:
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


def test_a_storage_that_cannot_be_opened_is_named() -> None:
    with pytest.raises(SearchError, match="nosuchdialect://x"):
        _create("optuna-tpe", storage="nosuchdialect://x")


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
