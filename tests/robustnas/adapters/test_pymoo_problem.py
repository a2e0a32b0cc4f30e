from __future__ import annotations

import random
import sys

import numpy as np
import pytest
from pymoo.algorithms.moo.nsga2 import NSGA2
from pymoo.algorithms.soo.nonconvex.ga import GA
from pymoo.core.mixed import MixedVariableGA
from pymoo.core.mutation import Mutation
from pymoo.operators.crossover.ux import UX
from pymoo.operators.mutation.rm import ChoiceRandomMutation
from pymoo.operators.sampling.rnd import IntegerRandomSampling
from pymoo.optimize import minimize

import robustnas.adapters
from robustnas import Oracle
from robustnas.adapters import PymooProblem
from robustnas.errors import MissingPackageError
from robustnas.spaces import Subspace
from robustnas.spaces.nasbench201 import NASBENCH201 as SPACE
from robustnas.tables.array_table import ArrayTable
from searchers.testing import landscape

COST = "params <= 500000"

pytestmark = pytest.mark.timeout(60)  # slow where processors are shared


def codes(index: int) -> np.ndarray:
    return SPACE.codes()[index].astype(int)


def nsga2(pop_size: int = 20) -> NSGA2:
    return NSGA2(pop_size, sampling=IntegerRandomSampling(), crossover=UX(), mutation=ChoiceRandomMutation())


def column(name: str) -> np.ndarray:
    return next(landscape().column(metric) for metric in landscape().metrics if str(metric) == name)


def test_a_problem_says_what_is_optimised_and_over_what() -> None:
    problem = PymooProblem(Oracle(f"clean, params where {COST} and clean > 0.4", landscape()))
    assert (problem.n_var, problem.n_obj, problem.n_ieq_constr, problem.n_eq_constr) == (6, 2, 2, 0)
    assert problem.xl.tolist() == [0] * 6
    assert problem.xu.tolist() == [4] * 6
    assert PymooProblem(Oracle("clean", landscape())).n_ieq_constr == 0


def test_scores_are_minimised_and_constraints_positive_where_violated() -> None:
    problem = PymooProblem(Oracle(f"clean, params where {COST} and clean > 0.4", landscape()))
    indices = [0, 4711, 15624]
    f, g = problem.evaluate(np.array([codes(index) for index in indices]))
    params = SPACE.cost_column("params")[indices]
    clean = column("clean")[indices]
    assert f == pytest.approx(np.column_stack([-clean, params]))
    assert g == pytest.approx(np.column_stack([params - 500_000, 0.4 - clean]))
    assert [outcome.cell.index for outcome in problem.questions.outcomes] == indices
    assert problem.questions.oracle.n_queries == 3


def test_a_strict_comparison_is_violated_where_both_sides_are_equal() -> None:
    clean = np.full(SPACE.size, 0.5)
    clean[0] = 0.75
    x = np.array([codes(0), codes(15624)])
    for sign, violated in ((">", [False, True]), (">=", [False, False])):
        problem = PymooProblem(Oracle(f"clean where clean {sign} 0.5", ArrayTable({"clean": clean})))
        assert (problem.evaluate(x)[1][:, 0] > 0).tolist() == violated


def test_numbers_are_rounded_and_kept_in_range() -> None:
    problem = PymooProblem(Oracle("clean", landscape()))
    assert problem.architecture([3.6, -0.4, 0.4, 4.9, 2.0, 1.0]) == problem.architecture([4, 0, 0, 4, 2, 1])
    one = problem.evaluate(codes(4711))
    assert one == pytest.approx([-column("clean")[4711]])


def test_what_is_unknown_is_as_bad_as_the_worst_and_infeasible() -> None:
    clean, latency = np.linspace(0.2, 0.9, SPACE.size), np.linspace(1.0, 9.0, SPACE.size)
    clean[10], latency[20] = np.nan, np.nan
    table = ArrayTable({"clean": clean}, "made-up", attached={"hw.latency": latency})
    problem = PymooProblem(Oracle("clean where hw.latency <= 5", table))
    f, g = problem.evaluate(np.array([codes(10), codes(20), codes(30)]))
    assert f[:, 0] == pytest.approx([-0.2, -clean[20], -clean[30]])
    assert g[:, 0] == pytest.approx([latency[10] - 5, 4.0, latency[30] - 5])
    nothing = PymooProblem(Oracle("clean", ArrayTable({"clean": np.full(SPACE.size, np.nan)})))
    assert nothing.evaluate(codes(0)).tolist() == [0.0]


