"""`robustnas.compare` and `robustnas.benchmark`, and what their records show."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.neighbors import KNeighborsRegressor

import robustnas
from experiments.comparison.records import Records
from robustnas.errors import DataError, InvalidInputError, PlanError
from surrogates import SURROGATES

SURROGATE = "cifar10-surrogate"

pytestmark = pytest.mark.timeout(60)


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> Records:
    plan = robustnas.Plan(
        dataset=SURROGATE, objectives=["pgd@1", "clean, pgd@1"], searchers=["random", "nsga2"], budget=20, seeds=2
    )
    return robustnas.compare(plan, tmp_path_factory.mktemp("results"), jobs=1)


def test_records_answer(records: Records) -> None:
    assert repr(records) == (
        "<8 runs of 20 distinct networks on cifar10-surrogate: random, nsga2 on pgd@1, clean, pgd@1>"
    )
    assert set(records.summary()["n_queries"]) == {10, 20}
    assert (records.regret()["median"].dropna() >= 0).all()
    best = records.best().set_index(["objective", "searcher"])
    assert best.loc[("pgd@1", "random"), "score"] == records.runs.query("objective == 'pgd@1'")["best_score"].max()


def test_the_front_of_all_runs_is_not_dominated_by_that_of_one(records: Records) -> None:
    whole, one = records.front(), records.front("clean, pgd@1", "random")
    assert whole.names == ("clean", "pgd@1")
    assert len({network.uid for network in whole}) == len(whole)
    for network in one:
        assert any(other["clean"] >= network["clean"] and other["pgd@1"] >= network["pgd@1"] for other in whole)
    with pytest.raises(InvalidInputError, match="unknown searcher 'gp'"):
        records.front(searcher="gp")


def test_a_report_is_shown_in_a_frame_that_its_style_stays_in(records: Records) -> None:
    report = records.report()
    assert report.path.name == "report.html"
    html = report._repr_html_()
    seen = tags(html)
    assert "style" not in seen
    assert seen.count("iframe") == 1


def test_what_notebooks_show_is_small_and_restyles_nothing(records: Records) -> None:
    for shown in (records, records.front(), robustnas.Plan(objectives=["clean"], searchers=["random"])):
        html = shown._repr_html_()
        assert len(html) < 60_000
        rules = html.partition("<style>")[2].partition("</style>")[0]
        selectors = [rule.partition("{")[0].strip() for rule in rules.split("}") if "{" in rule]
        assert selectors
        assert all(selector.startswith(".robustnas") for selector in selectors)
        assert len(repr(shown)) < 2000
    content, _ = records.plot()._repr_png_()
    assert content.startswith(b"\x89PNG")


def test_names_of_a_user_are_text_wherever_they_are_shown() -> None:
    name = "<script>alert('&')</script>"
    space = robustnas.open_space()
    values = np.linspace(0, 1, space.size)
    table = robustnas.ArrayTable({"clean": values, "val": values[::-1]}, dataset=name, attached={"hw.x": values})
    searchers = ["random", {"name": "nsga2", "label": name}]
    found = robustnas.compare(
        objectives=["clean", "clean, val"], searchers=searchers, budget=6, seeds=1, dataset=table, jobs=1
    )
    plan = robustnas.Plan(objectives=["clean"], searchers=searchers)
    result = robustnas.search("clean, val", table, "random", 6)
    oracle = robustnas.Oracle("clean", table)
    shown: tuple[Any, ...] = (table, table["#1"], table.front("clean, val"), found, found.front(), plan, result, oracle)
    for one in (*shown, result.best):
        assert "script" not in tags(one._repr_html_()), type(one)


def test_a_plan_may_be_keys_a_file_or_changed(tmp_path: Path) -> None:
    keys = {"objectives": ["clean"], "searchers": ["random"], "seeds": 1, "budget": 5}
    path = tmp_path / "plan.toml"
    path.write_text(
        'dataset = "cifar10-surrogate"\nobjectives = ["clean"]\nbudget = 5\nseeds = 1\n[[searchers]]\nname = "random"'
    )
    by_keys = robustnas.compare({**keys, "dataset": SURROGATE}, jobs=1)
    by_file = robustnas.compare(path, jobs=1, seeds=2)
    first = by_file.queries.query("seed == 0")
    assert by_keys.queries[["index", "best"]].to_numpy().tolist() == first[["index", "best"]].to_numpy().tolist()
    assert len(by_file.runs) == 2
    with pytest.raises(PlanError, match="unknown key 'searcher'; did you mean 'searchers'"):
        robustnas.compare(objectives=["clean"], searcher="random")
    with pytest.raises(InvalidInputError, match="plan is 5; expected"):
        robustnas.compare(5)  # type: ignore[arg-type]


def test_a_folder_is_resumed_and_one_of_another_plan_refused(records: Records) -> None:
    assert records.directory is not None
    plan = robustnas.Plan(
        dataset=SURROGATE, objectives=["pgd@1", "clean, pgd@1"], searchers=["random", "nsga2"], budget=20, seeds=2
    )
    again = robustnas.compare(plan, records.directory, jobs=1)
    pd.testing.assert_frame_equal(again.queries, records.queries)
    with pytest.raises(DataError, match="budget"):
        robustnas.compare(plan, records.directory, jobs=1, budget=10)


def test_single_objectives_have_no_front(tmp_path: Path) -> None:
    single = robustnas.compare(objectives=["clean"], searchers=["random"], seeds=1, budget=3, dataset=SURROGATE, jobs=1)
    with pytest.raises(InvalidInputError, match="single objectives; expected several"):
        single.front()


class Nearest(KNeighborsRegressor):  # type: ignore[misc]
    """The mean of the most similar networks."""

    def __init__(self, n_neighbors: int = 7) -> None:
        super().__init__(n_neighbors=n_neighbors)


def test_a_benchmark_takes_a_class(tmp_path: Path) -> None:
    try:
        found = robustnas.benchmark(["ridge", Nearest], "pgd@1", SURROGATE, train_sizes=[50], trials=1)
        assert repr(found) == "<2 fits on cifar10-surrogate: ridge, Nearest on pgd@1>"
        assert set(found.summary()["surrogate"]) == {"ridge", "Nearest"}
        assert "Nearest" in found._repr_html_()
        with pytest.raises(InvalidInputError, match="unknown measure 'tau'"):
            found.summary("tau")
        with pytest.raises(InvalidInputError, match="out='my-benchmark'"):
            found.report()
    finally:
        SURROGATES.pop("Nearest", None)
    kept = robustnas.benchmark("ridge", "pgd@1", SURROGATE, train_sizes=[50], trials=1, out=tmp_path, jobs=1)
    assert kept.directory == tmp_path


def tags(html: str) -> list[str]:
    """Return the names of the elements of a page; what is in an attribute is none."""
    found: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: object) -> None:
            found.append(tag)

    Reader().feed(html)
    return found
