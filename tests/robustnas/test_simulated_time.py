"""The simulated clock of the oracle: what a query takes, when the budget ends, and who pays for a glance."""

from __future__ import annotations

import numpy as np
import pytest

from robustnas import Oracle
from robustnas.errors import BudgetExhausted, InvalidInputError, ObjectiveError
from robustnas.spaces import open_space
from robustnas.spaces.nasbench201 import Cell
from robustnas.tables.array_table import ArrayTable
from robustnas.tables.column_facts import ColumnFacts
from searchers import create, search

HOUR = 3600.0
SECONDS = np.linspace(600.0, HOUR, 15625)


def table_with(**attached: np.ndarray) -> ArrayTable:
    rng = np.random.default_rng(0)
    columns = {"clean": rng.random(15625), "pgd@1": rng.random(15625)}
    return ArrayTable(columns, "made-up", attached={f"t.{name}": values for name, values in attached.items()})


@pytest.fixture(scope="module")
def table() -> ArrayTable:
    return table_with(train_seconds=SECONDS, val_acc=SECONDS / HOUR)


def test_a_query_takes_the_seconds_of_the_cell_asked_for(table: ArrayTable) -> None:
    oracle = Oracle("clean", table, budget="20 h")
    cells = [Cell.from_index(index) for index in (15000, 3, 15000)]
    outcomes = [oracle.query(cell) for cell in cells]
    assert [outcome.seconds for outcome in outcomes] == [SECONDS[15000], SECONDS[3], 0.0]
    assert oracle.clock is not None
    assert oracle.clock.seconds == SECONDS[15000] + SECONDS[3]


def test_a_query_that_would_overrun_ends_the_search_unanswered(table: ArrayTable) -> None:
    oracle = Oracle("clean", table, budget="2 h")
    networks = np.sort(open_space().network_indices())
    slow, other, third, quick = (Cell.from_index(int(index)) for index in (*networks[-3:], networks[0]))
    oracle.query(slow)
    oracle.query(other)
    with pytest.raises(BudgetExhausted, match=r"the budget of 2 h is spent: .* the next training takes"):
        oracle.query(third)
    with pytest.raises(BudgetExhausted):  # the time went to the one that was cut off, though this one would have fitted
        oracle.query(quick)
    assert (oracle.n_queries, oracle.remaining) == (2, 0)
    assert oracle.query(slow).repeat


def test_a_query_that_ends_exactly_at_the_deadline_counts() -> None:
    oracle = Oracle("clean", table_with(train_seconds=np.full(15625, HOUR)), budget="3 h")
    found = list(search(create("random", 0), oracle))
    assert len(found) == 3


def test_a_search_stays_within_its_time(table: ArrayTable) -> None:
    for name in ("random", "evolution", "local"):
        oracle = Oracle("clean, pgd@1" if name == "nsga2" else "clean", table, budget="90 min")
        spent = sum(outcome.seconds for outcome in search(create(name, 0), oracle))
        assert oracle.remaining == 0
        assert 90 * 60 - HOUR < spent <= 90 * 60


def test_a_clock_may_run_beside_a_budget_of_networks(table: ArrayTable) -> None:
    plain, timed = (Oracle("clean", table, budget=20, time=time) for time in (None, "t.train_seconds"))
    first, second = (list(search(create("evolution", 1), oracle)) for oracle in (plain, timed))
    assert [outcome.cell for outcome in first] == [outcome.cell for outcome in second]
    assert [outcome.seconds for outcome in first] == [0.0] * 20
    assert [outcome.seconds for outcome in second] == [SECONDS[outcome.cell.index] for outcome in second]


def test_seconds_may_be_a_sum_of_columns(table: ArrayTable) -> None:
    oracle = Oracle("clean", table, budget="20 h", time="0.5*t.train_seconds + 0.5*t.train_seconds")
    assert oracle.query(Cell.from_index(77)).seconds == pytest.approx(SECONDS[77])


def test_the_only_column_of_seconds_pays(table: ArrayTable) -> None:
    with pytest.raises(ObjectiveError, match=r"made-up has no column of seconds attached.*robustnas data attach"):
        Oracle("clean", table_with(val_acc=SECONDS), budget="20 h")
    several = table_with(train_seconds=SECONDS, eval_s=SECONDS, total_time=SECONDS)
    with pytest.raises(ObjectiveError, match=r"2 columns of seconds \(t.train_seconds, t.total_time\); say which"):
        Oracle("clean", several, budget="20 h")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.where(np.arange(15625) < 8, np.nan, SECONDS), "unknown for 8 of 15,625"),
        (SECONDS - 600, "is 0 for an architecture; expected positive"),
        (np.where(np.arange(15625) == 5, np.inf, SECONDS), "is infinite for 1 of 15,625"),
    ],
)
def test_faulty_seconds_are_refused(values: np.ndarray, message: str) -> None:
    with pytest.raises(ObjectiveError, match=message):
        Oracle("clean", table_with(train_seconds=values), budget="20 h")


