"""Records as one tidy table."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from experiments.comparison.tidy import COLUMNS, tidy_queries
from experiments.journal import RUNS
from robustnas.errors import DataError
from robustnas.spaces import open_space
from robustnas.tables.datasets import open_table
from tests import ROOT

Write = Callable[..., Path]


def test_every_query_is_a_row_per_objective(write_records: Write) -> None:
    folder = write_records(("clean", "params", "clean, pgd@1"), ("random", "evolution"), n_seeds=3, budget=5)
    frame, records = tidy_queries(folder)
    assert list(frame.columns) == list(COLUMNS)
    assert frame.groupby("searched_for", observed=True).size().to_dict() == {
        "clean": 30,
        "params": 30,
        "clean, pgd@1": 60,
    }
    runs = [json.loads(line) for line in (folder / RUNS).read_text().splitlines()]
    by_run = {
        key: part.reset_index(drop=True)
        for key, part in frame.groupby(["searched_for", "searcher", "seed"], observed=True)
    }
    assert len(by_run) == len(runs)
    space = open_space()
    for run in runs:
        part, queries = by_run[run["objective"], run["searcher"], run["seed"]], run["queries"]
        terms = run["objective"].split(", ")
        assert part["objective"].tolist() == terms * 5
        assert part["n_queries"].tolist() == np.repeat([1, 2, 3, 4, 5], len(terms)).tolist()
        assert part["index"].tolist() == np.repeat(queries["index"], len(terms)).tolist()
        assert part["score"].tolist() == np.ravel(queries["score"]).tolist()
        assert part["best"].tolist() == np.repeat(queries["best"], len(terms)).tolist()
        assert set(part["minimised"]) == {run["objective"] == "params"}
    first = frame.iloc[0]
    assert first["arch"] == str(space.architecture(int(first["index"])))
    assert first["network"] == space.uids()[first["index"]]
    assert (first["dataset"], first["space"]) == ("cifar10", "nasbench201")
    assert (first["cost"], first["source"]) == (1.0, "table")
    assert frame["seconds"].isna().all()
    assert frame["feasible"].all()
    assert records.manifest["budget"] == 5


def test_feasible_is_unknown_without_the_table(write_records: Write) -> None:
    folder = write_records(("clean",), ("random",), n_seeds=1, budget=3)
    for name in ("manifest.json", RUNS):
        text = (folder / name).read_text().replace('"clean"', '"clean where params <= 5"', 1)
        (folder / name).write_text(text)
    notes: list[str] = []
    frame, _ = tidy_queries(folder, data=folder / "nothing", note=notes.append)
    assert frame["feasible"].isna().all()
    assert frame["objective"].tolist() == ["clean"] * 3
    assert len(notes) == 1


def test_feasible_is_that_of_the_table(write_records: Write, published_once: Path) -> None:
    folder = write_records(("clean",), ("random",), n_seeds=1, budget=40)
    for name in ("manifest.json", RUNS):
        text = (folder / name).read_text().replace('"clean"', '"clean where pgd@1 >= 0.5"', 1)
        (folder / name).write_text(text)
    table = open_table("cifar10", published_once)
    manifest = json.loads((folder / "manifest.json").read_text()) | {"database_digest": table.digest}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    frame, _ = tidy_queries(folder, data=published_once)
    expected = table.column("pgd@1")[frame["index"]] >= 0.5
    assert frame["feasible"].tolist() == expected.tolist()
    assert 0 < expected.sum() < 40


def test_the_table_of_a_space_that_is_gone_has_no_architectures(write_records: Write) -> None:
    frame, _ = tidy_queries(write_records(("clean",), ("random",), n_seeds=1, budget=3, space="theirs"))
    assert frame[["arch", "network"]].isna().all().all()
    assert frame["space"].tolist() == ["theirs"] * 3
    assert pd.api.types.is_float_dtype(frame["score"])


def test_records_without_a_search_are_refused(write_records: Write) -> None:
    folder = write_records(("clean",), ("random",), n_seeds=1, budget=3)
    (folder / RUNS).write_text("")
    with pytest.raises(DataError, match=r"no search in .* has finished yet"):
        tidy_queries(folder)


def test_the_page_describes_every_column() -> None:
    page = (ROOT / "docs/exporting.md").read_text()
    assert "".join(f"| `{name}` | {what} |\n" for name, what in COLUMNS.items()) in page
