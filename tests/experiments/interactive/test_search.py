"""`robustnas.search` on any table, and what it returns."""

from __future__ import annotations

import re
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest

import robustnas
from robustnas.errors import InvalidInputError, ObjectiveError
from robustnas.tables import ArrayTable
from robustnas.tables.table import Table
from searchers import SEARCHERS, Searcher

SURROGATE = "cifar10-surrogate"


class Stages(robustnas.ChoiceSpace):
    """A small space of a user's own."""

    name = "stages"
    choices: ClassVar = {"depth": (1, 2, 3), "width": (8, 16, 32)}


@pytest.fixture(scope="module")
def own() -> Table:
    """A table of 7 of the 9 networks of a user's own space."""
    space = Stages()
    rows = [{**dict(space.architecture(i)), "acc": i / 10, "loss": (6 - i) / 3} for i in range(7)]
    return ArrayTable.from_frame(pd.DataFrame(rows), space=space, dataset="mine")


def test_a_search_finds_what_the_command_finds() -> None:
    result = robustnas.search("pgd@1", SURROGATE, "random", 40, seed=3)
    table = robustnas.open_table(SURROGATE)
    scores = [table.value(outcome.cell, "pgd@1") for outcome in result.outcomes]
    assert len(scores) == 40
    assert result.score == max(scores) == result.best.score == table.value(result.cell, "pgd@1")
    assert result.queries["best"].tolist() == np.maximum.accumulate(scores).tolist()
    regret = result.regret()
    assert regret["regret"].iloc[-1] == pytest.approx(table.best("pgd@1")["pgd@1"] - result.score)
    assert result.summary()["n_queries"].tolist() == [10, 25, 40]
    assert "best" in str(result)
    assert len(repr(result)) < 120


def test_several_objectives_give_a_front() -> None:
    result = robustnas.search("clean, params", SURROGATE, "random", 40)
    front = result.front()
    clean = [network["clean"] for network in front]
    params = [network["params"] for network in front]
    assert clean == sorted(clean, reverse=True)
    assert params == sorted(params, reverse=True)
    assert front[0]["worst@1"] == robustnas.open_table(SURROGATE).value(front[0].cell, "worst@1")
    assert 0 < result.score < 1
    assert result.regret()["regret"].iloc[-1] == pytest.approx(1 - result.score)


def test_any_table_over_any_space_in_part(own: Table) -> None:
    result = robustnas.search("acc", own, "gp")
    assert len(result.outcomes) == 7
    assert str(result.cell) == "depth=3,width=8"
    assert result.regret()["regret"].iloc[-1] == 0.0
    assert robustnas.search("loss", own, "evolution").cell == result.cell


def test_a_searcher_may_be_a_class(own: Table) -> None:
    class Sampling(Searcher):
        def ask(self) -> Any:
            return self.space.sample(self.rng)

        def tell(self, outcome: robustnas.Outcome) -> None:
            pass

    try:
        assert len(robustnas.search("acc", own, Sampling, 3).outcomes) == 3
        with pytest.raises(InvalidInputError, match="'Sampling' is of this process alone"):
            robustnas.compare(objectives=["acc"], searchers=[Sampling], budget=3, seeds=1, dataset=own, jobs=2)
        with pytest.raises(InvalidInputError, match="cannot name the source of 'Sampling'"):
            robustnas.compare(objectives=["acc"], searchers=[Sampling], budget=3, seeds=1, dataset=own, out="kept")
        records = robustnas.compare(objectives=["acc"], searchers=[Sampling], budget=3, seeds=2, dataset=own)
        assert records.searchers == ("Sampling",)
        another = type("random", (Sampling,), {})
        with pytest.raises(InvalidInputError, match="there is a searcher 'random' already"):
            robustnas.search("acc", own, another, 3)
    finally:
        SEARCHERS.pop("Sampling", None)


@pytest.mark.parametrize(
    ("keywords", "told"),
    [
        ({"budgett": 30}, "unknown parameter 'budgett'; did you mean 'budget'?"),
        ({"searcher": "gpp"}, "did you mean 'gp'?"),
        ({"searcher": 3}, "searcher is 3; expected a name"),
        ({"budget": 0}, "budget is 0; expected an integer of at least 1"),
        ({"budget": 7000}, "budget is 7000; expected an integer from 1 to 6466"),
        ({"dataset": "cifar1"}, "unknown dataset 'cifar1'"),
        ({"dataset": pd.DataFrame()}, "ArrayTable.from_frame makes a table of one"),
        ({"evaluation": {"epochs": 1}}, "no images are named"),
        ({"images": "digits", "evaluation": {"epoch": 1}}, "unknown option 'epoch'; did you mean 'epochs'?"),
        ({"objective": None}, "objective is None; expected a text such as 'pgd@1'"),
        ({"objective": "pgd"}, "as in pgd@1"),
    ],
)
def test_a_wrong_value_is_named(keywords: dict[str, Any], told: str) -> None:
    arguments = {"objective": "pgd@1", "dataset": SURROGATE, **keywords}
    with pytest.raises(InvalidInputError, match=re.escape(told)) as error:
        robustnas.search(**arguments)
    assert len(str(error.value)) < 900


def test_without_data_the_surrogate_is_searched_and_said(own_cache: object, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.warns(UserWarning, match="a model's predictions and not measurements") as caught:
        assert robustnas.search("pgd@1", budget=3).table.dataset == SURROGATE
    assert caught[0].filename == __file__


def test_nothing_of_a_growing_table_is_known_before_it_is_measured() -> None:
    space = robustnas.open_space()
    unknown = ArrayTable({"pgd@1": np.full(space.size, np.nan)})
    with pytest.raises(ObjectiveError, match="no network of custom has a known score"):
        unknown.best("pgd@1")
