"""Budgets in simulated time, from the plan to the report."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from experiments.comparison.plan import Plan
from experiments.comparison.records import Records, load
from experiments.comparison.report import write_report
from experiments.comparison.runner import compare
from experiments.comparison.simulated_time import hours_curves, hours_grid, hours_points, hours_summary
from experiments.comparison.spread import spread, stepped
from robustnas.errors import DataError, InvalidInputError, PlanError
from robustnas.tables.array_table import ArrayTable

pytestmark = pytest.mark.timeout(180)  # slow where processors are shared

HOUR = 3600.0
SECONDS = np.random.default_rng(3).uniform(900, HOUR, 15625)

PLAN = """
objectives = ["clean", "clean, pgd@1"]
budget = "5 h"
seeds = 3
[[searchers]]
name = "random"
[[searchers]]
name = "nsga2"
population_size = 4
"""


@pytest.fixture(scope="module")
def table() -> ArrayTable:
    rng = np.random.default_rng(0)
    accuracies = {name: rng.random(15625).round(3) for name in ("clean", "pgd@1")}
    return ArrayTable(
        accuracies, "cifar10", "table", attached={"t.train_seconds": SECONDS, "t.val_acc": SECONDS / HOUR}
    )


def run(text: str, out: Path, table: ArrayTable) -> list[int]:
    return [done for done, _ in compare(Plan.parse(text), out, table=table, jobs=1)]


@pytest.fixture(scope="module")
def folder(table: ArrayTable, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("timed")
    run(PLAN, out, table)
    return out


@pytest.fixture(scope="module")
def records(folder: Path) -> Records:
    return load(folder)


def test_records_keep_the_seconds_of_every_query(folder: Path, table: ArrayTable) -> None:
    runs = [json.loads(line) for line in (folder / "runs.jsonl").read_text().splitlines()]
    assert len(runs) == 12
    for found in runs:
        assert (found["budget"], found["time"]) == ("5 h", "t.train_seconds")
        assert found["attached_digests"] == {"t": table.attached_digests()["t"]}
        assert found["queries"]["seconds"] == SECONDS[found["queries"]["index"]].tolist()
        assert 4 * HOUR < sum(found["queries"]["seconds"]) <= 5 * HOUR
    assert len({found["n_queries"] for found in runs}) > 1


def test_runs_resume_and_another_budget_or_column_is_refused(folder: Path, table: ArrayTable) -> None:
    before = (folder / "runs.jsonl").read_bytes()
    assert run(PLAN.replace("5 h", "300min"), folder, table) == [12]
    assert (folder / "runs.jsonl").read_bytes() == before
    with pytest.raises(DataError, match=r"budget '5 h' instead of '6 h'"):
        run(PLAN.replace("5 h", "6 h"), folder, table)
    with pytest.raises(DataError, match=r"time 't.train_seconds' instead of '0.9\*t.train_seconds'"):
        run('time = "0.9*t.train_seconds"\n' + PLAN, folder, table)
    other = ArrayTable(
        {str(metric): table.column(metric) for metric in table.metrics},
        "cifar10",
        "table",
        attached={"t.train_seconds": SECONDS + 1},
    )
    with pytest.raises(DataError, match="attached_digests"):
        run(PLAN, folder, other)


def test_a_plan_is_read_back_from_its_manifest(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    assert Plan.parse(manifest["plan"]) == Plan.parse(PLAN)
    assert (manifest["budget"], manifest["time"]) == ("5 h", "t.train_seconds")


def test_the_best_after_hours_is_that_of_the_queries_that_ended_by_then(records: Records) -> None:
    at = 3.0
    expected = []
    random = records.queries.query("objective == 'clean' and searcher == 'random'")
    for _, one in random.groupby("seed"):
        ended = np.cumsum(one["seconds"]) <= at * HOUR
        expected.append(one["best"][ended].iloc[-1])
    found = hours_summary(records, [at]).query("objective == 'clean' and searcher == 'random'").iloc[0]
    assert found["mean"] == pytest.approx(np.mean(expected))
    assert found["std"] == pytest.approx(np.std(expected, ddof=1))
    assert found["n_seeds"] == 3


def test_the_grid_begins_where_every_run_has_a_network_and_ends_at_the_budget(records: Records) -> None:
    first = records.queries.query("n_queries == 1")["seconds"].max() / HOUR
    grid = hours_grid(records)
    assert (grid[0], grid[-1]) == (pytest.approx(first), 5.0)
    curves = hours_curves(records)
    assert curves["mean"].notna().all()
    assert (curves["n_seeds"] == 3).all()
    assert hours_points(records)[-1] == 5.0
    last = curves[curves["hours"] == 5.0].set_index(["objective", "searcher"])["mean"]
    for (objective, searcher), (_, best) in records.curves.items():
        reference = records.targets[objective].best
        assert last[(objective, searcher)] == pytest.approx(reference - best[:, -1].mean())


def test_a_clock_beside_a_budget_of_networks(table: ArrayTable, tmp_path: Path) -> None:
    text = PLAN.replace('"5 h"', "12")
    run('time = "t.train_seconds"\n' + text, tmp_path / "timed", table)
    run(text, tmp_path / "plain", table)
    timed, plain = load(tmp_path / "timed"), load(tmp_path / "plain")
    assert (timed.queries["index"] == plain.queries["index"]).all()
    assert plain.queries["seconds"].isna().all()
    assert not len(hours_grid(plain))
    shortest = timed.queries.groupby(["objective", "searcher", "seed"], observed=True)["seconds"].sum().min()
    assert hours_grid(timed)[-1] == pytest.approx(shortest / HOUR)
    assert hours_summary(plain).empty


def test_the_report_shows_hours(folder: Path) -> None:
    page = write_report(folder).read_text()
    assert "5 h of simulated time per run" in page
    assert "After 5 h of simulated time, " in page
    assert "simulated seconds of a query" in page
    for name in ("figures/regret_hours.png", "figures/hypervolume_hours.pdf", "tables/hours.md", "summary_hours.csv"):
        assert (folder / name).stat().st_size > 100
    heads = (folder / "tables" / "hours.md").read_text().splitlines()[0]
    assert [head.strip() for head in heads.split("|")[3:-1]][-2:] == ["2.5 h", "5 h"]


def test_records_without_a_clock_show_no_hours(write_records: Callable[..., Path]) -> None:
    folder = write_records()
    page = write_report(folder).read_text()
    assert "imulated" not in page
    assert not (folder / "summary_hours.csv").exists()


@pytest.mark.parametrize(
    "budget", ['"20"', '"20 lightyears"', '[300, "20 h"]', '["20 h"]', "[]", "2.5", "true", '"0 h"']
)
def test_a_budget_is_one_number_or_one_duration(budget: str) -> None:
    with pytest.raises(PlanError, match=r"plan: budget is .*; expected"):
        Plan.parse(PLAN.replace('"5 h"', budget))


@pytest.mark.parametrize("time", ['""', "5", '"clean where params < 3"', '"t.a + "', '["t.a"]'])
def test_a_bad_column_of_seconds_is_refused(time: str) -> None:
    with pytest.raises(PlanError):
        Plan.parse(f"time = {time}\n{PLAN}")


def test_what_does_not_fit_is_refused_before_anything_runs(table: ArrayTable, tmp_path: Path) -> None:
    fidelity = PLAN.replace('"nsga2"\npopulation_size = 4', '"multi-fidelity"').replace(', "clean, pgd@1"', "")
    for text, message in (
        (fidelity, "fgsm@1"),
        (fidelity + 'cheap = "t.val_acc"', "cheap_cost of 't.val_acc' is not given"),
        (fidelity + 'cheap = "t.val_acc"\ncheap_cost = "t.nix"', "unknown attached column 't.nix'"),
        (PLAN.replace("5 h", "20 min"), "the longest query takes 60 min"),
    ):
        with pytest.raises(InvalidInputError, match=message):
            run(text, tmp_path, table)
    assert not (tmp_path / "runs.jsonl").exists()


def test_a_fidelity_is_paid_for_and_recorded(table: ArrayTable, tmp_path: Path) -> None:
    text = PLAN.replace(', "clean, pgd@1"', "").replace(
        '"nsga2"\npopulation_size = 4', '"multi-fidelity"\ncheap = "t.val_acc"\ncheap_cost = 0.06'
    )
    run(text, tmp_path, table)
    runs = [json.loads(line) for line in (tmp_path / "runs.jsonl").read_text().splitlines()]
    for found in (found for found in runs if found["searcher"] == "multi-fidelity"):
        own = SECONDS[found["queries"]["index"]]
        assert (np.array(found["queries"]["seconds"])[1:] > own[1:]).all()
        assert sum(found["queries"]["seconds"]) <= 5 * HOUR
    assert run(text, tmp_path, table) == [6]


@pytest.mark.parametrize("budget", ["20 parsecs", [20], 0, None, 1.5])
def test_a_damaged_budget_of_a_manifest_is_named(write_records: Callable[..., Path], budget: object) -> None:
    folder = write_records()
    manifest = json.loads((folder / "manifest.json").read_text()) | {"budget": budget}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(DataError, match=r"manifest.json: budget is"):
        load(folder)


def test_spread_leaves_unknown_values_out() -> None:
    found = spread(np.array([[1.0, np.nan, np.nan], [3.0, 5.0, np.nan]]))
    assert found["n_seeds"].tolist() == [2, 1, 0]
    assert found["mean"].tolist()[:2] == [2.0, 5.0]
    assert np.isnan(found["mean"][2])
    assert found["std"][0] == pytest.approx(np.sqrt(2))
    assert (found["ci_low"][0], found["ci_high"][0]) == (1.0, 3.0)  # a bootstrap of two: each of them is drawn alone
    assert np.isnan(found["std"][1:]).all()
    assert found["median"].tolist()[:2] == [2.0, 5.0]


def test_a_step_function_without_steps_is_unknown() -> None:
    assert np.isnan(stepped(np.empty(0), np.empty(0), np.array([1.0, 2.0]))).all()
