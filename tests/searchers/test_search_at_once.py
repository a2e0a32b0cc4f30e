"""Searches whose networks are proposed several at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from robustnas import Oracle
from robustnas.errors import InvalidInputError, SearchStalled
from robustnas.oracle import Outcome
from robustnas.tables.array_table import ArrayTable
from searchers import create, search
from searchers.base import Searcher
from searchers.testing import landscape


class Listed(Searcher):
    """Proposes some networks in order, and notes what happens."""

    def __init__(self, cells: list[Any]) -> None:
        super().__init__(np.random.default_rng(0))
        self.left, self.happened = list(cells), list[tuple[str, Any]]()

    def ask(self) -> Any:
        if not self.left:
            raise SearchStalled("nothing is left")
        self.happened.append(("ask", self.left[0]))
        return self.left.pop(0)

    def tell(self, outcome: Outcome) -> None:
        self.happened.append(("tell", outcome.cell))


@pytest.fixture
def table() -> ArrayTable:
    return landscape()


def test_all_are_proposed_before_the_first_is_answered(table: ArrayTable) -> None:
    cells = [table.space.architecture(int(index)) for index in table.space.network_indices()[:5]]
    searcher = Listed(cells)
    outcomes = list(search(searcher, Oracle("clean", table, budget=4), at_once=3))
    assert [outcome.cell for outcome in outcomes] == cells[:4]
    asked, told = [("ask", cell) for cell in cells], [("tell", cell) for cell in cells]
    assert searcher.happened == [*asked[:3], *told[:3], asked[3], told[3]]  # and no more than the budget


def test_what_was_proposed_before_a_searcher_stalled_is_answered(table: ArrayTable) -> None:
    cells = [table.space.architecture(int(index)) for index in table.space.network_indices()[:2]]
    searcher = Listed(cells)
    outcomes = list(search(searcher, Oracle("clean", table, budget=10), at_once=4))
    assert [outcome.cell for outcome in outcomes] == cells
    assert len(searcher.happened) == 4


@pytest.mark.parametrize("name", ["random", "evolution", "gp", "multi-fidelity", "optuna-tpe"])
def test_every_kind_of_searcher_spends_its_budget(name: str, table: ArrayTable) -> None:
    own: dict[str, Any] = {"cheap": "pgd@1"} if name == "multi-fidelity" else {}

    def found(at_once: int) -> list[Any]:
        searcher = create(name, 0, space=table.space, **own)
        outcomes = search(searcher, Oracle("clean", table, budget=30), at_once=at_once)
        return [outcome.cell for outcome in outcomes if not outcome.repeat]

    assert len(set(found(4))) == 30
    assert found(4) == found(4)


def test_one_at_least(table: ArrayTable) -> None:
    with pytest.raises(InvalidInputError, match="at_once is 0"):
        next(search(create("random", 0), Oracle("clean", table, budget=2), at_once=0))