def test_bad_budgets_and_columns_are_refused(table: ArrayTable) -> None:
    with pytest.raises(InvalidInputError, match=r"budget is '59 min', but the longest query takes 1 h by t.train_s"):
        Oracle("clean", table, budget="59 min")
    with pytest.raises(InvalidInputError, match="budget is '300'; expected a number of networks or a duration"):
        Oracle("clean", table, budget="300")
    with pytest.raises(ObjectiveError, match=r"unknown attached column 't.nix'"):
        Oracle("clean", table, budget="20 h", time="t.nix")
    with pytest.raises(ObjectiveError, match="expected a column of seconds"):
        Oracle("clean", table, budget="20 h", time="t.train_seconds where params < 3")


@pytest.mark.parametrize(
    ("time", "message"),
    [
        ("clean", "time 'clean': clean is an accuracy; expected a column of seconds"),
        ("0.5*params", r"time '0.5\*params': params is the size of a network"),
        ("t.val_acc", r"t.val_acc is maximised, but seconds are a cost; .* \(if it is one, .* --minimise val_acc\)"),
    ],
)
def test_what_is_no_time_pays_for_nothing(table: ArrayTable, time: str, message: str) -> None:
    with pytest.raises(ObjectiveError, match=message):
        Oracle("clean", table, budget="500 h", time=time)


def test_a_column_that_is_declared_a_cost_pays() -> None:
    declared = {"t.val_acc": ColumnFacts(minimised=True)}
    table = ArrayTable({"clean": SECONDS / HOUR}, attached={"t.val_acc": SECONDS}, facts=declared)
    assert Oracle("clean", table, budget="2 h", time="t.val_acc").query(Cell.from_index(15624)).seconds == HOUR


class TestFidelities:
    def test_a_share_costs_passes_and_seconds(self, table: ArrayTable) -> None:
        oracle = Oracle("pgd@1", table, budget="20 h")
        outcome = oracle.cheaper("t.val_acc", 0.06).query(Cell.from_index(9))
        assert (outcome.cost, outcome.seconds) == (pytest.approx(0.06 * 81), pytest.approx(0.06 * SECONDS[9]))
        assert oracle.clock is not None
        assert oracle.clock.seconds == outcome.seconds
        assert oracle.n_queries == 0

    def test_a_column_of_its_own_pays(self, table: ArrayTable) -> None:
        oracle = Oracle("t.val_acc", table, budget="20 h")
        assert oracle.cheaper("clean", "0.25*t.train_seconds").query(Cell.from_index(9)).seconds == SECONDS[9] / 4

    def test_without_a_clock_a_share_is_one_of_passes(self, table: ArrayTable) -> None:
        outcome = Oracle("pgd@1", table).cheaper("t.val_acc", 0.5).query(Cell.from_index(9))
        assert (outcome.cost, outcome.seconds) == (40.5, 0.0)

    def test_costs_that_mean_nothing_are_refused(self, table: ArrayTable) -> None:
        with pytest.raises(InvalidInputError, match="cheap_cost of 'clean' is not given, which a search in simulated"):
            Oracle("pgd@1", table, budget="20 h").cheaper("clean")
        with pytest.raises(InvalidInputError, match="but there is no clock"):
            Oracle("pgd@1", table).cheaper("t.val_acc", "0.06*t.train_seconds")
        with pytest.raises(InvalidInputError, match="costs no passes"):
            Oracle("t.val_acc", table).cheaper("clean", 0.06)

    def test_a_multi_fidelity_search_pays_for_its_glances(self, table: ArrayTable) -> None:
        oracle = Oracle("pgd@1", table, budget="6 h")
        searcher = create("multi-fidelity", 0, cheap="t.val_acc", cheap_cost=0.06, share=0.3)
        outcomes = list(search(searcher, oracle))
        own = np.array([SECONDS[outcome.cell.index] for outcome in outcomes])
        glances = np.array([outcome.seconds for outcome in outcomes]) - own
        assert oracle.clock is not None
        assert sum(outcome.seconds for outcome in outcomes) <= oracle.clock.seconds <= 6 * HOUR
        assert (glances[1:] > 0).all()  # there is nothing to glance at before the first
        assert (glances[1:] <= 0.3 * own[:-1] + 0.06 * HOUR).all()

    @pytest.mark.parametrize("cost", [0, -0.1, 1.5, True, [1], "", "t.a where params < 3", float("nan")])
    def test_bad_costs_are_refused(self, cost: object) -> None:
        with pytest.raises(InvalidInputError):
            create("multi-fidelity", 0, cheap_cost=cost)