def test_the_budget_ends_the_run_and_counts_distinct_networks() -> None:
    problem = PymooProblem(Oracle("clean, pgd@1", landscape(), budget=50))
    result = minimize(problem, nsga2(), ("n_gen", 1000), seed=1)
    networks = {SPACE.uid(outcome.cell) for outcome in problem.questions.outcomes}
    assert len(networks) == len(problem.questions.outcomes) == problem.questions.oracle.n_queries == 50
    assert result.algorithm.n_gen < 10
    known = {outcome.utilities for outcome in problem.questions.outcomes}
    assert {tuple(-f) for f in result.F} <= known


def test_a_budget_of_simulated_time_ends_the_run() -> None:
    table = ArrayTable({"clean": column("clean")}, "made-up", attached={"t.train_seconds": np.full(SPACE.size, 60.0)})
    problem = PymooProblem(Oracle("clean", table, budget="30 min"))
    minimize(problem, nsga2(), ("n_gen", 1000), seed=1)
    assert len(problem.questions.outcomes) == 30


def test_an_algorithm_that_only_repeats_itself_ends() -> None:
    problem = PymooProblem(Oracle("clean", landscape(), budget=50, max_repeats=25))
    same = np.tile(codes(0), (10, 1))
    algorithm = GA(10, sampling=same, crossover=UX(), mutation=Mutation(), eliminate_duplicates=False)
    result = minimize(problem, algorithm, ("n_gen", 1000), seed=1)
    assert result.algorithm.n_gen < 10
    assert problem.questions.oracle.n_queries == 1


def test_a_seed_fixes_the_run_and_global_random_states_are_untouched() -> None:
    def run(seed: int) -> list[int]:
        problem = PymooProblem(Oracle("clean, pgd@1", landscape(), budget=60))
        minimize(problem, nsga2(), seed=seed)
        return [outcome.cell.index for outcome in problem.questions.outcomes]

    first = run(1)
    before = random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002
    assert run(1) == first != run(2)
    assert before == (random.getstate(), np.random.get_state()[1].tolist())  # noqa: NPY002


def test_a_search_finds_what_is_feasible_and_better_than_a_random_one() -> None:
    problem = PymooProblem(Oracle(f"clean where {COST}", landscape(), budget=300))
    algorithm = GA(20, sampling=IntegerRandomSampling(), crossover=UX(), mutation=ChoiceRandomMutation())
    result = minimize(problem, algorithm, ("n_gen", 1000), seed=3)
    params, clean = SPACE.cost_column("params"), column("clean")
    small = params <= 500_000
    assert problem.architecture(result.X).index in np.flatnonzero(small)
    assert -result.F[0] == pytest.approx(clean[problem.architecture(result.X).index])
    assert (clean[small] > -result.F[0]).mean() < 0.005


def test_mixed_variables_histories_and_default_operators_work() -> None:
    problem = PymooProblem(Oracle("clean", landscape(), budget=60))
    result = minimize(problem, MixedVariableGA(20), ("n_gen", 50), seed=1, save_history=True)
    assert len(problem.questions.outcomes) == 60
    assert all(entry.problem is problem for entry in result.history)
    assert problem.architecture(result.X).index in {outcome.cell.index for outcome in problem.questions.outcomes}
    plain = PymooProblem(Oracle("clean, pgd@1", landscape(), budget=40))
    assert len(minimize(plain, NSGA2(20), ("n_gen", 50), seed=1).F)


def test_architectures_outside_of_a_subspace_cost_nothing() -> None:
    inside = SPACE.cost_column("params") < 300_000
    table = ArrayTable({"clean": column("clean")}, "made-up", space=Subspace(SPACE, inside))
    problem = PymooProblem(Oracle("clean", table, budget=20))
    minimize(problem, nsga2(), ("n_gen", 1000), seed=1)
    assert len(problem.questions.outcomes) == 20
    assert all(outcome.cell in table.space for outcome in problem.questions.outcomes)


def test_a_missing_pymoo_is_named_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pymoo.core.problem", None)
    monkeypatch.delitem(sys.modules, "robustnas.adapters.pymoo_problem")
    with pytest.raises(MissingPackageError, match=r"PymooProblem needs pymoo .*pip install 'robustnas\[pymoo\]'"):
        _ = robustnas.adapters.PymooProblem
    with pytest.raises(AttributeError, match="PymoProblem"):
        _ = robustnas.adapters.PymoProblem
