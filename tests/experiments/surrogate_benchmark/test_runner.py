from __future__ import annotations

import re
from pathlib import Path
from unittest.mock import ANY

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import r2_score

from experiments.surrogate_benchmark.figures import calibration_figure, learning_figure
from experiments.surrogate_benchmark.fit import TOP_K, FitSpec, fit_record, network_features, split
from experiments.surrogate_benchmark.plan import BenchmarkPlan
from experiments.surrogate_benchmark.records import (
    from_records,
    learning_curves,
    load_records,
    mean_importances,
    ranking,
)
from experiments.surrogate_benchmark.report import finding, write_surrogate_report
from experiments.surrogate_benchmark.runner import benchmark, row
from experiments.surrogate_benchmark.tables import ranking_table
from robustnas.errors import DataError, InvalidInputError
from robustnas.spaces import encoding
from robustnas.spaces.nasbench201 import space
from robustnas.spaces.nasbench201.twins import twin_labels
from robustnas.tables.array_table import ArrayTable
from surrogates import DEFAULT_ENCODING, DEFAULT_SURROGATE, make_surrogate
from surrogates.metrics import NOMINAL_COVERAGES

pytestmark = pytest.mark.timeout(60)  # slow where processors are shared

CHOSEN = {"surrogates": ("ridge", "multitask"), "encodings": ("one-hot", "cost"), "train_sizes": (20, 30)}
PLAN = BenchmarkPlan(**CHOSEN, n_trials=2)


def synthetic_table(noise: float = 0.01) -> ArrayTable:
    """Scores that depend on operations, equal for functional twins, and a training noise of its own per network."""
    rng = np.random.default_rng(0)
    smooth = 0.5 + 0.1 * np.tanh(encoding("cost").values @ np.linspace(-1, 1, len(encoding("cost").names)) / 10)
    drawn = rng.uniform(-0.1, 0.1, twin_labels().max() + 1)[twin_labels()]
    trained = rng.normal(0, noise, space.N_CELLS)[space.canonical_indices()]
    return ArrayTable({"clean": smooth + drawn + trained, "pgd@1": smooth + trained})


@pytest.fixture(scope="module")
def table() -> ArrayTable:
    return synthetic_table()


def run_all(out: Path | None, data: Path, plan: BenchmarkPlan = PLAN, jobs: int = 1) -> list[dict]:
    return [record for _, record in benchmark(plan, out, data=data, jobs=jobs) if record is not None]


@pytest.mark.parametrize("surrogate", ["ridge", "forest"])
def test_measures_are_those_of_scipy_and_sklearn(table: ArrayTable, surrogate: str) -> None:
    record = fit_record(FitSpec("pgd@1", surrogate, "path+cost", 60, 1, 7), table)
    scores = table.column(table.metrics[1])[space.network_indices()]
    train, test = split(scores, 60, 1, 7)
    features = network_features("path+cost", table)
    state = int(np.random.SeedSequence([7, 1]).generate_state(1)[0] >> 1)
    model = make_surrogate(surrogate, encoding("path+cost"), random_state=state).fit(features[train], scores[train])
    mean, std = model.predict(features[test], return_std=True)
    true = scores[test]
    expected = {
        "kendall_tau": stats.kendalltau(true, mean).statistic,
        "spearman": stats.spearmanr(true, mean).statistic,
        "r2": r2_score(true, mean),
        "regret": true.max() - true[np.argmax(mean)],
    }
    for k in TOP_K:
        top = set(np.argsort(-true, kind="stable")[:k])
        expected[f"precision_at_{k}"] = len(top & set(np.argsort(-mean, kind="stable")[:k])) / k
    for level in NOMINAL_COVERAGES:
        low, high = stats.norm.interval(level, mean, std)
        expected[f"coverage_{100 * level:.0f}"] = np.mean((low <= true) & (true <= high))
    assert {name: record[name] for name in expected} == pytest.approx(expected, abs=1e-9)
    assert record["n_test"] == space.N_NETWORKS - 60


def test_what_is_minimised_is_ranked_from_the_small_end(table: ArrayTable) -> None:
    record = fit_record(FitSpec("params", "ridge", "cost", 50, 0, 0), table)
    assert record["kendall_tau"] > 0.8
    assert record["regret"] >= 0


def test_training_sets_grow_and_all_others_are_the_test() -> None:
    scores = np.linspace(0, 1, space.N_NETWORKS)
    scores[::5] = np.nan
    small, rest = split(scores, 50, 3, 0)
    large, _ = split(scores, 400, 3, 0)
    np.testing.assert_array_equal(small, large[:50])
    assert not set(small) & set(rest)
    assert sorted([*small, *rest]) == np.flatnonzero(np.isfinite(scores)).tolist()
    assert set(split(scores, 50, 4, 0)[0]) != set(small)
    assert set(split(scores, 50, 3, 1)[0]) != set(small)


