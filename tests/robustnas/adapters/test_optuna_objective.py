from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import optuna
import pytest
from optuna.trial import TrialState

from robustnas import Oracle
from robustnas.adapters import OptunaObjective
from robustnas.errors import BudgetExhausted
from robustnas.spaces import Subspace
from robustnas.spaces.nasbench201 import NASBENCH201 as SPACE
from robustnas.tables.array_table import ArrayTable
from searchers.testing import landscape

FEW = "params <= 500000"

pytestmark = pytest.mark.timeout(60)  # slow where processors are shared


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    yield
    optuna.logging.set_verbosity(before)


def study_of(objective: OptunaObjective, seed: int = 1) -> optuna.Study:
    sampler = optuna.samplers.TPESampler(seed=seed)
    return optuna.create_study(directions=objective.directions, sampler=sampler)


def params_of(index: int) -> dict[str, object]:
    return SPACE.choices_of(SPACE.architecture(index))


def test_scores_are_in_natural_units_and_in_their_own_directions() -> None:
    objective = OptunaObjective(Oracle("clean, params", landscape()))
    assert objective.directions == ["maximize", "minimize"]
    clean, params = objective(optuna.trial.FixedTrial(params_of(4711)))  # type: ignore[misc]
    assert clean == landscape().column(landscape().metrics[0])[4711]
    assert params == SPACE.cost_column("params")[4711]
    alone = OptunaObjective(Oracle("clean", landscape()))
    assert alone(optuna.trial.FixedTrial(params_of(4711))) == clean


def test_distributions_are_those_of_the_trials() -> None:
    objective = OptunaObjective(Oracle("clean", landscape(), budget=5))
    study = study_of(objective)
    study.optimize(objective)
    assert all(trial.distributions == objective.distributions for trial in study.trials)
    trial = study_of(objective).ask(objective.distributions)
    assert trial.params.keys() == SPACE.choices.keys()


def test_the_budget_ends_the_study_and_counts_distinct_networks() -> None:
    objective = OptunaObjective(Oracle("clean", landscape(), budget=60))
    study = study_of(objective)
    study.optimize(objective, n_trials=10_000)
    networks = {SPACE.uid(outcome.cell) for outcome in objective.questions.outcomes}
    assert len(networks) == len(objective.questions.outcomes) == objective.questions.oracle.n_queries == 60
    assert len(study.trials) < 1000
    assert study.best_value == max(outcome.score for outcome in objective.questions.outcomes)


def test_a_spent_budget_is_an_error_where_trials_are_asked_for() -> None:
    objective = OptunaObjective(Oracle("clean", landscape(), budget=1))
    study = study_of(objective)
    study.tell(trial := study.ask(), objective(trial))
    study.enqueue_trial(params_of(15624))
    with pytest.raises(BudgetExhausted, match="budget of 1"):
        objective(study.ask())
    study.optimize(objective, n_trials=100)
    assert [trial.state for trial in study.trials][2:] == [TrialState.FAIL]


def test_a_budget_of_simulated_time_ends_the_study() -> None:
    clean = landscape().column(landscape().metrics[0])
    table = ArrayTable({"clean": clean}, "made-up", attached={"t.train_seconds": np.full(SPACE.size, 60.0)})
    objective = OptunaObjective(Oracle("clean", table, budget="30 min"))
    study_of(objective).optimize(objective, n_trials=1000)
    assert len(objective.questions.outcomes) == 30


def test_a_study_that_only_repeats_itself_ends() -> None:
    objective = OptunaObjective(Oracle("clean", landscape(), budget=9, max_repeats=7))
    study = study_of(objective)
    for _ in range(20):
        study.enqueue_trial(params_of(0))
    study.optimize(objective, n_trials=20)
    states = [trial.state for trial in study.trials if trial.state != TrialState.WAITING]
    assert states == [TrialState.COMPLETE] * 8 + [TrialState.FAIL]
    assert objective.questions.oracle.n_queries == 1


