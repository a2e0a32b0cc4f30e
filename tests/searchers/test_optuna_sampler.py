"""Samplers of Optuna, and of others, by name."""

from __future__ import annotations

import inspect
import sys
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import optuna
import pytest

from robustnas import Oracle
from robustnas.errors import InvalidInputError, MissingPackageError, SearchError
from robustnas.spaces.nasbench201 import NASBENCH201 as SPACE
from searchers import create, search
from searchers.optuna_encoding import ChoiceEncoding, ScoreEncoding
from searchers.optuna_sampler import SAMPLERS, OptunaSampler
from searchers.registry import check_parameters, parameter_names, searcher_class
from searchers.testing import landscape
from tests.searchers.test_contract import Registered, check_trajectories_elsewhere

HERE = "tests.searchers.my_samplers"

pytestmark = pytest.mark.timeout(60)  # slow where processors are shared


class NamedSampler(Registered):
    n_queries = 30
    n_quality_seeds = 5


class TestTPE(NamedSampler):
    name = "optuna:TPESampler"
    parameters: ClassVar[dict[str, object]] = {"multivariate": True}


class TestCmaEs(NamedSampler):
    name = "optuna:CmaEsSampler"


class TestQMC(NamedSampler):
    name = "optuna:QMCSampler"


class TestNSGAIII(NamedSampler):
    name = "optuna:NSGAIIISampler"
    objective = "clean, pgd@1"
    parameters: ClassVar[dict[str, object]] = {"population_size": 10}


class TestGrid(NamedSampler):
    name = "optuna:GridSampler"


class TestBruteForce(NamedSampler):
    name = "optuna:BruteForceSampler"


class TestThirdParty(NamedSampler):
    name = f"optuna:{HERE}.Greedy"
    parameters: ClassVar[dict[str, object]] = {"greed": 0.9, "n_startup_trials": 5}


@pytest.mark.timeout(300)
def test_same_trajectories_in_a_spawned_process_with_another_hash_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    checked = check_trajectories_elsewhere(__name__, monkeypatch)
    assert checked == {name for name in globals() if name.startswith("Test")}


def told(name: str, n_queries: int = 20, objective: str = "clean", seed: int = 0, **parameters: Any) -> OptunaSampler:
    searcher = create(name, seed, n_objectives=len(objective.split(",")), **parameters)
    list(search(searcher, Oracle(objective, landscape(), budget=n_queries)))
    assert isinstance(searcher, OptunaSampler)
    return searcher


def test_all_samplers_of_optuna_are_listed() -> None:
    classes = {name: getattr(optuna.samplers, name) for name in dir(optuna.samplers)}
    found = {
        f"optuna:{name}"
        for name, cls in classes.items()
        if isinstance(cls, type) and issubclass(cls, optuna.samplers.BaseSampler) and not inspect.isabstract(cls)
    }
    assert found == set(SAMPLERS)


@pytest.mark.parametrize("name", [name for name in SAMPLERS if "GP" not in name])
def test_every_sampler_searches(name: str) -> None:
    needed = {"fixed_params": {"0->1": "nor_conv_3x3"}} if "PartialFixed" in name else {}
    searcher = told(name, **needed)
    assert len({outcome for trial in searcher.study.trials if (outcome := trial.user_attrs.get("arch"))}) == 20
    real = ScoreEncoding if "CmaEs" in name else ChoiceEncoding
    assert type(searcher._encoding) is real


def test_parameters_are_passed_on() -> None:
    searcher = told("optuna:TPESampler", 2, n_startup_trials=3, multivariate=True, max_duplicates=2)
    sampler: Any = searcher.study.sampler
    assert (sampler._n_startup_trials, sampler._multivariate, searcher.max_duplicates) == (3, True, 2)
    assert told("optuna:CmaEsSampler", 2, popsize=7).study.sampler._popsize == 7  # type: ignore[attr-defined]


def test_a_registered_sampler_and_the_same_by_name_take_the_same_way() -> None:
    def way(name: str) -> list[int]:
        outcomes = search(create(name, 5), Oracle("clean", landscape(), budget=30))
        return [outcome.cell.index for outcome in outcomes]

    for registered, named in (("optuna-tpe", "optuna:TPESampler"), ("optuna-cmaes", "optuna:CmaEsSampler")):
        assert way(registered) == way(named)