def test_an_interrupted_benchmark_goes_on_and_grows(published: Path, warm_cache: Path, tmp_path: Path) -> None:
    run_all(tmp_path, published)
    before = (tmp_path / "runs.jsonl").read_bytes().splitlines(keepends=True)
    (tmp_path / "runs.jsonl").write_bytes(b"".join(before[:5]) + b'{"torn')
    assert len(load_records(tmp_path).rows) == 5
    steps = list(benchmark(PLAN, tmp_path, data=published, jobs=1))
    assert [done for done, record in steps if record is None] == [5]
    assert [done for done, _ in steps] == [1, 2, 3, 4, 5, 5, *range(6, 17)]
    larger = BenchmarkPlan(**CHOSEN, n_trials=3)
    assert len(run_all(tmp_path, published, larger)) == 24
    assert (tmp_path / "runs.jsonl").read_bytes().count(b"\n") == 24
    with pytest.raises(DataError, match=r"trial 2.*choose another --out"):
        run_all(tmp_path, published)
    with pytest.raises(DataError, match="seed 0 instead of 5"):
        run_all(tmp_path, published, BenchmarkPlan(**CHOSEN, n_trials=3, seed=5))


def test_a_directory_of_something_else_is_refused(published: Path, warm_cache: Path, tmp_path: Path) -> None:
    (tmp_path / "runs.jsonl").write_text('{"objective": "clean", "searcher": "random", "seed": 0}\n')
    with pytest.raises(DataError, match="line 1 is not a fit of a surrogate: it lacks dataset, surrogate, encoding"):
        run_all(tmp_path, published)
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(DataError, match=r"holds a comparison of searchers, .*, not a benchmark of surrogates"):
        load_records(tmp_path)
    with pytest.raises(DataError, match=r"no manifest\.json in"):
        load_records(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"surrogates": ("xgbost",)}, "did you mean 'xgboost'"),
        ({"surrogates": ()}, "no surrogate is given"),
        ({"surrogates": ("default", DEFAULT_SURROGATE)}, f"surrogate '{DEFAULT_SURROGATE}' is given twice"),
        ({"encodings": ("one-hot", "path+grapf")}, "did you mean 'graph'"),
        ({"objectives": ("clean, pgd@1",)}, "repeat --objective"),
        ({"objectives": ("pdg@1",)}, "did you mean 'pgd@1'"),
        ({"train_sizes": (1,)}, "train size is 1; expected an integer from 2 to 6465"),
        ({"train_sizes": (6466,)}, "train size is 6466"),
        ({"train_sizes": (50, 50)}, "train size 50 is given twice"),
        ({"n_trials": 0}, "trials is 0"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_a_bad_plan_is_refused(change: dict, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message.replace("(", r"\(")):
        BenchmarkPlan(**change)


def test_default_stands_for_the_shipped_pair() -> None:
    plan = BenchmarkPlan(surrogates=("default",), train_sizes=(400, 50))
    assert (plan.surrogates, plan.encodings) == ((DEFAULT_SURROGATE,), (DEFAULT_ENCODING,))
    assert plan.train_sizes == (50, 400)


def test_all_but_one_network_may_be_trained_on(published: Path, warm_cache: Path) -> None:
    plan = BenchmarkPlan(surrogates=("ridge",), encodings=("cost",), train_sizes=(space.N_NETWORKS - 1,), n_trials=1)
    (record,) = run_all(None, published, plan)
    assert (record["n_test"], record["kendall_tau"], record["regret"]) == (1, 0.0, 0.0)


def test_summaries_are_means_over_trials(table: ArrayTable) -> None:
    specs = BenchmarkPlan(surrogates=("ridge", "forest"), encodings=("cost",), train_sizes=(20, 40), n_trials=3).specs
    records = [fit_record(spec, table) for spec in specs]
    names = {"surrogates": ["ridge", "forest"], "encodings": ["cost"], "train_sizes": [20, 40], "n_trials": 3}
    read = from_records({"objectives": {"pgd@1": {"title": "PGD", "ceiling": 0.9}}, **names}, records)
    curves = learning_curves(read)
    taus = [r["kendall_tau"] for r in records if r["surrogate"] == "forest" and r["train_size"] == 40]
    line = curves[(curves["surrogate"] == "forest") & (curves["train_size"] == 40)].iloc[0]
    assert line["mean"] == pytest.approx(np.mean(taus))
    assert (line["ci_low"], line["ci_high"]) == pytest.approx(stats.t.interval(0.95, 2, np.mean(taus), stats.sem(taus)))
    best = ranking(read, "pgd@1")[0]
    at = curves[curves["train_size"] == 40].set_index(["surrogate", "encoding"])["mean"]
    assert at[best] == at.max()
    assert f"{at.max():.3f}" in finding(read, "pgd@1")
    shares = mean_importances(read, "pgd@1", ("forest", "cost"), n=100)
    assert shares["mean"].sum() == pytest.approx(1.0, abs=1e-4)
    assert set(shares["feature"]) <= set(encoding("cost").names)


@pytest.mark.parametrize(("ceiling", "said"), [(0.9, "% of what training noise allows, 0.90"), (0.0, ""), (None, "")])
def test_a_ceiling_of_zero_is_no_share(table: ArrayTable, ceiling: float | None, said: str) -> None:
    specs = BenchmarkPlan(surrogates=("ridge",), encodings=("cost",), train_sizes=(40,), n_trials=1).specs
    names = {"surrogates": ["ridge"], "encodings": ["cost"], "train_sizes": [40], "n_trials": 1}
    known = {"title": "PGD", "ceiling": ceiling, "no_ceiling": "" if ceiling else "nothing but noise"}
    read = from_records({"objectives": {"pgd@1": known}, **names}, [fit_record(spec, table) for spec in specs])
    sentence = finding(read, "pgd@1")
    assert said in sentence
    assert ("no noise ceiling: nothing but noise" in sentence) == (not ceiling)
    assert ("No ceiling for PGD: nothing but noise." in ranking_table(read).note) == (not ceiling)
    assert ranking_table(read).rows[0].entries[-1].text == ("–" if not ceiling else ANY)


@pytest.mark.timeout(180)  # starts processes or draws: slow where processors are shared
def test_the_report_is_whole_and_the_same_each_time(
    published: Path, own_cache: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    tmp_path = tmp_path_factory.mktemp("surrogates")
    records = run_all(tmp_path, published)
    page = write_surrogate_report(tmp_path)
    files = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*") if path.name != ".lock"}
    figures = {"learning_curves", "calibration", "importances"}
    tables = {"ranking", "measures", "calibration", "importances"}
    assert files == (
        {"manifest.json", "runs.jsonl", "rows.csv", "report.html"}
        | {f"figures/{name}.{kind}" for name in figures for kind in ("png", "pdf")}
        | {f"tables/{name}.{kind}" for name in tables for kind in ("md", "tex", "csv")}
    )
    text = page.read_text()
    assert len(re.findall(r"<svg(?! class=.narrow)", text)) == 3
    assert "noise ceiling" in text
    assert not [part for part in ("http-equiv", "<script", "<link", "@import", 'src="') if part in text]
    mean = np.mean([r["kendall_tau"] for r in records if (r["surrogate"], r["encoding"]) == ("ridge", "cost")
                    and r["train_size"] == 30])  # fmt: skip
    assert f"{mean:.3f}" in (tmp_path / "tables" / "ranking.csv").read_text()
    before = {name: (tmp_path / name).read_bytes() for name in files}
    write_surrogate_report(tmp_path)
    assert {name: (tmp_path / name).read_bytes() for name in files} == before


def test_few_trials_are_dots_and_calibration_is_observed_less_nominal(table: ArrayTable) -> None:
    surrogates, sizes = ("ridge", "forest"), (20, 30)
    records = [
        fit_record(FitSpec("clean", name, "one-hot", size, trial, 0), table)
        for name in surrogates
        for size in sizes
        for trial in range(2)
    ]
    names = {"surrogates": surrogates, "encodings": ["one-hot"], "train_sizes": sizes, "n_trials": 2}
    read = from_records({"objectives": {"clean": {"title": "clean"}}, **names}, records)
    (axes,) = learning_figure(read).axes
    dots = [line for line in axes.lines if line.get_linestyle() == "None"]
    assert sorted(len(line.get_xdata()) for line in dots) == [4, 4]
    assert len(axes.collections) == 0
    (axes,) = calibration_figure(read).axes
    low, high = axes.get_ylim()
    assert low == -high
    forest = read.rows[(read.rows["surrogate"] == "forest") & (read.rows["train_size"] == 30)]
    line = axes.lines[-1]
    np.testing.assert_allclose(
        line.get_ydata(), [100 * forest[f"coverage_{level}"].mean() - level for level in (50, 80, 95)]
    )


def test_rows_hold_what_scripts_read(table: ArrayTable) -> None:
    fields = list(row(fit_record(FitSpec("clean", "ridge", "one-hot", 20, 0, 0), table)))
    assert fields[:6] == ["dataset", "objective", "surrogate", "encoding", "train_size", "trial"]
    assert {"kendall_tau", "spearman", "r2", "regret", "fit_seconds", "predict_seconds"} <= set(fields)
