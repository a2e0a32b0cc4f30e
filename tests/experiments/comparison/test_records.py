from __future__ import annotations

import json
import re
from functools import partial

import numpy as np
import pytest

from experiments.comparison.front_figure import run_fronts
from experiments.comparison.records import load
from experiments.comparison.schema import check_run
from experiments.comparison.tables import summary_table
from experiments.journal import open_journal
from robustnas.errors import DataError
from robustnas.spaces import open_space
from tests.experiments.damage import damaged


def test_one_row_per_run_and_per_query(write_records):
    folder = write_records()
    records = load(folder)
    assert len(records.runs) == 2 * 3 * 8 == records.n_planned
    assert len(records.queries) == 2 * 3 * 8 * 60
    first = json.loads((folder / "runs.jsonl").read_text().splitlines()[0])
    queries = records.queries.iloc[:60]
    assert queries["score"].tolist() == first["queries"]["score"]
    assert queries["best"].tolist() == first["queries"]["best"]
    assert queries["index"].tolist() == first["queries"]["index"]
    assert queries["n_queries"].tolist() == list(range(1, 61))
    assert set(queries["source"]) == {"table"}
    run = records.runs.iloc[0]
    assert (run["best_arch"], run["best_uid"]) == (first["best"]["arch"], 5)
    assert run["cross:pgd@1"] == first["cross"]["pgd@1"]


def test_categories_are_in_plan_order(write_records):
    records = load(write_records())
    assert list(records.runs["searcher"].cat.categories) == ["random", "local", "evolution"]
    assert list(records.queries["objective"].cat.categories) == ["clean", "pgd@1"]
    assert records.targets["pgd@1"].title == "PGD, eps 1/255"


def test_several_objectives_have_several_score_columns(write_records):
    records = load(write_records(("clean", "clean, pgd@1"), n_seeds=2))
    multi = records.queries[records.queries["objective"] == "clean, pgd@1"]
    assert multi["score"].isna().all()
    assert np.allclose(multi["score_2"], multi["score_1"] / 2)
    assert records.queries.loc[records.queries["objective"] == "clean", "score_1"].isna().all()
    assert records.runs["front"].notna().sum() == 6
    assert records.runs.loc[records.runs["objective"] == "clean, pgd@1", "best_arch"].isna().all()


def test_a_torn_last_line_is_ignored(write_records):
    folder = write_records()
    whole = load(folder)
    with (folder / "runs.jsonl").open("ab") as file:
        file.write(b'{"objective": "clean", "searcher": "ran\xc3')
    assert len(load(folder).runs) == len(whole.runs)


def test_a_run_recorded_twice_counts_once(write_records):
    folder = write_records(n_seeds=1)
    runs = folder / "runs.jsonl"
    runs.write_text(runs.read_text() * 2)
    assert len(load(folder).runs) == 6


def test_a_run_that_ended_early_carries_its_best_forward(write_records):
    folder = write_records(n_seeds=1, objectives=("clean",), searchers=("random",))
    run = json.loads((folder / "runs.jsonl").read_text())
    run["n_queries"] = 10
    run["queries"] = {name: run["queries"][name][:10] for name in ("index", "score", "best")}
    (folder / "runs.jsonl").write_text(json.dumps(run) + "\n")
    records = load(folder)
    _, best = records.curves["clean", "random"]
    assert best.shape == (1, 60)
    assert (best[0, 9:] == run["queries"]["best"][-1]).all()
    assert records.queries["cost"].isna().all()
    assert set(records.queries["source"]) == {"unknown"}


def test_curves_are_in_order_of_seeds_and_read_only(write_records):
    folder = write_records()
    runs = folder / "runs.jsonl"
    lines = runs.read_text().splitlines(keepends=True)
    plain = load(folder).curves
    runs.write_text("".join(reversed(lines)))
    shuffled = load(folder).curves
    assert list(plain) == list(shuffled)
    for key, (seeds, best) in plain.items():
        assert seeds.tolist() == list(range(8))
        assert np.array_equal(best, shuffled[key][1])
        assert not best.flags.writeable


