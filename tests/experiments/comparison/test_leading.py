from __future__ import annotations

import pytest

from experiments.comparison.cross_figure import cross_evaluation_figure
from experiments.comparison.figures import regret_figure
from experiments.comparison.leading import leading, left_out
from experiments.comparison.records import load
from experiments.comparison.report import write_report

pytestmark = pytest.mark.timeout(60)  # figures are slow where processors are shared

MANY = [f"search of a long name, number {i}" for i in range(40)]


def test_records_of_a_few_searchers_are_shown_whole(write_records):
    records = load(write_records(n_seeds=2))
    assert leading(records) is records
    assert left_out(records, leading(records)) == ""


def test_of_many_searchers_the_best_are_shown_in_plan_order(write_records):
    """Those later in the plan are made more skilful."""
    records = load(write_records(searchers=MANY, n_seeds=2, budget=20))
    part = leading(records, most=10)
    assert len(part.searchers) == 10
    assert list(part.searchers) == [name for name in MANY if name in part.searchers]
    assert sum(MANY.index(name) for name in part.searchers) / 10 > 20
    assert set(part.runs["searcher"]) == set(part.queries["searcher"]) == set(part.searchers)
    assert {searcher for _, searcher in part.curves} == set(part.searchers)
    assert left_out(records, part).startswith("Figures, tests and drawings show the 10 of 40 searchers of the best")


def test_figures_of_many_objectives_show_the_first(write_records):
    records = load(write_records(objectives=("clean", "pgd@1", "params"), n_seeds=2, budget=20))
    assert list(leading(records, most=2).targets) == ["clean", "pgd@1"]


def test_panels_keep_their_height_under_a_long_legend(write_records):
    few, many = (load(write_records(searchers=MANY[:n], n_seeds=2, budget=20)) for n in (3, 24))
    heights = []
    for records in (few, many):
        figure = regret_figure(records)
        assert figure is not None
        heights.append(figure.axes[0].get_position().height * figure.get_figheight())
        for text in figure.legends[0].get_texts():
            box = text.get_window_extent()
            assert 0 <= box.x0 < box.x1 <= figure.bbox.x1
    assert heights[1] > 0.8 * heights[0]


def test_names_too_long_for_a_figure_lose_their_middle(write_records):
    figure = cross_evaluation_figure(load(write_records(searchers=["a" * 300, "b"], n_seeds=2, budget=20)))
    assert figure is not None
    assert max(len(label.get_text()) for label in figure.axes[0].get_yticklabels()) <= 80


def test_the_page_says_what_figures_leave_out(write_records):
    page = write_report(write_records(objectives=("clean",), searchers=MANY, n_seeds=2, budget=20))
    assert "show the 24 of 40 searchers" in page.read_text()
    assert (page.parent / "summary.csv").read_text().count("number 39") > 0
