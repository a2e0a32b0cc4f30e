"""Runs whose constraints are known before any query: what they search, and what records say of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from experiments.comparison.plan import Plan, SearcherPlan
from experiments.comparison.run import record
from experiments.comparison.runner import compare
from experiments.comparison.spec import RunSpec
from robustnas.errors import DataError, PlanError
from robustnas.tables.datasets import open_table
from robustnas.tables.table import Table
from searchers import SEARCHERS

pytestmark = pytest.mark.timeout(60)  # slow where processors are shared

OBJECTIVE = "clean where params <= 80000"
OWN = """
from searchers import Searcher

class Old(Searcher):
    def __init__(self, rng, n_objectives=1):
        super().__init__(rng, n_objectives=n_objectives)
    def ask(self):
        return self.space.sample(self.rng)
    def tell(self, outcome):
        pass
"""


@pytest.fixture(scope="module")
def table() -> Table:
    return open_table("cifar10-surrogate")


def spec(searcher: str = "random", *, known: bool = True, objective: str = OBJECTIVE, budget: int = 30) -> RunSpec:
    parameters = {"cheap": "clean"} if searcher == "multi-fidelity" else {}
    return RunSpec(objective, searcher, searcher, parameters, budget, 0, known=known)


def params_of(run: dict[str, Any], table: Table) -> np.ndarray:
    return table.space.cost_column("params")[run["queries"]["index"]]


@pytest.mark.parametrize("searcher", [name for name in SEARCHERS if name != "optuna-gp"])
def test_no_query_is_spent_on_what_is_known_not_to_count(searcher: str, table: Table) -> None:
    run = record(spec(searcher), table)
    assert (params_of(run, table) <= 80000).all()
    assert run["n_queries"] == 30
    assert run["known"] == ["params <= 80000"]
    assert np.isfinite(run["queries"]["best"]).all()


def test_known_false_searches_the_whole_space_as_before(table: Table) -> None:
    run = record(spec(known=False), table)
    assert (params_of(run, table) > 80000).any()
    assert "known" not in run
    assert run["queries"]["index"] == record(spec(objective="clean"), table)["queries"]["index"]


@pytest.mark.parametrize("objective", ["clean", "clean where params <= 1e9", "pgd@1 where clean >= 0.5"])
def test_a_search_that_nothing_is_known_of_is_as_it_was(objective: str, table: Table) -> None:
    assert "known" not in record(spec(objective=objective), table)


def test_a_run_ends_where_few_networks_are_left(table: Table) -> None:
    run = record(spec(objective="clean where params <= 74000", budget=200), table)
    assert run["n_queries"] == len(set(run["queries"]["index"])) < 200
    assert run["best"]["score"] == max(run["queries"]["score"])


def plan(known: bool | None, **more: Any) -> Plan:
    searcher = {"name": "random"} if known is None else {"name": "random", "known": known}
    return Plan("cifar10-surrogate", [OBJECTIVE], budget=12, seeds=2, searchers=[searcher], **more)


def run_all(chosen: Plan, out: Path, notes: list[str] | None = None) -> list[dict[str, Any]]:
    for _ in compare(chosen, out, jobs=1, note=[].append if notes is None else notes.append):
        pass
    return [json.loads(line) for line in (out / "runs.jsonl").read_text().splitlines()]


def test_known_is_no_parameter_of_the_searcher(tmp_path: Path) -> None:
    chosen = plan(False)
    assert chosen.searchers == (SearcherPlan("random", "random", {}, known=False),)
    assert Plan(objectives=["clean"], searchers=chosen.searchers).searchers == chosen.searchers
    assert [run["parameters"] for run in run_all(chosen, tmp_path)] == [{}, {}]


@pytest.mark.parametrize("value", ["false", 0, None])
def test_known_is_true_or_false(value: object) -> None:
    with pytest.raises(PlanError, match=r"'random': known is .*; expected true or false"):
        Plan(objectives=["clean"], searchers=[{"name": "random", "known": value}])


def test_runs_with_and_without_knowledge_are_not_mixed(tmp_path: Path) -> None:
    run_all(plan(None), tmp_path / "new")
    run_all(plan(True), tmp_path / "new")
    with pytest.raises(DataError, match=r"known \['params <= 80000'\] instead of None.*another --out, or set known"):
        run_all(plan(False), tmp_path / "new")


def test_runs_of_earlier_versions_are_continued_with_known_false(tmp_path: Path) -> None:
    run_all(plan(False), tmp_path)  # what records looked like before there was known
    assert "known" not in (tmp_path / "runs.jsonl").read_text()
    with pytest.raises(DataError, match="before there was known, it was false"):
        run_all(plan(None), tmp_path)
    assert len(run_all(plan(False), tmp_path)) == 2


def test_a_searcher_that_takes_no_space_searches_all_of_it_and_is_named(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(OWN)
    name = f"{tmp_path / 'own.py'}:Old"
    notes: list[str] = []
    chosen = Plan("cifar10-surrogate", [OBJECTIVE], budget=12, seeds=1, searchers=[name])
    (run,) = run_all(chosen, tmp_path / "out", notes)
    assert "known" not in run
    assert any("takes no space, so it spends queries on networks that violate params <= 80000" in n for n in notes)
