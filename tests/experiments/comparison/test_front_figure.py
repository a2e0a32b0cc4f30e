from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from experiments.comparison.front_figure import front_figure, fronts
from experiments.comparison.plan import Plan
from experiments.comparison.records import load
from experiments.comparison.runner import compare

pytestmark = pytest.mark.timeout(60)  # slow where processors are shared

PLAN = """
objectives = ["clean", "pgd@1, params"]
budget = 30
seeds = 2
[[searchers]]
name = "random"
[[searchers]]
name = "nsga2"
"""


def test_fronts_are_those_of_the_runs_and_are_drawn(published: Path, own_cache: Path, tmp_path: Path) -> None:
    assert list(compare(Plan.parse(PLAN), tmp_path, data=published, jobs=1))
    records = load(tmp_path)
    runs = [json.loads(line) for line in (tmp_path / "runs.jsonl").read_text().splitlines()]
    expected = {tuple(m["scores"]) for run in runs if run["searcher"] == "nsga2" for m in run.get("front", [])}
    found = fronts(records, "pgd@1, params")
    assert set(found) == {"random", "nsga2"}
    assert {tuple(row) for row in found["nsga2"].tolist()} == expected
    figure = front_figure(records)
    assert figure is not None
    (axes,) = figure.axes
    assert axes.get_ylabel() == "params (smaller is better)"
    lines = [line for line in axes.lines if line.get_label() in found]
    for line in lines:
        x, y = line.get_data()
        assert (np.diff(x) >= 0).all()
        assert (np.diff(y) >= 0).all()  # more accuracy costs more parameters along a front


def test_without_several_objectives_there_is_no_front(published: Path, own_cache: Path, tmp_path: Path) -> None:
    text = PLAN.replace(', "pgd@1, params"', "")
    assert list(compare(Plan.parse(text), tmp_path, data=published, jobs=1))
    assert front_figure(load(tmp_path)) is None
