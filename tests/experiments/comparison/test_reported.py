"""What is reported of the networks found: incumbents, curves, other datasets, records of any age."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from experiments.cli import main
from experiments.comparison.incumbents import incumbents
from experiments.comparison.plan import Plan
from experiments.comparison.records import load
from experiments.comparison.report import write_report
from experiments.comparison.reported import load_reported, report_terms, reported_curves, reported_hours
from experiments.comparison.runner import compare
from experiments.comparison.trajectory import Trajectory
from robustnas import Oracle
from robustnas.errors import DataError, InvalidInputError, ObjectiveError, PlanError
from robustnas.metric import Metric
from robustnas.objectives import parse_objectives
from robustnas.spaces.nasbench201 import Cell, space
from robustnas.tables.array_table import ArrayTable
from robustnas.tables.attached.attaching import attach
from robustnas.tables.datasets import open_table
from searchers import create, search

pytestmark = pytest.mark.timeout(180)  # slow where processors are shared

DATASET = "cifar10-surrogate@1"
PLAN = f"""
dataset = "{DATASET}"
objectives = ["pgd@1", "clean, apgd@1"]
budget = 25
seeds = 2
[[searchers]]
name = "random"
[[searchers]]
name = "nsga2"
population_size = 5
"""
REPORT = 'report = ["clean", "cifar10-surrogate@2:square@1"]\n'


def run(text: str, out: Path) -> list[int]:
    return [done for done, _ in compare(Plan.parse(text), out, jobs=1)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("reported")
    assert run(REPORT + PLAN, out)[-1] == 8
    return out


@pytest.mark.parametrize("text", ["clean", "params", "clean, pgd@1", "pgd@1 where params <= 200000", "clean, flops"])
def test_incumbents_are_those_of_the_search(text: str) -> None:
    table, objectives = open_table(DATASET), parse_objectives(text)
    trajectory = Trajectory(objectives, table)
    best = []
    for outcome in search(create("random", 3), Oracle(objectives, table, budget=40)):
        trajectory.add(outcome)
        best.append(trajectory.best_cell.index)
    feasible = [not np.isnan(outcome.utility) for outcome in trajectory.outcomes]
    first = feasible.index(True)
    found = incumbents([outcome.cell.index for outcome in trajectory.outcomes], objectives, table)
    at = np.searchsorted(found.n_queries, np.arange(first + 1, 41), side="right") - 1
    assert found.n_queries[0] == first + 1
    assert found.indices[at].tolist() == best[first:]


def test_nothing_feasible_means_no_incumbent() -> None:
    table = open_table(DATASET)
    large = [Cell((3,) * 6).index]
    assert not len(incumbents(large, parse_objectives("clean where params <= 200000"), table).indices)


def test_curves_are_the_values_of_the_best_so_far(folder: Path) -> None:
    records = load(folder)
    reported = load_reported(folder, records)
    assert list(reported.terms) == ["clean", "cifar10-surrogate@2:square@1"]
    other = open_table("cifar10-surrogate@2").column(Metric.parse("square@1"))
    frame = reported_curves(records, reported)
    assert len(frame) == 2 * 2 * 2 * 25
    for n in (1, 7, 25):
        expected = []
        for _, run in records.queries.query("objective == 'pgd@1' and searcher == 'random'").groupby("seed"):
            one = run.head(n)
            expected.append(other[one["index"].iloc[int(np.argmax(one["score"]))]])
        line = frame.query("objective == 'pgd@1' and searcher == 'random' and n_queries == @n")
        found = line[line["term"] == "cifar10-surrogate@2:square@1"].iloc[0]
        assert found["mean"] == pytest.approx(np.mean(expected))
        assert found["n_seeds"] == 2
    assert reported_hours(records, reported).empty


def test_the_report_has_figures_tables_and_columns(folder: Path) -> None:
    page = write_report(folder).read_text()
    assert "cifar10-surrogate@2: Square, eps 1/255" in page
    assert (folder / "figures" / "reported.png").stat().st_size > 1000
    table = (folder / "tables" / "reported.md").read_text()
    assert "PGD, eps 1/255 → clean" in table
    header, first, *_ = (folder / "summary.csv").read_text().splitlines()
    assert header.endswith(
        "report:clean:mean,report:clean:std,"
        "report:cifar10-surrogate@2:square@1:mean,report:cifar10-surrogate@2:square@1:std"
    )
    assert len(first.split(",")) == len(header.split(","))


def test_records_from_before_are_continued_and_reported(folder: Path, tmp_path: Path) -> None:
    run(PLAN, tmp_path)
    before = (tmp_path / "runs.jsonl").read_bytes()
    assert not (tmp_path / "reported.json").exists()
    assert run(REPORT + PLAN, tmp_path) == [8]
    assert (tmp_path / "runs.jsonl").read_bytes() == before
    assert (tmp_path / "reported.json").read_bytes() == (folder / "reported.json").read_bytes()


def test_other_terms_of_finished_records(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROBUSTNAS_ATTACHED", str(tmp_path / "attached"))
    for name in ("runs.jsonl", "manifest.json"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    found = CliRunner().invoke(main, ["report", str(tmp_path), "--report", "flops, cifar10-surrogate@3:clean"])
    assert found.exit_code == 0, found.output
    reported = load_reported(tmp_path, load(tmp_path))
    assert list(reported.terms) == ["flops", "cifar10-surrogate@3:clean"]
    assert reported.terms["flops"].minimised
    for terms, message in (
        ("cifar1O:clean", "unknown dataset"),
        ("pdg@1", "did you mean 'pgd@1'"),
        ("t.x", "no attached"),
        (",", "nothing to report"),
    ):
        failed = CliRunner().invoke(main, ["report", str(tmp_path), "--report", terms])
        assert failed.exit_code == 2
        assert message in failed.stderr
        assert len([line for line in failed.stderr.splitlines() if line.startswith("Error: ")]) == 1
        assert "Traceback" not in failed.stderr


def test_records_of_other_numbers_are_not_reported_on(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "runs.jsonl").write_bytes((folder / "runs.jsonl").read_bytes())
    manifest = json.loads((folder / "manifest.json").read_text()) | {"database_digest": "0" * 64}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(DataError, match="the digests differ"):
        report_terms(tmp_path, ["clean"])


def test_a_run_that_was_done_again_is_left_out(folder: Path, tmp_path: Path) -> None:
    for name in ("manifest.json", "reported.json"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    first, *others = (folder / "runs.jsonl").read_text().splitlines()
    run = json.loads(first)
    run["queries"]["index"] = [index + 1 for index in run["queries"]["index"]]
    (tmp_path / "runs.jsonl").write_text("\n".join([json.dumps(run), *others[:-1]]) + "\n")
    records = load(tmp_path)
    assert len(load_reported(tmp_path, records).runs) == 6
    page = write_report(tmp_path).read_text()
    assert "1 of 7 runs have not been reported on yet" in page


@pytest.mark.parametrize(
    "edit",
    [
        lambda content: [],
        lambda content: content | {"format": 9},
        lambda content: content | {"terms": []},
        lambda content: content | {"runs": [{"objective": "pgd@1"}]},
        lambda content: content | {"runs": [content["runs"][0] | {"scores": {}}]},
        lambda content: content | {"runs": [content["runs"][0] | {"n_queries": ["a"]}]},
        lambda content: content | {"runs": [content["runs"][0] | {"n_queries": [10**30]}]},
        lambda content: content | {"runs": [content["runs"][0] | {"index": []}]},
    ],
)
def test_a_damaged_file_is_named(folder: Path, tmp_path: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    content = json.loads((folder / "reported.json").read_text())
    (tmp_path / "reported.json").write_text(json.dumps(edit(content)))
    with pytest.raises(DataError, match=r"reported.json is damaged"):
        load_reported(tmp_path, load(folder))
    (tmp_path / "reported.json").write_text("{")
    with pytest.raises(DataError, match=r"reported.json is damaged"):
        load_reported(tmp_path, load(folder))


@pytest.mark.parametrize("value", ["5", '"clean"', "[5]", '["clean", "clean"]', '["pdg@1"]', '["cifar100:"]', "{}"])
def test_a_bad_report_key_is_refused(value: str) -> None:
    with pytest.raises(PlanError, match="report"):
        Plan.parse(f"report = {value}\n{PLAN}")


def test_what_cannot_be_reported_is_refused_before_anything_runs(tmp_path: Path) -> None:
    for term, error in (("nowhere:clean", InvalidInputError), ("t.acc", ObjectiveError), ("pgd@1.7", ObjectiveError)):
        with pytest.raises(error):
            run(f'report = ["{term}"]\n{PLAN}', tmp_path)
    assert not (tmp_path / "runs.jsonl").exists()


def test_values_that_are_unknown_stay_so(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    networks = space.network_of_index()
    known = np.where(networks % 2, np.nan, 0.5)
    table = ArrayTable({"clean": rng.random(15625)}, "made-up", attached={"t.acc": known})
    plan = Plan("made-up", ["clean"], 12, 1, ["random"], report=["t.acc"])
    assert [done for done, _ in compare(plan, tmp_path, table=table, jobs=1)] == [0, 1]
    records = load(tmp_path)
    frame = reported_curves(records, load_reported(tmp_path, records))
    best = records.queries["index"].to_numpy()[[int(np.argmax(records.queries["score"][:n])) for n in range(1, 13)]]
    assert frame["mean"].isna().tolist() == (networks[best] % 2 == 1).tolist()
    assert frame["n_seeds"].tolist() == (networks[best] % 2 == 0).astype(int).tolist()


class TestSearch:
    @pytest.fixture(autouse=True)
    def attached(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("ROBUSTNAS_ATTACHED", str(tmp_path))
        rows = [f"index:{index},{1000 + index % 700}" for index in range(15625)]
        (tmp_path / "t.csv").write_text("\n".join(["arch,train_seconds", *rows]))
        attach(tmp_path / "t.csv", DATASET, "t")

    def test_json(self) -> None:
        arguments = ["search", "--dataset", DATASET, "--objective", "pgd@1", "--searcher", "random", "--json"]
        found = CliRunner().invoke(
            main, [*arguments, "--budget", "2 h", "--report", "clean, cifar10-surrogate@2:clean"]
        )
        assert found.exit_code == 0, found.output
        content = json.loads(found.stdout)
        assert content["simulated"]["time"] == "t.train_seconds"
        assert content["simulated"]["seconds"][-1] <= 7200
        assert list(content["reported"]) == ["clean", "cifar10-surrogate@2:clean"]
        assert [len(curve) for curve in content["reported"].values()] == [content["n_queries"]] * 2
        table = open_table(DATASET)
        best = table.column(Metric.parse("clean"))[Cell.parse(content["best"]["arch"]).index]
        assert content["reported"]["clean"][-1] == best

    def test_text(self) -> None:
        arguments = ["search", "--dataset", DATASET, "--objective", "clean, pgd@1", "--searcher", "nsga2"]
        found = CliRunner().invoke(main, [*arguments, "--budget", "9000 s", "--report", "apgd@1, params"])
        assert found.exit_code == 0, found.output
        assert "of 150 min, by t.train_seconds" in found.output
        assert "reported (the most balanced network of the front):\n  apgd@1  " in found.output

    def test_shares_of_an_attached_column_are_in_percent(self, tmp_path: Path) -> None:
        rows = [f"index:{index},{50 + index % 10}" for index in range(15625)]
        (tmp_path / "p.csv").write_text("\n".join(["arch,acc,speed", *(f"{row},7" for row in rows)]))
        attach(tmp_path / "p.csv", DATASET, "p", percent=("acc",), maximise=("speed",))
        arguments = ["search", "--dataset", DATASET, "--objective", "clean", "--searcher", "random", "--budget", "1"]
        found = CliRunner().invoke(main, [*arguments, "--report", "p.acc, p.speed"])
        assert re.search(r"reported of it:\n  p.acc  5\d\.00 %\n  p.speed  7\n", found.stdout), found.output

    def test_what_is_reported_is_of_the_best_of_a_continued_study(self, tmp_path: Path) -> None:
        arguments = ["search", "--dataset", DATASET, "--objective", "clean", "--searcher", "optuna-tpe"]
        arguments += ["--report", "clean", "--set", f"storage=journal://{tmp_path}/s.log", "--budget"]
        first = json.loads(CliRunner().invoke(main, [*arguments, "30", "--json"]).stdout)
        assert first["reported"]["clean"] == first["trajectory"]
        second = json.loads(CliRunner().invoke(main, [*arguments, "1", "--json"]).stdout)
        assert second["study"]["n_networks"] == 30
        assert second["best"] == first["best"]  # or else this test shows nothing
        assert second["reported"]["clean"] == second["trajectory"] == [first["best"]["score"]]
        text = CliRunner().invoke(main, [*arguments, "1"]).stdout
        assert f"reported of it:\n  clean  {100 * first['best']['score']:.2f} %" in text

    @pytest.mark.parametrize("budget", ["5 min", "2 parsecs", "0 h", "x", "-1", "0", "9" * 5000, "1.5", ""])
    def test_bad_budgets(self, budget: str) -> None:
        found = CliRunner().invoke(main, ["search", "--dataset", DATASET, f"--budget={budget}"])
        assert found.exit_code == 2
        assert found.stderr.startswith("Error: budget is ")
        assert len(found.stderr) < 300

    def test_compare_in_simulated_time(self, tmp_path: Path) -> None:
        plan = REPORT + PLAN.replace("budget = 25", 'budget = "90 min"')
        (tmp_path / "plan.toml").write_text(plan)
        arguments = ["compare", str(tmp_path / "plan.toml"), "--out", str(tmp_path / "out"), "--jobs", "1"]
        found = CliRunner().invoke(main, arguments)
        assert found.exit_code == 0, found.output
        assert "8 runs of 90 min of simulated time" in found.stderr
        assert (tmp_path / "out" / "tables" / "reported_hours.md").exists()
