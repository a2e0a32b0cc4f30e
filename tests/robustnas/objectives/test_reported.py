from __future__ import annotations

import numpy as np
import pytest

from robustnas.errors import InvalidInputError, ObjectiveError
from robustnas.objectives import Reported
from robustnas.tables.array_table import ArrayTable
from robustnas.tables.table import Table
from tests.robustnas.spaces.test_search_space import GRID


@pytest.mark.parametrize(
    ("text", "dataset", "objective"),
    [
        ("clean", "", "clean"),
        ("cifar100:pgd@1", "cifar100", "pgd@1"),
        ("corruption:fog@3", "", "corruption:fog@3"),
        ("cifar100:corruption:fog", "cifar100", "corruption:fog"),
        ("my_tables.py:table:clean", "my_tables.py:table", "clean"),
        ("cifar10-surrogate@1 : 0.5*clean + 0.5*pgd@1", "cifar10-surrogate@1", "0.5*clean + 0.5*pgd@1"),
        ("t.test_acc", "", "t.test_acc"),
    ],
)
def test_terms(text: str, dataset: str, objective: str) -> None:
    found = Reported.parse(text)
    assert (found.dataset, str(found.objective)) == (dataset, objective)
    assert Reported.parse(str(found)) == found


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cifar100:pdg@1", "did you mean 'pgd@1'"),
        ("corruption:fgo", "unknown corruption 'fgo'; did you mean 'fog'"),
        ("cifar100:corruption:fgo", "unknown corruption 'fgo'"),
        ("clean where params < 3", "where-clause"),
        ("cifar100:clean, pgd@1", "is not one objective"),
        ("cifar100:", "is not one objective"),
        (":clean", "unknown objective"),
        ("", "is not one objective"),
    ],
)
def test_what_is_no_term_is_refused(text: str, message: str) -> None:
    with pytest.raises(ObjectiveError, match=message):
        Reported.parse(text)


def open_none(dataset: str) -> Table:
    raise AssertionError(f"{dataset} is opened")


def test_the_table_searched_is_not_opened_again() -> None:
    table = ArrayTable({"clean": np.zeros(15625)}, "made-up")
    assert Reported.parse("clean").table(table, open_none) is table
    assert Reported.parse("made-up:clean").table(table, open_none) is table


def test_a_metric_that_the_other_table_lacks_is_refused() -> None:
    table = ArrayTable({"clean": np.zeros(15625)}, "made-up")
    with pytest.raises(ObjectiveError, match=r"other: unknown metric 'pgd@1'"):
        Reported.parse("other:pgd@1").table(table, lambda name: ArrayTable({"clean": np.zeros(15625)}, name))


def test_a_dataset_over_another_space_is_refused() -> None:
    table = ArrayTable({"clean": np.zeros(15625)}, "made-up")
    other = ArrayTable({"clean": np.zeros(GRID.size)}, "grid-data", space=GRID)
    message = r"report 'grid-data:clean': grid-data is over the space grid, made-up over nasbench201"
    with pytest.raises(InvalidInputError, match=message):
        Reported.parse("grid-data:clean").table(table, lambda _: other)