def test_parameter_names_are_those_of_the_sampler_and_of_the_study() -> None:
    names = set(parameter_names("optuna:TPESampler"))
    assert {"n_startup_trials", "multivariate", "storage", "study_name", "max_duplicates"} <= names
    assert "seed" not in names
    assert {"greed", "n_startup_trials"} <= set(parameter_names(f"optuna:{HERE}.Greedy"))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("optuna:TPESamplr", r"unknown Optuna sampler 'TPESamplr'; did you mean 'TPESampler'\?"),
        ("optuna:cmaes", r"unknown Optuna sampler 'cmaes'; did you mean 'CmaEsSampler'\?"),
        ("optuna:nsga3", r"did you mean 'NSGAIIISampler'\?"),
        ("optuna:", r"unknown Optuna sampler ''\. Known: BruteForceSampler"),
        ("optuna: TPESampler", r"unknown Optuna sampler ' TPESampler'; did you mean"),
        ("optuna:BaseSampler", r"'optuna:BaseSampler' does not implement infer_relative_search_space"),
        ("optuna:BaseGASampler", "does not implement"),
        ("optuna:intersection_search_space", "unknown Optuna sampler"),
        ("optuna:no.such.Thing", r"Optuna sampler 'no\.such:Thing': no\.such cannot be imported: ModuleNotFoundError"),
        (f"optuna:{HERE}.Greedi", r"did you mean 'Greedy'\?"),
        (f"optuna:{HERE}.not_a_sampler", r"expected a subclass of optuna\.samplers\.BaseSampler"),
        ("optuna:../x.Y", "unknown Optuna sampler"),
        ("optuna:no_file.py:Mine", r"cannot read .*no_file\.py: No such file"),
        ("optuna:" + "x" * 5000, r"unknown Optuna sampler 'x+'\.\.\. \(5,000 characters\)"),
        ("optuna:тпе🚀", "unknown Optuna sampler"),
        ("TPESampler", r"unknown searcher 'TPESampler'; did you mean 'optuna:TPESampler'\?"),
    ],
)
def test_unknown_samplers_are_refused_with_the_nearest(name: str, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message) as caught:
        create(name, 0)
    assert len(str(caught.value)) < 1200


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        (
            "TPESampler",
            {"n_startup_trails": 3},
            r"unknown parameter 'n_startup_trails'; did you mean 'n_startup_trials'",
        ),
        ("TPESampler", {"multivariate": "yes"}, "multivariate is 'yes'; expected true or false"),
        ("TPESampler", {"n_startup_trials": 2.5}, "n_startup_trials is 2.5; expected an integer"),
        ("TPESampler", {"n_startup_trials": 10**9}, "n_startup_trials is 1000000000; expected an integer from 0 to"),
        ("TPESampler", {"gamma": "steep"}, "gamma is 'steep'; expected a function"),
        ("NSGAIISampler", {"population_size": 0}, "refuses population_size = 0: ValueError"),
        ("CmaEsSampler", {"restart_strategy": "often"}, "refuses restart_strategy = 'often'"),
        ("CmaEsSampler", {"independent_sampler": "TPESamplr"}, r"did you mean 'TPESampler'\?"),
        ("QMCSampler", {"qmc_type": "square"}, "refuses qmc_type = 'square'"),
        ("PartialFixedSampler", {}, "needs fixed_params; set it"),
        ("PartialFixedSampler", {"fixed_params": {"0->9": "none"}}, r"unknown parameter '0->9'; did you mean"),
        ("PartialFixedSampler", {"fixed_params": {"0->1": "pool"}}, "0->1 is 'pool'; expected none or skip_connect or"),
        ("PartialFixedSampler", {"fixed_params": {}, "base_sampler": "PartialFixedSampler"}, "needs fixed_params"),
        ("PartialFixedSampler", {"fixed_params": {}, "base_sampler": 3}, "base_sampler is 3; expected a text"),
        ("GridSampler", {"search_space": 3}, "refuses search_space = 3"),
    ],
)
def test_bad_parameters_are_refused_by_name(name: str, parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        create(f"optuna:{name}", 0, **parameters)


@pytest.mark.filterwarnings("ignore:`x0` has been deprecated:FutureWarning")
def test_a_start_is_one_of_scores_where_parameters_are() -> None:
    with pytest.raises(InvalidInputError, match=r"x0: unknown parameter '0->1'; did you mean '0->1:\w+'\?"):
        create("optuna:CmaEsSampler", 0, x0={"0->1": 0.5})


def test_the_seed_is_no_parameter_of_a_plan() -> None:
    with pytest.raises(InvalidInputError, match="searcher 'optuna:TPESampler': seed cannot be set as a parameter"):
        check_parameters("optuna:TPESampler", {"seed": 3})


def test_samplers_of_one_objective_refuse_several() -> None:
    for name in ("optuna:CmaEsSampler", f"optuna:{HERE}.RealsOnly"):
        with pytest.raises(InvalidInputError, match=rf"{name} takes one objective, got 2 \(.*TPESampler, GPSampler"):
            create(name, 0, n_objectives=2)


def test_several_objectives_have_their_own_directions() -> None:
    searcher = told("optuna:TPESampler", 12, "clean, pgd@1")
    assert len(searcher.study.directions) == 2
    assert searcher.study.best_trials


def test_constraints_are_those_of_trials_where_the_sampler_looks_at_them() -> None:
    objective = "clean where clean >= 0.6"
    searcher = told("optuna:TPESampler", 20, objective)
    violated = {trial.state for trial in searcher.study.trials if sum(trial.constraints.values()) > 0}
    assert violated == {optuna.trial.TrialState.COMPLETE}
    searcher = told("optuna:CmaEsSampler", 20, objective)
    assert not any(trial.constraints for trial in searcher.study.trials)
    complete = searcher.study.get_trials(states=(optuna.trial.TrialState.COMPLETE,))
    assert 0 < len(complete) < len(searcher.study.trials)
    assert min(trial.value for trial in complete) >= 0.6


def test_a_sampler_of_real_parameters_gets_them() -> None:
    searcher = told(f"optuna:{HERE}.RealsOnly", 12)
    assert type(searcher._encoding) is ScoreEncoding
    assert len(searcher.study.trials[0].params) == 30


def test_a_sampler_that_always_says_the_same_gets_unseen_networks_in_between() -> None:
    searcher = told(f"optuna:{HERE}.Seedless", 8)
    assert sum("arch" in trial.user_attrs for trial in searcher.study.trials) == 8


def test_fixed_parameters_stay_fixed_where_the_sampler_is_asked() -> None:
    searcher = told("optuna:PartialFixedSampler", 20, fixed_params={"0->1": "none"}, base_sampler="RandomSampler")
    suggested = [trial for trial in searcher.study.trials if "fixed_params" not in trial.system_attrs]
    assert len(suggested) >= 20
    assert {trial.params["0->1"] for trial in suggested} == {"none"}


def test_a_small_grid_is_visited_and_left() -> None:
    grid = {name: list(options)[:1] for name, options in SPACE.choices.items()}
    grid["0->1"] = list(SPACE.choices["0->1"])
    searcher = told("optuna:GridSampler", 12, search_space=grid)
    assert sum("arch" in trial.user_attrs for trial in searcher.study.trials) == 12


def test_a_study_is_about_the_sampler_and_its_parameters(tmp_path: Path) -> None:
    storage = f"sqlite:///{tmp_path}/study.db"
    same: dict[str, Any] = {"storage": storage, "study_name": "s"}
    told("optuna:TPESampler", 5, **same, n_startup_trials=4)
    again = told("optuna:TPESampler", 5, seed=1, **same, n_startup_trials=4, n_ei_candidates=24)  # as is the default
    assert again.history is not None
    assert again.history.n_trials >= 5
    with pytest.raises(SearchError, match=r"is about something else .*parameters is .* there"):
        create("optuna:TPESampler", 0, **same, n_startup_trials=5)
    with pytest.raises(SearchError, match='searcher is "optuna:TPESampler" there, "optuna:RandomSampler" here'):
        create("optuna:RandomSampler", 0, **same)
    attributes = optuna.load_study(study_name="s", storage=storage).user_attrs
    assert attributes["robustnas:searcher"] == "optuna:TPESampler"
    assert attributes["robustnas:parameters"] == {"n_startup_trials": 4, "max_duplicates": 5}


def test_a_package_that_a_sampler_needs_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def lacking(self: object, **_: object) -> None:
        raise ModuleNotFoundError("No module named 'botorch'", name="botorch")

    monkeypatch.setattr(searcher_class("optuna:RandomSampler").sampler, "__init__", lacking)  # type: ignore[attr-defined]
    with pytest.raises(MissingPackageError, match=r"optuna:RandomSampler needs a package that is not .* 'botorch'"):
        create("optuna:RandomSampler", 0)


def test_what_a_sampler_cannot_do_is_said_in_a_sentence_and_faults_of_others_are_theirs() -> None:
    with pytest.raises(SearchError, match=r"optuna:TPESampler fails with n_ei_candidates = 0: ValueError: The size of"):
        told("optuna:TPESampler", 15, n_ei_candidates=0)
    with pytest.raises(ZeroDivisionError, match="no idea"):
        create(f"optuna:{HERE}.Faulty", 0).ask()


def test_a_sampler_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "modules", sys.modules.copy())
    source = "from optuna.samplers import RandomSampler\nclass Mine(RandomSampler):\n    pass\n"
    (tmp_path / "mine.py").write_text(source)
    assert len(told("optuna:mine.py:Mine", 4).study.trials) >= 4
    assert len(told("optuna:mine.Mine", 4).study.trials) >= 4


def test_global_random_states_and_warnings_are_left_alone() -> None:
    before = np.random.get_state()[1].tolist()  # type: ignore[index]  # noqa: NPY002
    told("optuna:QMCSampler", 8)
    told("optuna:CmaEsSampler", 8)
    assert np.random.get_state()[1].tolist() == before  # type: ignore[index]  # noqa: NPY002
