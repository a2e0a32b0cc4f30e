"""The best so far against what it cost, from records whose searchers pay differently per query."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from experiments.comparison.cost import cost_curves, cost_summary
from experiments.comparison.figures import hypervolume_figure, regret_figure
from experiments.comparison.plan import Plan
from experiments.comparison.records import Records, load
from experiments.comparison.report import write_report
from experiments.comparison.runner import compare
from searchers.testing import landscape

pytestmark = pytest.mark.timeout(180)  # slow where processors are shared

PLAN = """
objectives = ["pgd@1", "clean", "clean, pgd@1"]
budget = 8
seeds = 2
[[searchers]]
name = "random"
[[searchers]]
name = "nsga2"
population_size = 4
"""


@pytest.fixture(scope="module")
def even(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("even")
    list(compare(Plan.parse(PLAN), out, table=landscape(), jobs=1))
    return out


@pytest.fixture(scope="module")
def folder(even: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, but that nsga2 glanced at something for 10 passes before every third query, in seed 1 once for 50."""
    out = tmp_path_factory.mktemp("uneven")
    (out / "manifest.json").write_text((even / "manifest.json").read_text())
    lines = []
    for line in (even / "runs.jsonl").read_text().splitlines():
        run = json.loads(line)
        if run["searcher"] == "nsga2" and run["objective"] != "clean":
            costs = np.broadcast_to(run["queries"]["cost"], 8) + 10.0 * (np.arange(8) % 3 == 0)
            costs[4] += 50.0 * (run["seed"] == 1)
            run["queries"]["cost"] = costs.tolist()
        lines.append(json.dumps(run))
    (out / "runs.jsonl").write_text("\n".join(lines) + "\n")
    return out


@pytest.fixture(scope="module")
def records(folder: Path) -> Records:
    return load(folder)


def test_objectives_whose_searchers_pay_the_same_are_left_out(even: Path, records: Records) -> None:
    assert cost_curves(load(even)).empty
    assert cost_summary(load(even)).empty
    assert regret_figure(load(even), "cost") is None
    assert list(cost_curves(records)["objective"].unique()) == ["pgd@1", "clean, pgd@1"]


def test_a_curve_goes_from_the_first_network_of_all_runs_to_the_end_of_the_shortest(records: Records) -> None:
    curves = cost_curves(records).query("objective == 'pgd@1'")
    ends = curves.groupby("searcher", observed=True)["cost"].agg(["min", "max"])
    assert ends.loc["random"].tolist() == [81.0, 8 * 81.0]
    assert ends.loc["nsga2"].tolist() == [91.0, 8 * 81.0 + 30.0]
    assert curves["mean"].notna().all()
    assert (curves["n_seeds"] == 2).all()
    last = curves.groupby("searcher", observed=True).last()
    best = landscape().column(next(m for m in landscape().metrics if str(m) == "pgd@1")).max()
    found = records.curves["pgd@1", "random"][1][:, -1].mean()
    assert last.loc["random", "mean"] == pytest.approx(best - found)


def test_a_query_counts_once_all_that_it_cost_is_spent(records: Records) -> None:
    runs = records.queries.query("objective == 'pgd@1' and searcher == 'nsga2'")
    half = cost_summary(records).query("objective == 'pgd@1' and searcher == 'nsga2' and share == 0.5").iloc[0]
    assert half["cost"] == 4 * 81.0
    paid = [run["best"][np.cumsum(run["cost"]) <= 4 * 81.0].iloc[-1] for _, run in runs.groupby("seed")]
    assert half["mean"] == pytest.approx(np.mean(paid))
    assert len(runs) == 16


def test_summaries_end_with_what_the_thriftiest_searcher_spends(records: Records) -> None:
    summary = cost_summary(records)
    assert summary.groupby("objective", observed=True)["cost"].max().tolist() == [8 * 81.0, 8 * 82.0]
    assert sorted(summary["share"].unique()) == [0.125, 0.25, 0.5, 1.0]
    first = summary.query("objective == 'pgd@1' and share == 0.125").set_index("searcher")["n_seeds"]
    assert first.to_dict() == {"random": 2, "nsga2": 0}  # whose first query cost 91


def test_figures_are_on_a_log_axis_and_name_the_cost(records: Records) -> None:
    for figure, n_panels in ((regret_figure(records, "cost"), 1), (hypervolume_figure(records, "cost"), 1)):
        assert figure is not None
        panels = [axes for axes in figure.axes if axes.get_title()]
        assert len(panels) == n_panels
        assert panels[0].get_xscale() == "log"
        texts = [text.get_text() for text in figure.texts] + [figure.get_supxlabel()]
        assert "forward and backward passes per test image" in texts


def test_the_report_shows_cost_where_it_differs(folder: Path, even: Path) -> None:
    page = write_report(folder).read_text()
    assert 'id="figure-regret_cost"' in page
    assert "all of the cost" in page
    assert "all: 648 passes" in page
    header = (folder / "summary_cost.csv").read_text().splitlines()[0]
    assert header == "objective,searcher,share,cost,mean,std,n_seeds,ci_low,ci_high,dataset,source"
    assert 'id="cost"' not in write_report(even).read_text()
    assert not (even / "summary_cost.csv").exists()


def test_records_without_costs_have_no_cost_axis(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text((folder / "manifest.json").read_text())
    runs = [json.loads(line) for line in (folder / "runs.jsonl").read_text().splitlines()]
    for run in runs:
        del run["queries"]["cost"]
    (tmp_path / "runs.jsonl").write_text("".join(json.dumps(run) + "\n" for run in runs))
    assert cost_curves(load(tmp_path)).empty
