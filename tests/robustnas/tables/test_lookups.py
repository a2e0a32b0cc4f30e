"""What a table answers by hand, over any space, complete, in part or growing."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest

from robustnas import Cell, ChoiceSpace, Objective, Oracle, open_table
from robustnas.errors import InvalidInputError, NotationError, ObjectiveError
from robustnas.spaces.nasbench201 import SKELETONS
from robustnas.tables import ArrayTable, GrowingTable, function_table
from robustnas.tables.network import Networks
from robustnas.tables.network_table import NetworkTable
from tests.robustnas.tables.test_growing_table import MadeUp

SURROGATE = open_table("cifar10-surrogate")
assert isinstance(SURROGATE, NetworkTable)


class Sizes(ChoiceSpace):
    """Two widths, three depths."""

    name = "sizes"
    choices: ClassVar = {"depth": (1, 2, 3), "width": (8, 16)}

    def valid(self, architecture: object) -> bool:
        return dict(architecture) != {"depth": 1, "width": 8}  # type: ignore[call-overload]


def test_one_network_has_all_scores_and_any_objective() -> None:
    network = SURROGATE["#13433"]
    assert network.cell == Cell.parse("#13433")
    assert dict(network) == SURROGATE.scores("#13433")
    attacks = ("fgsm@1", "pgd@1", "apgd@1", "square@1")
    assert network["worst@1"] == min(network[name] for name in attacks) == SURROGATE.value("#13433", "worst@1")
    assert network["params"] == SKELETONS["cifar10"].parameters(network.cell)
    with pytest.raises(ObjectiveError, match="did you mean 'pgd@1'"):
        network["pgdd@1"]


def test_several_networks_are_a_list_with_a_frame() -> None:
    several = SURROGATE[["#13433", Cell.parse("#7"), 5]]
    assert isinstance(several, Networks)
    assert several.architectures == [Cell.parse("#13433"), Cell.parse("#7"), Cell.parse("#5")]
    frame = several.frame()
    assert frame["pgd@1"].tolist() == SURROGATE.values(["#13433", "#7", "#5"], "pgd@1").tolist()
    assert len(several[:2]) == 2
    assert SURROGATE[pd.Series(["#7"])][0].cell == Cell.parse("#7")
    with pytest.raises(InvalidInputError, match="may be ids or indices"):
        SURROGATE[np.array([1, 2])]
    with pytest.raises(InvalidInputError, match="not a place among 3 networks"):
        several["pgd@1"]  # type: ignore[call-overload]


def test_the_best_are_networks_once_each_and_satisfy_constraints() -> None:
    best = SURROGATE.best("worst@1 where params <= 2e5", 4)
    assert len({network.uid for network in best}) == 4
    scores = [network["worst@1"] for network in best]
    assert scores == sorted(scores, reverse=True)
    assert all(network["params"] <= 2e5 for network in best)
    assert SURROGATE.best("pgd@1")["pgd@1"] == SURROGATE.column("pgd@1").max()
    with pytest.raises(ObjectiveError, match="is several objectives; expected one, or front"):
        SURROGATE.best("clean, pgd@1")
    with pytest.raises(InvalidInputError, match="n is 0"):
        SURROGATE.best("clean", 0)


def test_the_front_has_no_dominated_network() -> None:
    front = SURROGATE.front("clean, params")
    clean, params = ([network[name] for network in front] for name in ("clean", "params"))
    assert clean == sorted(clean, reverse=True)
    assert params == sorted(params, reverse=True)
    assert len(set(params)) == len(params)


def test_an_objective_is_no_architecture_and_it_is_said() -> None:
    with pytest.raises(NotationError, match=r"'pgd@1' is an objective: best\('pgd@1'\)"):
        SURROGATE["pgd@1"]
    with pytest.raises(TypeError):
        iter(SURROGATE)  # type: ignore[call-overload]  # its entries would be the cells 0, 1, 2, ...


def test_a_table_in_part_over_an_own_space() -> None:
    space = Sizes()
    rows = [{**dict(space.architecture(i)), "acc": float(i), "latency_ms": 10.0 - i} for i in space.members()[:4]]
    table = ArrayTable.from_frame(pd.DataFrame(rows), space=space)
    assert str(table.best("acc").cell) == "depth=3,width=8"
    assert str(table.best("latency_ms").cell) == "depth=3,width=8"
    assert [network["acc"] for network in table.front("acc, latency_ms")] == [4.0]
    unknown = table["depth=3,width=16"]
    assert np.isnan(unknown["acc"])
    assert "–" in unknown._repr_html_()
    assert table.best("acc", 100).frame()["acc"].tolist() == [4.0, 3.0, 2.0, 1.0]


def test_a_growing_table_answers_what_it_knows() -> None:
    table = GrowingTable(MadeUp(), Objective("pgd@8").metrics)
    with pytest.raises(ObjectiveError, match="has a known score of 'pgd@8' yet"):
        table.best("pgd@8")
    assert np.isnan(table.value("#13433", "pgd@8"))
    Oracle("pgd@8", table).query("#13433")
    assert table.best("pgd@8")["pgd@8"] == table.value("#13433", "pgd@8") == table["#13433"]["pgd@8"]
    assert "#13433" not in repr(table)


def test_a_space_that_is_not_enumerated_is_answered_of_what_was_met() -> None:
    class Digits(ChoiceSpace):
        """More architectures than can be listed."""

        name = "digits"
        choices: ClassVar = {f"digit{place}": range(10) for place in range(12)}

    table = function_table(lambda digits: {"total": sum(digits.options)}, Digits(), "total")
    oracle = Oracle("total", table)
    scores = [oracle.query(f"index:{index}").score for index in (5, 123_456)]
    assert scores == [5.0, 21.0]
    best = table.best("total")
    assert (best["total"], best.uid) == (21.0, table.space.uid(best.cell))


def test_the_database_answers_too(warm_cache: Path, published: Path) -> None:
    table = open_table("cifar10", published)
    assert isinstance(table, NetworkTable)
    best = table.best("clean", 2)
    assert [network["clean"] for network in best] == sorted(table.network_column("clean"), reverse=True)[:2]
    assert table["#13433"]["clean"] == table.value("#13433", "clean")
    assert len(table.front("clean, pgd@1")) > 1


def test_an_oracle_opens_a_dataset_and_reads_notations() -> None:
    oracle = Oracle("pgd@1", "cifar10-surrogate", budget=5)
    outcome = oracle.query("#13433")
    assert outcome.cell == Cell.parse("#13433")
    assert oracle.query((4, 3, 3, 0, 3, 0)).repeat
    assert repr(oracle) == "<oracle of pgd@1 on cifar10-surrogate: 1 of 5 networks queried>"
    assert repr(outcome).startswith("<outcome 0.321, from surrogate: |avg_pool")
    assert "<svg" in outcome._repr_html_()
    with pytest.raises(NotationError, match="cannot read 'nothing'"):
        oracle.query("nothing")
    with pytest.raises(InvalidInputError, match="unknown dataset 'cifar1'"):
        Oracle("pgd@1", "cifar1")


def test_objectives_are_parsed_and_cells_drawn() -> None:
    assert Objective.parse("worst@1 where params <= 5e5").expression == "worst@1"
    with pytest.raises(ObjectiveError, match="is 2 objectives; expected one"):
        Objective.parse("clean, pgd@1")
    assert Cell.parse("#7").svg() == Cell.parse("#7")._repr_svg_()
    assert "<title>" in Sizes().architecture(3).svg("a title")
