from __future__ import annotations

import json
import re

import numpy as np
import pytest

from experiments.comparison.records import load
from robustnas.errors import DataError


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
    [({"budget": 0}, "'budget' is 0"), ({"objectives": ["clean"]}, "expected an object of facts")],
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
    with pytest.raises(DataError, match="numbers are expected"):
        load(folder)