def test_constraints_are_positive_where_violated_and_known_to_samplers() -> None:
    objective = OptunaObjective(Oracle(f"clean, pgd@1 where {FEW} and clean > 0.2", landscape(), budget=40))
    study = study_of(objective)
    study.optimize(objective)
    params = SPACE.cost_column("params")
    for trial in study.trials:
        index = SPACE.index(SPACE.from_choices(trial.params))
        expected = (params[index] - 500_000, 0.2 - trial.values[0])
        assert objective.constraints_func(trial) == pytest.approx(expected)
        assert trial.constraints == pytest.approx(dict(zip((FEW, "clean > 0.2"), expected, strict=True)))
    front = [SPACE.index(SPACE.from_choices(trial.params)) for trial in study.best_trials]
    assert front
    assert (params[front] <= 500_000).all()


def test_constraints_lead_the_search_to_feasible_networks() -> None:
    bound = float(np.quantile(SPACE.cost_column("params"), 0.05))
    objective = OptunaObjective(Oracle(f"clean where params <= {bound}", landscape(), budget=80))
    study_of(objective).optimize(objective)
    late = [outcome.cell.index for outcome in objective.questions.outcomes[40:]]
    assert (SPACE.cost_column("params")[late] <= bound).mean() > 0.2


def test_a_strict_comparison_is_violated_where_both_sides_are_equal() -> None:
    clean = np.full(SPACE.size, 0.5)
    clean[0] = 0.75
    for sign, violated in ((">", [False, True]), (">=", [False, False])):
        objective = OptunaObjective(Oracle(f"clean where clean {sign} 0.5", ArrayTable({"clean": clean})))
        study = study_of(objective)
        study.enqueue_trial(params_of(0))
        study.enqueue_trial(params_of(15624))
        study.optimize(objective, n_trials=2)
        assert [objective.constraints_func(trial)[0] > 0 for trial in study.trials] == violated


def test_trials_of_which_something_is_unknown_fail() -> None:
    clean, latency = np.linspace(0.2, 0.9, SPACE.size), np.linspace(1.0, 9.0, SPACE.size)
    clean[10], latency[20] = np.nan, np.nan
    table = ArrayTable({"clean": clean}, "made-up", attached={"hw.latency": latency})
    objective = OptunaObjective(Oracle("clean, flops where hw.latency <= 5", table))
    study = study_of(objective)
    for index in (10, 20, 30):
        study.enqueue_trial(params_of(index))
    study.optimize(objective, n_trials=3)
    assert [trial.state for trial in study.trials] == [TrialState.FAIL, TrialState.FAIL, TrialState.COMPLETE]


def test_architectures_outside_of_a_subspace_fail_and_cost_nothing() -> None:
    inside = SPACE.cost_column("params") < 300_000
    table = ArrayTable({"clean": landscape().column(landscape().metrics[0])}, "made-up", space=Subspace(SPACE, inside))
    objective = OptunaObjective(Oracle("clean", table, budget=20))
    study = study_of(objective)
    study.optimize(objective, n_trials=1000)
    assert len(objective.questions.outcomes) == 20
    assert all(outcome.cell in table.space for outcome in objective.questions.outcomes)


def test_a_seed_fixes_the_study() -> None:
    def run(seed: int) -> list[int]:
        objective = OptunaObjective(Oracle("clean, pgd@1", landscape(), budget=40))
        study_of(objective, seed).optimize(objective)
        return [outcome.cell.index for outcome in objective.questions.outcomes]

    assert run(1) == run(1) != run(2)


def test_threads_share_one_budget() -> None:
    objective = OptunaObjective(Oracle("clean", landscape(), budget=50))
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(seed=0))
    study.optimize(objective, n_trials=1000, n_jobs=4)
    assert objective.questions.oracle.n_queries == len(objective.questions.outcomes) == 50
