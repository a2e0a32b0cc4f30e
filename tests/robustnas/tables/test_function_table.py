from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from robustnas import Oracle
from robustnas.errors import (
    BudgetExhausted,
    EvaluationError,
    InvalidInputError,
    NotationError,
    ObjectiveError,
    UserCodeError,
)
from robustnas.spaces import ChoiceSpace, open_space
from robustnas.tables import function_table
from searchers import create, search
from tests.robustnas.spaces.large import Large, landscape

LARGE = Large()
SOME = [LARGE.sample(np.random.default_rng(seed)) for seed in range(5)]


def test_a_function_is_called_once_for_each_network() -> None:
    asked = []

    def measured(architecture: Any) -> dict[str, float]:
        asked.append(architecture)
        return {"clean": 0.5, "total": float(sum(architecture.options))}

    oracle = Oracle("total, params where clean >= 0.2", function_table(measured, LARGE, ["clean", "total"]), budget=3)
    one, other = SOME[0].replaced(c2=0, c3=5), SOME[0].replaced(c2=0, c3=6)
    first = oracle.query(one)
    assert first.scores == (sum(one.options), 1 + sum(one.options))
    assert first.utilities == (first.scores[0], -first.scores[1])
    assert first.slacks == pytest.approx((0.3,))
    assert (first.source, first.repeat) == ("measured", False)
    second = oracle.query(other)
    assert second.repeat
    assert second.scores == (first.scores[0], first.scores[1] + 1)  # costs are those of the architecture
    oracle.query(SOME[1])
    oracle.query(SOME[2])
    assert asked == [one, SOME[1], SOME[2]]
    with pytest.raises(BudgetExhausted):
        oracle.query(SOME[3])
    with pytest.raises(NotationError, match=r"its valid\(\) says so"):
        oracle.query(SOME[3].replaced(c0=1, c1=1))


def test_costs_narrow_what_is_searched() -> None:
    oracle = Oracle("clean where params <= 40", function_table(landscape, LARGE, ["clean", "pgd@1"]), budget=30)
    outcomes = list(search(create("evolution", 0, space=oracle.space), oracle))
    assert len(outcomes) == 30
    assert all(outcome.feasible for outcome in outcomes)
    narrow = Oracle("clean where params <= 2", function_table(landscape, LARGE, "clean"), budget=30)
    with pytest.raises(InvalidInputError, match=r"Large where params <= 2: of 30,000 .* loosen the constraints"):
        narrow.space.sample(np.random.default_rng(0))


def test_a_search_ends_where_nothing_is_left() -> None:
    class Four(ChoiceSpace):
        choices = {f"c{i}": (0, 1, 2, 3) for i in range(11)}  # noqa: RUF012

        def canonical(self, architecture: Any) -> Any:
            return architecture.replaced(**{f"c{i}": 0 for i in range(1, 11)})

    for name in ("random", "local", "evolution", "nsga2", "gp", "optuna-tpe"):
        oracle = Oracle("total", function_table(lambda one: {"total": sum(one.options)}, Four(), "total"), budget=9)
        found = list(search(create(name, 0, space=oracle.space), oracle))
        assert (oracle.n_queries, len(found)) == (4, 4), name


def test_spaces_that_are_enumerated_will_do() -> None:
    space = open_space("nasbench201")
    table = function_table(lambda cell: {"skips": str(cell).count("skip")}, space, "skips")
    oracle = Oracle("skips", table, budget=20)
    assert max(outcome.score for outcome in search(create("local", 0, space=oracle.space), oracle)) >= 2


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (None, "returned None for c0=.*; expected numbers by name, as in {'clean': 0.5}"),
        ({"pgd@1": 0.5}, "expected clean too, as its metrics say"),
        ({"clean": "high"}, "expected clean to be a number"),
        ({"clean": 71.0}, r"expected clean to be an accuracy in \[0, 1\]"),
    ],
)
def test_answers_are_checked(answer: Any, message: str) -> None:
    oracle = Oracle("clean", function_table(lambda _: answer, LARGE, "clean"), budget=5)
    with pytest.raises(EvaluationError, match=message):
        oracle.query(SOME[0])


def test_what_is_unknown_is_no_error() -> None:
    oracle = Oracle("clean", function_table(lambda _: {"clean": np.nan}, LARGE, "clean"), budget=5)
    assert np.isnan(oracle.query(SOME[0]).score)


def test_errors_of_the_function_are_told_as_the_users() -> None:
    def broken(architecture: Any) -> dict[str, float]:
        raise ZeroDivisionError("mine")

    with pytest.raises(UserCodeError, match="function broken: ZeroDivisionError: mine"):
        Oracle("clean", function_table(broken, LARGE, "clean"), budget=5).query(SOME[0])


def test_wrong_tables_are_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"metrics has params, which is a cost; define cost\(self, arch"):
        function_table(landscape, LARGE, ["clean", "params"])
    with pytest.raises(InvalidInputError, match="metrics is empty"):
        function_table(landscape, LARGE, [])
    with pytest.raises(InvalidInputError, match="function is 3"):
        function_table(3, LARGE, "clean")  # type: ignore[arg-type]  # what it tests
    costless = type("Costless", (ChoiceSpace,), {"choices": {f"c{i}": range(10) for i in range(12)}})()
    with pytest.raises(ObjectiveError, match=r"Costless has no params; define cost\(self, architecture\) in it"):
        Oracle("params", function_table(lambda _: {"clean": 0.5}, costless, "clean"), budget=5)
    table = function_table(landscape, LARGE, "clean")
    with pytest.raises(ObjectiveError, match="pgd@1"):
        Oracle("pgd@1", table, budget=5)
    with pytest.raises(InvalidInputError, match=r"budget"):
        Oracle("clean", table, budget=10**13)
    assert Oracle("clean", table).budget == 300
