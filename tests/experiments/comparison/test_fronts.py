"""Fronts against that of the table: records of any age, constraints, damage."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from moocore import igd_plus

from experiments.cli import main
from experiments.comparison.front_tables import fronts_csv, fronts_table
from experiments.comparison.fronts import FRONTS, complete_fronts, front_curves, lacking, load_fronts
from experiments.comparison.plan import Plan
from experiments.comparison.records import load
from experiments.comparison.report import write_report
from experiments.comparison.runner import compare
from robustnas.errors import DataError
from robustnas.objectives import parse_objectives, utility_columns
from robustnas.pareto import HypervolumeScale
from robustnas.tables.datasets import open_table

pytestmark = pytest.mark.timeout(180)  # slow where processors are shared

DATASET = "cifar10-surrogate@1"
RARE = "clean, flops where pgd@1 >= 0.54"  # few networks, which the first queries miss
PLAN = f"""
dataset = "{DATASET}"
objectives = ["pgd@1", "rob201-mop1", "{RARE}"]
budget = 25
seeds = 2
[[searchers]]
name = "random"
[[searchers]]
name = "nsga2"
population_size = 5
"""


def test_every_measure_is_that_of_the_networks_queried(made: Path) -> None:
    records = load(made)
    fronts, table = load_fronts(made, records), open_table(DATASET)
    assert lacking(records, fronts) == 0
    curves = front_curves(records, fronts)
    utilities = utility_columns(parse_objectives("rob201-mop1"), table).T
    scale = HypervolumeScale(utilities)
    queries = records.queries[
        (records.queries["objective"] == "rob201-mop1") & (records.queries["searcher"] == "nsga2")
    ]
    for n in (1, 12, 25):
        found = [utilities[part["index"].to_numpy()[:n]] for _, part in queries.groupby("seed")]
        expected = {
            "hypervolume": [scale(each) for each in found],
            "igd_plus": [igd_plus(scale.scaled(each), scale.scaled(scale.front), maximise=True) for each in found],
            "share": [np.mean([(each == point).all(axis=1).any() for point in scale.front]) for each in found],
        }
        at = curves[
            (curves["objective"] == "rob201-mop1") & (curves["searcher"] == "nsga2") & (curves["n_queries"] == n)
        ]
        for measure, values in expected.items():
            assert at.loc[at["measure"] == measure, "mean"].item() == pytest.approx(np.mean(values), abs=1e-12), measure


def test_before_a_feasible_network_nothing_is_found(made: Path) -> None:
    records = load(made)
    curves = front_curves(records, load_fronts(made, records))
    first = curves[(curves["objective"] == RARE) & (curves["n_queries"] == 1)].set_index(["searcher", "measure"])[
        "mean"
    ]
    assert first["random", "share"] == first["random", "hypervolume"] == 0
    assert first["random", "igd_plus"] > 0.5


def test_the_report_has_a_table_and_a_file(folder: Path) -> None:
    page = write_report(folder).read_text()
    assert "Fronts after 25 distinct networks, against the front of the table" in page
    frame = pd.read_csv(folder / "summary_fronts.csv")
    assert list(frame.columns[:5]) == ["objective", "searcher", "n_queries", "hypervolume:mean", "hypervolume:std"]
    assert {"igd_plus:mean", "share:mean"} <= set(frame.columns)
    assert sorted(set(frame["n_queries"])) == [10, 25]
    assert len(frame) == 2 * 2 * 2
    rows = fronts_table(load(folder), load_fronts(folder, load(folder))).rows
    assert [row.entries[0].text for row in rows] == ["random", "nsga2"] * 2
    assert "front of the table" in rows[0].group


def test_records_of_earlier_versions_are_compared_when_they_are_reported(folder: Path) -> None:
    before = (folder / FRONTS).read_bytes()
    (folder / FRONTS).unlink()
    assert "8 runs could not be compared with the front of the table" in write_report(folder).read_text()
    assert "summary_fronts.csv" not in {path.name for path in folder.iterdir()}
    result = CliRunner().invoke(main, ["report", str(folder)], catch_exceptions=False)
    assert result.exit_code == 0
    assert (folder / FRONTS).read_bytes() == before
    assert "could not be compared" not in (folder / "report.html").read_text()


def test_without_the_numbers_that_were_searched_the_report_says_so(folder: Path) -> None:
    (folder / FRONTS).unlink()
    manifest = json.loads((folder / "manifest.json").read_text()) | {"database_digest": "f" * 64}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    assert "other numbers" in complete_fronts(folder)
    result = CliRunner().invoke(main, ["report", str(folder)], catch_exceptions=False)
    assert result.exit_code == 0
    assert "fronts are not compared with that of the table" in result.stderr
    assert "could not be compared with the front of the table" in (folder / "report.html").read_text()


def test_a_run_that_was_run_again_is_left_out(folder: Path) -> None:
    content = json.loads((folder / FRONTS).read_text())
    content["runs"][0]["index"][0] += 1
    (folder / FRONTS).write_text(json.dumps(content))
    records = load(folder)
    assert lacking(records, load_fronts(folder, records)) == 1
    assert complete_fronts(folder) == ""
    assert lacking(records, load_fronts(folder, records)) == 0


@pytest.mark.parametrize("text", ["", "[]", "{", '{"format": 2}', '{"format": 1, "fronts": {}, "runs": [{}]}'])
def test_a_damaged_file_is_named(folder: Path, text: str) -> None:
    (folder / FRONTS).write_text(text)
    with pytest.raises(DataError, match=r"fronts.json is damaged .* delete it"):
        load_fronts(folder, load(folder))


def test_one_seed_has_no_spread(folder: Path) -> None:
    text = PLAN.replace("seeds = 2", "seeds = 1")
    shutil.rmtree(folder)
    assert list(compare(Plan.parse(text), folder, jobs=1))
    records = load(folder)
    assert ",nan," in fronts_csv(records, load_fronts(folder, records))
    assert {
        entry.spread for row in fronts_table(records, load_fronts(folder, records)).rows for entry in row.entries
    } == {""}
