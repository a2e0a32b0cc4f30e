from __future__ import annotations

import datetime

import numpy as np
import pytest

from robustnas.errors import InvalidInputError
from searchers import SEARCHERS, create
from searchers.base import GlancingSearcher
from searchers.registry import check_parameters, parameter_names, searcher_class


def test_unknown_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(InvalidInputError, match=r"unknown searcher 'evolutoin'; did you mean 'evolution'\?"):
        create("evolutoin", 0)


def test_unknown_parameter_is_refused_with_the_nearest() -> None:
    with pytest.raises(InvalidInputError, match=r"'evolution': unknown parameter 'populationsize'.*'population_size'"):
        create("evolution", 0, populationsize=10)


@pytest.mark.parametrize("seed", [2**63, pytest.param(10**5000, id="long"), -1, 1.5, "0", True, None])
def test_a_seed_is_a_non_negative_integer(seed: object) -> None:
    with pytest.raises(InvalidInputError, match="seed"):
        create("random", seed)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("evolution", {"population_size": 0}),
        ("evolution", {"tournament_size": "ten"}),
        ("local", {"first_improvement": 1}),
        ("optuna-tpe", {"max_duplicates": -1}),
        ("optuna-tpe", {"n_startup_trials": 0}),
        ("optuna-nsga2", {"population_size": 1}),
        ("evolution", {"population_size": 10**20}),
        ("nsga2", {"population_size": 10**18}),
        ("gp", {"encoding": 5}),
        ("multi-fidelity", {"cheap": 5}),
        ("multi-fidelity", {"share": datetime.date(2026, 1, 1)}),
        ("optuna-cmaes", {"storage": True}),
        ("xgboost", {"surrogate": ["ridge"]}),
        ("random", {"rng": 1}),
        ("random", {"name": "evolution"}),
    ],
)
def test_bad_parameter_values_are_refused_by_name(name: str, parameters: dict[str, object]) -> None:
    with pytest.raises(InvalidInputError, match=next(iter(parameters))):
        create(name, 0, **parameters)


@pytest.mark.parametrize("given", ["space", "n_objectives", "seed", "rng"])
def test_what_create_passes_is_no_parameter_of_a_plan(given: str) -> None:
    with pytest.raises(InvalidInputError, match=f"searcher 'evolution': {given} cannot be set as a parameter"):
        check_parameters("evolution", {given: 1})


def test_a_whole_number_may_be_written_as_a_float() -> None:
    assert create("evolution", 0, population_size=2e1).population_size == 20


def test_single_objective_searchers_refuse_several() -> None:
    for name, searcher in SEARCHERS.items():
        if not searcher.multi_objective:
            with pytest.raises(InvalidInputError, match="one objective"):
                create(name, 0, n_objectives=2)


def test_parameter_names_include_those_of_base_classes() -> None:
    assert parameter_names("random") == ()
    assert set(parameter_names("evolution")) == {"population_size", "tournament_size"}
    assert {"n_startup_trials", "storage", "study_name", "max_duplicates"} <= set(parameter_names("optuna-tpe"))


def test_a_generator_may_stand_for_a_seed() -> None:
    first, second = create("random", 3), create("random", np.random.default_rng(3))
    assert first.ask() == second.ask()


def test_what_a_searcher_looks_at_is_known_before_it_is_built() -> None:
    for name in SEARCHERS:
        searcher = create(name, 0)
        cheap = (searcher.cheap,) if isinstance(searcher, GlancingSearcher) else ()
        assert searcher_class(name).needed_objectives({}) == cheap
    assert searcher_class("multi-fidelity").needed_objectives({"cheap": "flops"}) == ("flops",)
