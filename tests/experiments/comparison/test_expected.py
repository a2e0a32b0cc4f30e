"""Expected scores of the networks found: incumbents by what was seen, worth by what is expected; records of any age."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from experiments.cli import main
from experiments.comparison import analysis
from experiments.comparison.expected import (
    EXPECTED,
    complete_expected,
    expected_part,
    load_expected,
    on_expected_scale,
)
from experiments.comparison.headline import headline
from experiments.comparison.records import load
from experiments.comparison.report import write_report
from experiments.comparison.significance import significance
from robustnas.errors import DataError
from robustnas.objectives import Objective
from robustnas.tables.datasets import open_table
from surrogates.expected import expected

pytestmark = pytest.mark.timeout(180)  # slow where processors are shared

DATASET = "cifar10-surrogate@1"
LIMITED = "pgd@1 where params <= 250000"
PLAN = f"""
dataset = "{DATASET}"
objectives = ["pgd@1", "{LIMITED}", "params", "clean, params"]
budget = 25
seeds = 2
[[searchers]]
name = "random"
[[searchers]]
name = "nsga2"
population_size = 5
"""


def test_a_search_is_worth_what_its_best_measured_network_is_expected_to_score(made: Path) -> None:
    records = load(made)
    worth = expected(Objective("pgd@1"), open_table(DATASET)).mean
    scaled = on_expected_scale(records, load_expected(made, records))
    runs = records.queries.query("objective == 'pgd@1' and searcher == 'random'").groupby("seed")
    for n in (1, 7, 25):
        best = [worth[run["index"].iloc[int(np.argmax(run["score"].iloc[:n]))]] for _, run in runs]
        line = analysis.summary(scaled, [n]).query("objective == 'pgd@1' and searcher == 'random'").iloc[0]
        assert line["mean"] == pytest.approx(np.mean(best))
        assert line["std"] == pytest.approx(np.std(best, ddof=1))


def test_regret_is_to_the_best_expected_score_of_feasible_networks(made: Path) -> None:
    records, table = load(made), open_table(DATASET)
    found = load_expected(made, records)
    worth = expected(Objective("pgd@1"), table)
    few = Objective("params").evaluate(table) <= 250_000
    assert found.objectives["pgd@1"].best == worth.mean.max()
    assert found.objectives[LIMITED].best == worth.mean[few].max()
    assert found.objectives[LIMITED].std == worth.std[few][np.argmax(worth.mean[few])]
    regrets = analysis.regret_curves(expected_part(records, found))
    assert set(regrets["objective"]) == {"pgd@1", LIMITED}
    assert (regrets["mean"] >= 0).all()


def test_costs_and_several_objectives_stay_as_they_are(made: Path) -> None:
    records = load(made)
    found = load_expected(made, records)
    assert found.available == ["pgd@1", LIMITED]
    scaled = on_expected_scale(records, found)
    for name in ("params", "clean, params"):
        assert scaled.targets[name] == records.targets[name]
        assert scaled.curves[name, "random"][1].tolist() == records.curves[name, "random"][1].tolist()
    page = re.sub(r"\s+", " ", write_report(made).read_text())
    assert "it is a cost" not in page  # a surrogate has no trainings that could change it
    assert re.search(r"In the end, \w+ reaches an expected", page)
    assert "PGD, eps 1/255 (%, best expected of the table" in page
    assert (made / "figures" / "regret_expected.png").stat().st_size > 1000


def test_the_summary_has_both_scales(made: Path) -> None:
    write_report(made)
    frame = pd.read_csv(made / "summary.csv")
    known = frame["expected:mean"].notna()
    assert set(frame["objective"][known]) == {"pgd@1", LIMITED}
    best = load_expected(made, load(made)).objectives["pgd@1"].best
    rows = frame[frame["objective"] == "pgd@1"]
    np.testing.assert_allclose(rows["expected:regret"], best - rows["expected:mean"], atol=1e-12)
    assert (rows["mean"] > rows["expected:mean"]).all()  # what a search finds is lucky


def test_the_headline_says_what_would_be_reached_by_another_training(made: Path) -> None:
    records = load(made)
    scaled = on_expected_scale(records, load_expected(made, records))
    said = headline(scaled, significance(scaled), records)
    number = r"\d\d\.\d\d"
    assert re.fullmatch(
        r"PGD, eps 1/255: .* come within the uncertainty of the best expected score \(\d\.\d\d points\).*\. "
        rf"In the end, \w+ reaches an expected {number} %, where {number} % was predicted \(the mean of 2 seeds, "
        rf"best expected of the table {number} %\), \d\.\d\d points ahead of \w+ \(too few seeds for a test.*?\)\.",
        said.findings[0],
    )
    assert "expected" not in said.findings[2]


def test_records_without_expected_scores_get_them_where_the_data_is(folder: Path) -> None:
    kept = (folder / EXPECTED).read_bytes()
    (folder / EXPECTED).unlink()
    page = write_report(folder).read_text()
    assert f"they have not been computed: robustnas report does it where {DATASET} is at hand" in page
    assert "expected:mean" not in (folder / "summary.csv").read_text()
    result = CliRunner().invoke(main, ["report", str(folder)])
    assert result.exit_code == 0, result.output
    assert (folder / EXPECTED).read_bytes() == kept
    assert "expected:mean" in (folder / "summary.csv").read_text()


def test_other_numbers_than_those_searched_give_none(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | {"database_digest": "0" * 64}))
    (folder / EXPECTED).unlink()
    assert "the digests differ" in complete_expected(folder)
    assert not (folder / EXPECTED).exists()


def test_report_runs_no_code_that_records_name(folder: Path, tmp_path: Path) -> None:
    code = tmp_path / "mine.py"
    code.write_text("raise SystemExit('ran')\n")
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | {"dataset": f"{code}:table"}))
    (folder / EXPECTED).unlink()
    assert "is code, which compare runs and report does not" in complete_expected(folder)


def test_runs_that_were_added_are_missing_until_they_are_computed(folder: Path) -> None:
    content = json.loads((folder / EXPECTED).read_text())
    content["runs"] = content["runs"][1:]
    (folder / EXPECTED).write_text(json.dumps(content))
    assert load_expected(folder, load(folder)).available == [LIMITED]
    assert complete_expected(folder) == ""
    assert load_expected(folder, load(folder)).available == ["pgd@1", LIMITED]


@pytest.mark.parametrize(
    "damage",
    [
        "{",
        "[]",
        '{"format": 2}',
        '{"format": 1, "objectives": {"pgd@1": {"best": "x", "std": 0.1, "n_within": 1}}, "runs": []}',
        '{"format": 1, "objectives": {"pgd@1": {"best": NaN, "std": 0.1, "n_within": 1}}, "runs": []}',
        '{"format": 1, "objectives": {}, "runs": [{"objective": "pgd@1", "searcher": "random", "seed": 0, '
        '"n_queries": [1, 2], "index": [1], "mean": [0.1], "std": [0.1]}]}',
    ],
)
def test_damage_is_said_and_mended(folder: Path, damage: str) -> None:
    (folder / EXPECTED).write_text(damage)
    with pytest.raises(DataError, match=r"expected\.json is damaged"):
        load_expected(folder, load(folder))
    assert complete_expected(folder) == ""
    assert load_expected(folder, load(folder)).available == ["pgd@1", LIMITED]


def test_search_says_what_the_network_is_expected_to_score() -> None:
    arguments = ["search", "--dataset", DATASET, "--objective", "pgd@1", "--searcher", "random", "--budget", "20"]
    result = CliRunner().invoke(main, arguments)
    assert re.search(
        r"expected if trained again (\d\d\.\d\d) %, 95 % interval (\d\d\.\d\d) to (\d\d\.\d\d) "
        r"\(best expected of the table \d\d\.\d\d %\)",
        result.output,
    ), result.output
    found = json.loads(CliRunner().invoke(main, [*arguments, "--json"]).stdout)
    worth = expected(Objective("pgd@1"), open_table(DATASET))
    index = open_table(DATASET).space.indices([found["best"]["arch"]])[0]
    assert found["expected"]["score"] == worth.mean[index]
    assert found["expected"]["interval"] == pytest.approx(
        [worth.mean[index] - 1.96 * worth.std[index], worth.mean[index] + 1.96 * worth.std[index]], abs=1e-5
    )


def test_search_on_costs_says_nothing_of_expected_scores() -> None:
    arguments = ["search", "--dataset", DATASET, "--objective", "params", "--searcher", "random", "--budget", "5"]
    assert "expected" not in CliRunner().invoke(main, arguments).output
    found = json.loads(CliRunner().invoke(main, [*arguments, "--json"]).stdout)
    assert found["expected"] == {"reason": "it is a cost, which training does not change"}
