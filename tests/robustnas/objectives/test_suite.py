"""The suite of problems of several objectives: names that stand for objectives, and that records carry."""

from __future__ import annotations

import numpy as np
import pytest

from experiments.comparison.plan import Plan
from experiments.comparison.spec import RunSpec
from robustnas.errors import InvalidInputError, ObjectiveError
from robustnas.objectives import (
    SUITE,
    Objective,
    asked_text,
    facts,
    objectives_text,
    parse_objectives,
    title,
    utility_columns,
)
from robustnas.tables import ArrayTable
from robustnas.tables.column_facts import ColumnFacts

SIZE = 15625


def test_there_are_eight_problems_of_two_to_four_objectives() -> None:
    assert list(SUITE) == [f"rob201-mop{i}" for i in range(1, 9)]
    assert [len(parse_objectives(name)) for name in SUITE] == [2, 3, 3, 2, 3, 3, 3, 4]
    assert len({problem.objectives for problem in SUITE.values()}) == 8


@pytest.mark.parametrize("name", SUITE)
def test_a_name_stands_for_its_objectives_as_they_are_written(name: str) -> None:
    assert objectives_text(parse_objectives(name)) == SUITE[name].objectives
    assert asked_text(name) == name


def test_a_where_clause_may_follow() -> None:
    assert objectives_text(parse_objectives(" rob201-mop1 where params<=5e5 ")) == "clean, pgd@1 where params <= 5e5"
    assert asked_text(" rob201-mop1 where params<=5e5 ") == "rob201-mop1 where params <= 5e5"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rob201-mop9", "unknown problem 'rob201-mop9'; did you mean 'rob201-mop"),
        ("rob201-mop", "unknown problem 'rob201-mop'"),
        ("rob201-mop1, flops", "stands for 'clean, pgd@1', and only a where-clause may follow"),
        ("rob201-mop1 + clean", "only a where-clause may follow"),
        ("clean, rob201-mop1", "rob201-mop1 is not one objective, but several: clean, pgd@1"),
    ],
)
def test_anything_else_is_refused(text: str, message: str) -> None:
    with pytest.raises(ObjectiveError, match=message):
        parse_objectives(text)


def test_a_name_is_not_one_objective() -> None:
    with pytest.raises(ObjectiveError, match="several: clean, apgd@1, params"):
        Objective("rob201-mop2")


def test_titles_and_facts_say_what_it_stands_for() -> None:
    table = ArrayTable({"clean": np.linspace(0, 1, SIZE), "pgd@1": np.linspace(1, 0, SIZE)})
    assert title("rob201-mop1") == "rob201-mop1: clean | PGD, eps 1/255"
    known = facts("rob201-mop1", table)
    assert (known["title"], known["objectives"]) == ("rob201-mop1: clean | PGD, eps 1/255", "clean, pgd@1")
    assert "objectives" not in facts("clean, pgd@1", table)


def test_runs_and_plans_keep_the_name() -> None:
    spec = RunSpec("rob201-mop1", "random", "random", {}, 10, 0)
    assert (spec.key[0], objectives_text(spec.objectives)) == ("rob201-mop1", "clean, pgd@1")
    plan = Plan(objectives=["rob201-mop2", "clean, pgd@1"], searchers=["random"], seeds=1)
    assert plan.objectives == ("rob201-mop2", "clean, pgd@1")


def test_a_problem_and_its_objectives_are_not_both_searched() -> None:
    with pytest.raises(InvalidInputError, match="'clean, pgd@1' is given twice"):
        Plan(objectives=["rob201-mop1", "clean, pgd@1"], searchers=["random"], seeds=1)


def test_without_its_latency_the_error_says_what_to_attach() -> None:
    table = ArrayTable({"clean": np.zeros(SIZE), "corruption": np.zeros(SIZE)}, dataset="mine")
    with pytest.raises(ObjectiveError, match=r"no hw.edgegpu_latency; robustnas data attach FILE .* --name hw"):
        utility_columns(parse_objectives("rob201-mop3"), table)


def test_where_a_table_declares_another_direction_it_is_another_problem() -> None:
    latency = {"hw.edgegpu_latency": np.zeros(SIZE)}
    declared = {"hw.edgegpu_latency": ColumnFacts(minimised=False)}
    table = ArrayTable({"clean": np.zeros(SIZE)}, attached=latency, facts=declared)
    spec = RunSpec("rob201-mop3", "random", "random", {}, 10, 0).on(table)
    assert spec.objective == "clean, corruption, max(hw.edgegpu_latency)"
