from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import scipy.stats as st

from experiments.comparison import analysis
from experiments.comparison.records import load
from experiments.comparison.significance import significance
from robustnas.errors import InvalidInputError

pytestmark = pytest.mark.timeout(60)  # slow where processors are shared


def raw(folder, objective, searcher):
    runs = [json.loads(line) for line in (folder / "runs.jsonl").read_text().splitlines()]
    return [run for run in runs if (run["objective"], run["searcher"]) == (objective, searcher)]


def test_summary_agrees_with_scipy(write_records):
    folder = write_records()
    frame = analysis.summary(load(folder), [10, 60])
    assert len(frame) == 2 * 3 * 2
    row = frame.query("objective == 'pgd@1' and searcher == 'local' and n_queries == 10").iloc[0]
    values = [run["queries"]["best"][9] for run in raw(folder, "pgd@1", "local")]
    low, high = st.t.interval(0.95, len(values) - 1, loc=np.mean(values), scale=st.sem(values))
    expected = [np.mean(values), np.std(values, ddof=1), 8, low, high]
    assert np.allclose(row[["mean", "std", "n_seeds", "ci_low", "ci_high"]].astype(float), expected)


@pytest.mark.parametrize(
    ("budget", "points"),
    [(5, [5]), (30, [10, 25, 30]), (60, [50, 60]), (300, [50, 100, 150, 200, 300]), (10, [10])],
)
def test_default_points(write_records, budget, points):
    frame = analysis.summary(load(write_records(n_seeds=2, budget=budget)))
    assert sorted(set(frame["n_queries"])) == points


@pytest.mark.parametrize("point", [0, 61])
def test_points_outside_the_budget(write_records, point):
    records = load(write_records(n_seeds=2))
    with pytest.raises(InvalidInputError, match=f"{point} queries: expected 1 to 60"):
        analysis.summary(records, [point])
    with pytest.raises(InvalidInputError, match="expected 1 to 60"):
        significance(records, point)


def test_one_seed_has_no_spread(write_records):
    frame = analysis.summary(load(write_records(n_seeds=1)))
    assert frame[["std", "ci_low", "ci_high"]].isna().all(axis=None)


def test_regret_of_a_minimised_objective_is_positive_and_falls(write_records):
    records = load(write_records(("params",)))
    curves = analysis.regret_curves(records).query("searcher == 'random'")
    assert (curves["mean"] >= 0).all()
    assert (curves["mean"].diff().dropna() <= 0).all()
    best = records.curves["params", "random"][1]
    assert np.allclose(curves["median"], np.median(best, axis=0) - 70_000)
    assert np.allclose(curves["q75"], np.quantile(best, 0.75, axis=0) - 70_000)


def test_regret_without_a_known_best_is_to_the_best_found(write_records):
    facts = {"clean": {"title": "clean", "best": None, "scale": "accuracy"}}
    folder = write_records(("clean",))
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | {"objectives": facts}))
    records = load(folder)
    found = max(best.max() for _, best in records.curves.values())
    assert analysis.reference(records, "clean") == found
    assert analysis.queries_to_noise_floor(records).empty


def test_queries_to_noise_floor(write_records):
    folder = write_records()
    frame = analysis.queries_to_noise_floor(load(folder))
    row = frame.query("objective == 'clean' and searcher == 'random'").iloc[0]
    first = [
        next((i for i, best in enumerate(run["queries"]["best"], 1) if 0.946 - best <= 0.004 + 1e-12), np.inf)
        for run in raw(folder, "clean", "random")
    ]
    assert row["n_reached"] == np.isfinite(first).sum()
    assert row["median"] == sorted(first)[3]
    assert row["share"] == row["n_reached"] / 8


def test_cross_evaluation(write_records):
    folder = write_records(("clean", "clean, pgd@1"))
    frame = analysis.cross_evaluation(load(folder))
    values = [run["cross"]["pgd@1"] for run in raw(folder, "clean", "evolution")]
    assert np.isclose(frame.loc[("clean", "evolution"), ("pgd@1", "mean")], np.mean(values))
    assert np.isclose(frame.loc[("clean", "evolution"), ("pgd@1", "std")], np.std(values, ddof=1))
    assert set(frame.index.get_level_values("objective")) == {"clean"}


def test_no_cross_evaluation(write_records):
    assert analysis.cross_evaluation(load(write_records(("clean, pgd@1",), cross_metrics={}))).empty


def test_found_networks_are_the_best_over_seeds(write_records):
    folder = write_records(("params",))
    row = analysis.found_networks(load(folder)).iloc[0]
    assert row["score"] == min(run["best"]["score"] for run in raw(folder, "params", "random"))
    assert row["n_runs"] == 8


def test_significance_agrees_with_scipy(write_records):
    records = load(write_records(n_seeds=20))
    result = significance(records, 20)
    blocks = np.array([best[:, 19] for (objective, _), (_, best) in records.curves.items() if objective == "clean"])
    expected = st.friedmanchisquare(*blocks)
    test = result.tests.set_index("objective").loc["clean"]
    assert np.isclose(test["statistic"], expected.statistic)
    assert np.isclose(test["p_value"], expected.pvalue)
    raw_p = [st.wilcoxon(blocks[i], blocks[j], zero_method="zsplit").pvalue for i, j in ((0, 1), (0, 2), (1, 2))]
    order = np.argsort(raw_p)
    holm = np.empty(3)
    holm[order] = np.minimum(np.maximum.accumulate(np.sort(raw_p) * [3, 2, 1]), 1)
    pairs = result.pairs[result.pairs["objective"] == "clean"]
    assert np.allclose(pairs["p_value"], holm)
    ranks = result.ranks[result.ranks["objective"] == "clean"]["rank"]
    assert np.allclose(ranks, st.rankdata(-blocks, axis=0).mean(axis=1))