def test_no_runs_yet(write_records):
    folder = write_records()
    (folder / "runs.jsonl").write_text("")
    records = load(folder)
    assert records.runs.empty
    assert records.queries.empty
    assert records.curves == {}


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("manifest.json", None, "no manifest.json in"),
        ("runs.jsonl", None, "no runs.jsonl in"),
        ("manifest.json", "{", "manifest.json is not JSON"),
        ("manifest.json", "[]", "holds a list; expected a JSON object"),
        ("manifest.json", '{"dataset": "cifar10"}', "lacks source, budget, seeds, searchers, objectives"),
        ("runs.jsonl", "{}\n", "line 1 is not a run: it lacks objective, searcher"),
        ("runs.jsonl", "nonsense\n", "line 1 is not JSON"),
    ],
)
def test_missing_and_foreign_files(write_records, file, content, message):
    folder = write_records(n_seeds=1)
    (folder / file).unlink() if content is None else (folder / file).write_text(content)
    with pytest.raises(DataError, match=re.escape(message)):
        load(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"searcher": "other"}, "searcher 'other' is not in manifest.json, which has random"),
        ({"objective": "square@1"}, "objective 'square@1' is not in manifest.json"),
        ({"n_queries": 3}, "expected n_queries = 3 of each"),
        ({"seed": "x"}, "seed is 'x'"),
        ({"seed": 2**64}, "seed is 18446744073709551616; expected"),
        ({"seconds": float("nan")}, "seconds is nan; expected a finite number"),
        ({"best": {"arch": "nonsense"}}, "best.arch is 'nonsense'"),
        ({"queries": {"index": [15625] * 60, "score": [0.5] * 60, "best": [0.5] * 60}}, "queries.index[0] is 15625"),
        ({"queries": {"index": [1] * 60, "score": [0.5] * 60, "best": [0.5] * 59}}, "'best': 59"),
        (
            {"queries": {"index": [1] * 60, "score": [[0.5, 0.5]] * 60, "best": [0.5] * 60}},
            "expected 1, one per objective",
        ),
        ({"queries": {"index": [1] * 60, "score": [0.5] * 60, "best": [float("inf")] * 60}}, "at [0] is infinite"),
        ({"front": [{"arch": "x"}]}, "front[0].scores is missing"),
    ],
)
def test_runs_that_do_not_fit(write_records, change, message):
    folder = write_records(n_seeds=1)
    lines = (folder / "runs.jsonl").read_text().splitlines()
    lines[1] = json.dumps(json.loads(lines[1]) | change)
    (folder / "runs.jsonl").write_text("\n".join(lines) + "\n")
    with pytest.raises(DataError, match=f"line 2.*{re.escape(message)}"):
        load(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"budget": 0}, "budget is 0; expected a positive whole number"),
        ({"budget": 10**9}, "budget is 1000000000; expected at most 6,466, the networks of nasbench201"),
        ({"objectives": ["clean"]}, r"objectives is \['clean'\]; expected an object"),
        ({"objectives": {}}, "objectives is {}; expected at least one entry"),
        ({"searchers": ["a", "b", "a"]}, "searchers is .*; expected different entries; 'a' is there twice"),
        ({"searchers": ["a\x07"]}, r"searchers\[0\] is 'a\\x07'; expected a text without control characters"),
        ({"seeds": [0, 1.0]}, r"seeds\[1\] is 1.0; expected a whole number"),
        ({"format": 2}, "format is 2; expected 1"),
        ({"kind": "surrogates"}, "holds a benchmark of surrogates, made by `robustnas surrogates`, not a comparison"),
        ({"kind": []}, r"kind is \[\]; expected comparison or surrogates"),
        ({"objectives": {"clean, pgd@1": {"scale": "accuracy"}}}, "expected hypervolume for several objectives"),
        ({"objectives": {"nonsense@": {}}}, "objectives is 'nonsense@'"),
    ],
)
def test_bad_manifests(write_records, change, message):
    folder = write_records(n_seeds=1)
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | change))
    with pytest.raises(DataError, match=message):
        load(folder)


