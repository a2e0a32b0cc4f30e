"""Comparisons in which some runs never find a feasible network: they count as seeds, and are no part of means."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from experiments.commands.compare import _mean_best
from experiments.comparison import analysis
from experiments.comparison.headline import headline
from experiments.comparison.leading import leading
from experiments.comparison.plan import Plan
from experiments.comparison.records import Records, load
from experiments.comparison.report import write_report
from experiments.comparison.runner import compare
from experiments.comparison.significance import significance
from experiments.comparison.tables import summary_table
from experiments.pages.table import markdown
from searchers.testing import landscape

pytestmark = pytest.mark.timeout(60)  # slow where processors are shared

RARE = "clean where pgd@1 >= 0.76"
NEVER = "clean where pgd@1 >= 0.885"
N_SEEDS, BUDGET = 8, 45


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("records")
    plan = Plan(objectives=[RARE, NEVER], budget=BUDGET, seeds=N_SEEDS, searchers=["random", "evolution"])
    for _ in compare(plan, out, table=landscape(), jobs=1):
        pass
    return out


@pytest.fixture(scope="module")
def records(directory: Path) -> Records:
    return load(directory)


def finals(records: Records, objective: str, searcher: str) -> np.ndarray:
    return records.curves[objective, searcher][1][:, -1]


def test_the_runs_are_such(records: Records) -> None:
    for searcher in records.searchers:
        assert 0 < np.isfinite(finals(records, RARE, searcher)).sum() < N_SEEDS
        assert np.isnan(finals(records, NEVER, searcher)).all()


@pytest.mark.parametrize("searcher", ["random", "evolution"])
def test_the_mean_is_over_the_feasible_seeds(records: Records, searcher: str) -> None:
    frame = analysis.summary(records, [BUDGET])
    (row,) = frame[(frame["objective"] == RARE) & (frame["searcher"] == searcher)].to_dict("records")
    known = pd.Series(finals(records, RARE, searcher)).dropna()
    assert (row["n_seeds"], row["n_feasible"]) == (N_SEEDS, len(known))
    assert row["mean"] == pytest.approx(known.mean())
    assert row["std"] == pytest.approx(known.std()) or len(known) == 1
    (row,) = frame[(frame["objective"] == NEVER) & (frame["searcher"] == searcher)].to_dict("records")
    assert (row["n_seeds"], row["n_feasible"]) == (N_SEEDS, 0)
    assert np.isnan(row["mean"])


def test_regrets_are_over_the_seeds_that_are_feasible_by_then(records: Records) -> None:
    curves = analysis.regret_curves(records)
    best = records.curves[RARE, "evolution"][1]
    rows = curves[(curves["objective"] == RARE) & (curves["searcher"] == "evolution")]
    assert rows["n_seeds"].tolist() == np.isfinite(best).sum(axis=0).tolist()
    last = records.targets[RARE].best - best[np.isfinite(best[:, -1]), -1]
    assert rows["mean"].iloc[-1] == pytest.approx(last.mean())


def test_tables_say_in_how_many_seeds(records: Records) -> None:
    text = markdown(summary_table(records))
    for searcher in records.searchers:
        n = int(np.isfinite(finals(records, RARE, searcher)).sum())
        assert f"feasible in {n} of {N_SEEDS}" in text
    assert text.count(f"feasible in 0 of {N_SEEDS}") == 2
    assert "nan" not in text


def test_a_run_without_a_feasible_network_is_worse_than_any_with_one(records: Records) -> None:
    result = significance(records)
    ranks = result.ranks[result.ranks["objective"] == RARE].set_index("searcher")["rank"]
    first, second = (finals(records, RARE, name) for name in records.searchers)
    filled = [np.where(np.isnan(scores), -1.0, scores) for scores in (first, second)]
    expected = np.mean(np.where(filled[0] > filled[1], 1.0, np.where(filled[0] == filled[1], 1.5, 2.0)))
    assert ranks["random"] == pytest.approx(expected)
    (pair,) = result.pairs[result.pairs["objective"] == RARE].to_dict("records")
    assert pair["difference"] == pytest.approx(np.nanmean(first) - np.nanmean(second))
    assert result.tests.set_index("objective").loc[NEVER, "verdict"] == (
        f"nothing to test: all searchers tie in each of {N_SEEDS} seeds"
    )


def test_the_headline_goes_by_feasible_seeds_first(records: Records) -> None:
    said = headline(records, significance(records))
    counts = {name: int(np.isfinite(finals(records, RARE, name)).sum()) for name in records.searchers}
    most = max(counts, key=lambda name: counts[name])
    assert len(set(counts.values())) == 2  # else the test would say nothing
    assert f"{most} has the best mean on 1 of 2 objectives" in said.sentence
    assert f"{most} reaches" in said.findings[0]
    assert f"mean of the {counts[most]} of {N_SEEDS} seeds that are feasible" in said.findings[0]
    assert "no searcher found a feasible network" in said.findings[1]


def test_networks_that_are_not_feasible_are_not_evaluated_elsewhere(records: Records) -> None:
    objectives = analysis.cross_evaluation(records).index.get_level_values("objective")
    assert NEVER not in set(objectives)
    assert NEVER not in set(analysis.found_networks(records)["objective"])


def test_the_report_is_written(directory: Path, records: Records) -> None:
    page = write_report(directory).read_text(encoding="utf-8")
    assert f"feasible in 0 of {N_SEEDS}" in page
    assert leading(records, most=1).searchers


def test_progress_says_how_many_are_feasible() -> None:
    assert _mean_best([0.5, 0.7], "accuracy") == "mean best 60.00 %"
    assert _mean_best([0.5, float("nan")], "accuracy") == "mean best 50.00 %, feasible in 1 of 2"
    assert _mean_best([float("nan")], "accuracy") == "mean best -, feasible in 0 of 1"
