from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from experiments.comparison.front_figure import MOST_PANELS, attainment, front_figure, run_fronts
from experiments.comparison.fronts import load_fronts
from experiments.comparison.plan import Plan
from experiments.comparison.records import load
from experiments.comparison.runner import compare

pytestmark = pytest.mark.timeout(180)  # slow where processors are shared

PLAN = """
dataset = "cifar10-surrogate@1"
objectives = ["clean", "pgd@1, params", "rob201-mop2"]
budget = 30
seeds = 3
[[searchers]]
name = "random"
[[searchers]]
name = "nsga2"
"""


def test_fronts_of_every_pair_of_objectives_are_drawn_before_the_tables(made: Path) -> None:
    records = load(made)
    figure = front_figure(records, load_fronts(made, records))
    assert figure is not None
    assert [axes.get_title() for axes in figure.axes] == ["PGD, eps 1/255 | params", *["rob201-mop2"] * 3]
    axes = figure.axes[0]
    assert axes.get_ylabel() == "params (smaller is better)"
    lines = {line.get_label(): line.get_data() for line in axes.lines}
    assert set(lines) == {"random", "nsga2", "_table"}
    for x, y in lines.values():
        assert (np.diff(x) >= 0).all()
        assert (np.diff(y) >= 0).all()  # more accuracy costs more parameters along a front
        assert ((np.diff(x) == 0) | (np.diff(y) == 0)).all()  # steps
    x, y = lines["_table"]
    for front in run_fronts(records, "pgd@1, params")["nsga2"]:
        for accuracy, params in front:  # nothing lies beyond the table's front
            assert params >= y[np.searchsorted(x, 100 * accuracy - 1e-9)] - 1e-6


def test_of_three_objectives_points_are_larger_where_the_third_is_better(made: Path) -> None:
    records = load(made)
    fronts = load_fronts(made, records)
    axes = front_figure(records, fronts).axes[1]  # clean against APGD, params by size
    (points,) = axes.collections[:1]
    params = fronts.tables["rob201-mop2"][:, 2]
    assert points.get_sizes()[np.argmin(params)] == points.get_sizes().max() > points.get_sizes().min()


def test_without_the_tables_front_those_of_the_runs_are_drawn(made: Path) -> None:
    figure = front_figure(load(made))
    assert {line.get_label() for axes in figure.axes for line in axes.lines} == {"random", "nsga2"}


def test_without_several_objectives_there_is_no_figure(tmp_path: Path) -> None:
    text = PLAN.replace(', "pgd@1, params", "rob201-mop2"', "").replace("seeds = 3", "seeds = 1")
    assert list(compare(Plan.parse(text), tmp_path, jobs=1))
    assert front_figure(load(tmp_path)) is None


def test_attainment_is_that_of_moocore() -> None:
    from moocore import eaf

    rng = np.random.default_rng(0)
    fronts = [rng.integers(0, 9, (rng.integers(1, 6), 2)).astype(float) for _ in range(5)]
    sets = np.repeat(np.arange(5), [len(front) for front in fronts])
    shares = (0.2, 0.4, 0.6, 0.8, 1.0)
    expected = eaf(-np.concatenate(fronts), sets, percentiles=[100 * share for share in shares])
    found = attainment(fronts, shares)
    for share, row in zip(shares, found.y, strict=True):
        corners = {(x, y) for x, y, after in zip(found.x, row, [*row[1:], -np.inf], strict=True) if y > after}
        attained = expected[np.isclose(expected[:, 2], 100 * share)]
        assert corners == {(-x, -y) for x, y, _ in attained.tolist()}


def test_a_run_that_found_nothing_attains_nothing() -> None:
    found = attainment([np.empty((0, 2)), np.array([[1.0, 2.0]])], [0.5, 1.0])
    assert found.y.tolist() == [[2.0], [-np.inf]]


def test_a_front_of_one_point_is_drawn(tmp_path: Path) -> None:
    text = PLAN.replace('"clean", "pgd@1, params", "rob201-mop2"', '"params, flops", "clean, pgd@1, apgd@1, flops"')
    assert list(compare(Plan.parse(text.replace("seeds = 3", "seeds = 1")), tmp_path, jobs=1))
    records = load(tmp_path)
    figure = front_figure(records, load_fronts(tmp_path, records))
    assert len(figure.axes) == 1 + 6 <= MOST_PANELS
    assert load_fronts(tmp_path, records).tables["params, flops"].shape == (1, 2)