def test_words_where_numbers_are_expected(write_records):
    folder = write_records(n_seeds=1)
    text = (folder / "runs.jsonl").read_text()
    (folder / "runs.jsonl").write_text(re.sub(r'"best": \[[^,]*,', '"best": ["high",', text, count=1))
    with pytest.raises(DataError, match=r"line 1: queries.best\[0\] is 'high'; expected a number"):
        load(folder)


def test_damaged_lines_of_a_run_to_resume_are_named(write_records):
    folder = write_records(n_seeds=1)
    with (folder / "runs.jsonl").open("a") as file:
        file.write("[" * 100_000 + "]" * 100_000 + "\n")
    with pytest.raises(DataError, match=r"line 7 is nested thousands of levels deep; expected a few levels$"):
        load(folder)
    with (
        open_journal(folder, partial(check_run, space=open_space("nasbench201"))) as journal,
        pytest.raises(DataError, match=r"line 7 is nested .*; delete that line to run it again"),
    ):
        list(journal.runs())


def sentence(folder):
    """Return what is wrong with records; nothing if they can be reported on."""
    try:
        records = load(folder)
    except DataError as error:
        return str(error)
    summary_table(records), records.curves, run_fronts(records, "clean, pgd@1")
    return ""


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", ["manifest.json", "runs.jsonl"])
def test_whatever_is_wrong_is_one_sentence(write_records, name):
    folder = write_records(("clean", "clean, pgd@1"), ("random", "local"), n_seeds=1, budget=3)
    content = (folder / name).read_text()
    first, *rest = content.splitlines() if name == "runs.jsonl" else [content]
    n_refused = 0
    for broken in damaged(rest[-1] if rest else first):  # a run of several objectives
        (folder / name).write_text("\n".join([first, broken, *rest[1:]]) if rest else broken)
        message = sentence(folder)
        n_refused += bool(message)
        assert not message or (str(folder) in message and "\n" not in message)
    assert n_refused > 100


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda run: run["queries"]["best"].__setitem__(-1, float("nan")),
            r"queries\.best\[59\] is nan after 0\.\d+; expected the best so far",
        ),
        (
            lambda run: run["queries"]["best"].__setitem__(0, None),
            r"queries\.best\[0\] is None, the score 0\.\d+; expected the best so far",
        ),
        (
            lambda run: run["queries"].update(score=[float("nan")] * 60),
            r"queries\.score\[\d+\] is nan, and the best becomes 0\.\d+ by it; expected the score",
        ),
        (
            lambda run: run["best"].update(score=float("nan")),
            r"best\.score is nan, and the last of queries\.best is 0\.\d+; expected the same",
        ),
    ],
)
def test_a_number_that_was_lost_is_missed(write_records, change, message):
    folder = write_records(("clean",), n_seeds=1)
    first, *others = (folder / "runs.jsonl").read_text().splitlines(keepends=True)
    run = json.loads(first)
    change(run)
    (folder / "runs.jsonl").write_text(json.dumps(run) + "\n" + "".join(others))
    with pytest.raises(DataError, match=rf"runs\.jsonl, line 1: {message}"):
        load(folder)


def test_what_is_not_known_yet_is_no_loss(write_records):
    """Constraints that nothing has satisfied yet, and columns without a number for some networks."""
    folder = write_records(("clean",), n_seeds=1, budget=3)
    manifest = json.loads((folder / "manifest.json").read_text())
    first, *others = map(json.loads, (folder / "runs.jsonl").read_text().splitlines())
    first["queries"] |= {"score": [None, 0.5, float("nan")], "best": [None, 0.5, 0.5]}
    first["best"]["score"] = 0.5
    limited = dict(first, objective="clean where params <= 1e6", best={"arch": first["best"]["arch"], "score": None})
    limited["queries"] = first["queries"] | {"score": [0.9, 0.8, 0.7], "best": [None, None, float("nan")]}
    manifest["objectives"][limited["objective"]] = manifest["objectives"]["clean"]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    (folder / "runs.jsonl").write_text("".join(json.dumps(run) + "\n" for run in (first, limited, *others)))
    records = load(folder)
    assert records.curves["clean", "random"][1][0].tolist()[1:] == [0.5, 0.5]
    assert np.isnan(records.curves[limited["objective"], "random"][1]).all()
