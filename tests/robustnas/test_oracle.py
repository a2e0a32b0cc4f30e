from __future__ import annotations

import numpy as np
import pytest

from robustnas import Cell, Oracle
from robustnas.errors import BudgetExhausted, InvalidInputError, ObjectiveError, SearchStalled
from robustnas.spaces.nasbench201 import space
from robustnas.tables.array_table import ArrayTable


@pytest.fixture(scope="module")
def table() -> ArrayTable:
    rng = np.random.default_rng(0)
    return ArrayTable({"clean": rng.random(15625), "pgd@1": rng.random(15625)}, "made-up", "test")


def test_an_outcome_has_score_cost_and_source(table: ArrayTable) -> None:
    oracle = Oracle("clean, pgd@1, params", table, budget=3)
    cell = Cell.parse("#13433")
    outcome = oracle.query(cell)
    assert outcome.cell == cell
    assert outcome.scores[0] == table.column(table.metrics[0])[cell.index]
    assert outcome.scores[2] == 157_306
    assert outcome.utilities == (*outcome.scores[:2], -157_306)
    assert (outcome.cost, outcome.source, outcome.repeat) == (1 + 81, "test", False)
    assert oracle.cost == 82


def test_the_budget_counts_distinct_networks(table: ArrayTable) -> None:
    oracle = Oracle("clean", table, budget=2)
    cell = next(c for c in map(Cell.from_index, range(15625)) if space.canonical(c) != c)
    first, again = oracle.query(cell), oracle.query(space.canonical(cell))
    assert (first.repeat, again.repeat) == (False, True)
    assert again.cost == 0
    assert (oracle.n_queries, oracle.remaining) == (1, 1)


def test_a_spent_budget_refuses_new_networks_and_still_answers_old_ones(table: ArrayTable) -> None:
    oracle = Oracle("clean", table, budget=1)
    old, new = Cell((0,) * 6), Cell((3,) * 6)
    oracle.query(old)
    with pytest.raises(BudgetExhausted, match="budget of 1"):
        oracle.query(new)
    assert oracle.query(old).repeat


def test_repeats_are_capped(table: ArrayTable) -> None:
    oracle = Oracle("clean", table, budget=5, max_repeats=3)
    cell = Cell((0,) * 6)
    for _ in range(4):
        oracle.query(cell)
    with pytest.raises(SearchStalled, match=r"3 queries in a row.*1 of 5"):
        oracle.query(cell)
    oracle.query(Cell((3,) * 6))
    assert oracle.query(cell).repeat  # a new network resets the count


@pytest.mark.parametrize("budget", [0, -1, 6467, 1.5, True, "300"])
def test_bad_budgets_are_refused(table: ArrayTable, budget: object) -> None:
    with pytest.raises(InvalidInputError, match="budget"):
        Oracle("clean", table, budget=budget)  # type: ignore[arg-type]


def test_a_missing_metric_is_refused_with_what_there_is(table: ArrayTable) -> None:
    with pytest.raises(ObjectiveError, match=r"made-up holds no pgd@1.5; it has pgd@1"):
        Oracle("pgd@1.5", table)
    with pytest.raises(ObjectiveError, match=r"fgsm@1"):
        Oracle("fgsm@1", table)


def test_columns_of_another_shape_are_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"\(6466,\)"):
        ArrayTable({"clean": np.zeros(6466)})


def test_digests_follow_the_content(table: ArrayTable) -> None:
    same = ArrayTable({str(metric): table.column(metric) for metric in reversed(table.metrics)})
    other = ArrayTable({"clean": np.zeros(15625)})
    assert same.digest == table.digest != other.digest


def test_outcomes_say_by_how_much_constraints_are_satisfied() -> None:
    columns = {"clean": np.linspace(0, 1, 15625), "pgd@1": np.linspace(1, 0, 15625)}
    oracle = Oracle("pgd@1, params where clean >= 0.5 and params <= 4e5", ArrayTable(columns), budget=2)
    cell = Cell.parse("index:0")
    params = float(oracle.table.space.cost_column("params")[0])
    outcome = oracle.query(cell)
    assert outcome.slacks == (-0.5, 4e5 - params)
    assert not outcome.feasible
    assert np.isnan(outcome.utilities).all()
    assert outcome.signed == outcome.unconstrained == (1.0, -params)
    assert oracle.query(cell)[7:] == outcome[7:]  # a repeat says the same


def test_outcomes_without_constraints_are_feasible_whatever_they_score() -> None:
    outcome = Oracle("clean", ArrayTable({"clean": np.full(15625, np.nan)}), budget=1).query(Cell.parse("index:0"))
    assert outcome.feasible
    assert outcome.slacks == outcome.unconstrained == ()
    assert np.isnan(outcome.signed).all()