def test_each_objective_is_tested_on_its_own_seeds(write_records):
    """Forty blocks of two objectives would claim twice the seeds that there are."""
    result = significance(load(write_records(n_seeds=20)))
    assert list(result.tests["objective"]) == ["clean", "pgd@1"]
    assert list(result.tests["n_blocks"]) == [20, 20]
    assert set(result.pairs["objective"]) == set(result.ranks["objective"]) == {"clean", "pgd@1"}
    alone = significance(load(write_records(("clean",), n_seeds=20)))
    assert result.pairs[result.pairs["objective"] == "clean"]["p_value"].tolist() == alone.pairs["p_value"].tolist()
    assert all("20 seeds" in verdict for verdict in result.tests["verdict"])


def test_differences_below_the_noise_floor_are_marked(write_records):
    pairs = significance(load(write_records(n_seeds=20))).pairs.dropna(subset="difference")
    floor = pairs["objective"].map({"clean": 0.004, "pgd@1": 0.018})
    assert (pairs["below_noise"] == (pairs["difference"].abs() < floor)).all()
    assert pairs["below_noise"].any()


def test_smaller_is_better_for_costs(write_records):
    result = significance(load(write_records(("params",), n_seeds=20)), 5)
    ranks = result.ranks.set_index("searcher")["rank"]
    assert ranks["evolution"] < ranks["random"]
    pair = result.pairs.query("first == 'random' and second == 'evolution'").iloc[0]
    assert pair["difference"] < 0


def test_multi_objective_entries_are_tested_on_their_own(write_records):
    tests = significance(load(write_records(("clean", "clean, pgd@1")))).tests
    assert list(tests["objective"]) == ["clean", "clean, pgd@1"]


@pytest.mark.parametrize(
    ("options", "verdict"),
    [
        ({"searchers": ("random",)}, "not enough to test: one searcher only"),
        ({"n_seeds": 1}, "not enough to test: 1 seed finished by every searcher, at least 6 are needed"),
        ({"n_seeds": 5}, "not enough to test: 5 seeds finished by every searcher, at least 6 are needed"),
        ({"constant": True}, "nothing to test: all searchers tie in each of 8 seeds"),
        (
            {"constant": True, "searchers": ("random", "local")},
            "nothing to test: all searchers tie in each of 8 seeds",
        ),
    ],
)
def test_not_enough_to_test(write_records, options, verdict):
    result = significance(load(write_records(("clean",), **options)))
    assert list(result.tests["verdict"]) == [verdict]
    assert result.pairs["p_value"].isna().all()
    assert not result.pairs["significant"].any()


def test_two_searchers_need_no_friedman_test(write_records):
    result = significance(load(write_records(("clean",), ("random", "evolution"), n_seeds=20)), 5)
    assert np.isnan(result.tests["p_value"].iloc[0])
    assert result.pairs["significant"].all()
    assert result.tests["verdict"].iloc[0].startswith("the two searchers differ (Wilcoxon, p ")


def test_only_seeds_that_all_searchers_finished_are_blocks(write_records):
    folder = write_records(("clean",))
    lines = (folder / "runs.jsonl").read_text().splitlines(keepends=True)
    (folder / "runs.jsonl").write_text("".join(lines[:-2]))
    records = load(folder)
    assert significance(records).tests["n_blocks"].tolist() == [6]
    assert analysis.summary(records)["n_seeds"].tolist() == [8, 8, 8, 8, 6, 6]


def test_nothing_finished(write_records):
    folder = write_records()
    (folder / "runs.jsonl").write_text("")
    records = load(folder)
    result = significance(records)
    assert result.tests.empty
    for frame in (analysis.summary(records), analysis.regret_curves(records), analysis.seconds(records), result.pairs):
        assert isinstance(frame, pd.DataFrame)
        assert frame.empty


def test_intervals_of_hypervolumes_end_where_hypervolumes_do(write_records):
    """Of two seeds, a 95 % t interval is 6.4 times as wide as their distance."""
    records = load(write_records(("clean, pgd@1",), n_seeds=2))
    summary, regrets = analysis.summary(records, [1, 5]), analysis.regret_curves(records)
    assert summary["ci_high"].max() == 1
    assert regrets["ci_low"].min() == 0
    for frame in (summary, regrets):
        assert ((frame["ci_low"] >= 0) & (frame["ci_low"] <= frame["mean"])).all()
        assert ((frame["ci_high"] >= frame["mean"]) & (frame["ci_high"] <= 1)).all()


def test_what_has_no_number_was_not_found(write_records):
    """A search on a sparse column that met no network with a number: nothing to cross-evaluate, nothing to draw."""
    folder = write_records(("clean",), n_seeds=2)
    lines = [json.loads(line) for line in (folder / "runs.jsonl").read_text().splitlines()]
    for run in lines:
        if run["searcher"] == "random":
            run["best"]["score"] = None
            run["queries"]["score"] = run["queries"]["best"] = [None] * run["n_queries"]
    (folder / "runs.jsonl").write_text("".join(json.dumps(run) + "\n" for run in lines))
    records = load(folder)
    assert set(analysis.cross_evaluation(records).index.get_level_values("searcher")) == {"local", "evolution"}
    assert set(analysis.found_networks(records)["searcher"]) == {"local", "evolution"}
