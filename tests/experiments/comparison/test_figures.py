from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.text import Text

from experiments.comparison.critical_difference import critical_difference_figure
from experiments.comparison.cross_figure import cross_evaluation_figure
from experiments.comparison.figures import hypervolume_figure, regret_figure
from experiments.comparison.records import load
from experiments.comparison.significance import p_text, significance
from experiments.pages.figure_style import PALETTE, colours_of, render
from experiments.pages.panels import line_styles, stack

pytestmark = pytest.mark.timeout(60)  # slow where processors are shared


def texts(figure):
    found = [text for text in figure.findobj(lambda artist: hasattr(artist, "get_fontsize")) if text.get_text().strip()]
    hidden = [
        label
        for axes in figure.axes
        for axis in (axes.xaxis, axes.yaxis)
        for tick in axis.get_major_ticks()
        if not min(axis.get_view_interval()) <= tick.get_loc() <= max(axis.get_view_interval())
        for label in (tick.label1, tick.label2)
    ]
    return [text for text in found if text.get_visible() and text not in hidden]


def overlapping(figure):
    """Return pairs of texts whose boxes overlap, ignoring those without an extent."""
    figure.draw_without_rendering()
    boxes = [(text.get_text(), Text.get_window_extent(text)) for text in texts(figure)]  # without an arrow
    boxes = [(text, box) for text, box in boxes if box.width > 1 and box.height > 1]
    return [
        (a, b)
        for i, (a, first) in enumerate(boxes)
        for b, second in boxes[i + 1 :]
        if first.shrunk(0.9, 0.8).overlaps(second.shrunk(0.9, 0.8))
    ]


def test_regret_has_a_panel_per_objective_and_a_line_per_searcher(write_records):
    records = load(write_records(("clean", "pgd@1", "params", "clean, pgd@1")))
    figure = regret_figure(records)
    assert [axes.get_title() for axes in figure.axes] == ["clean", "PGD, eps 1/255", "parameters"]
    for axes in figure.axes:
        lines = {line.get_label(): line.get_color() for line in axes.lines if not line.get_label().startswith("_")}
        assert lines == colours_of(records.searchers)
        assert {text.get_text() for text in axes.texts} >= set(records.searchers)  # named at the ends of their lines
    assert figure.legends == []


def test_regret_is_linear_and_shaded_below_the_noise_floor_and_begins_with_the_tenth_query(write_records):
    records = load(write_records(("clean", "pgd@1", "params")))
    facts = records.targets["clean"]
    records.targets["clean"] = replace(facts, best=facts.best + 0.1)  # out of reach, so that the axis is logarithmic
    clean, _, params = regret_figure(records).axes
    assert (clean.get_yscale(), clean.get_ylim()[0], clean.get_xlim()) == ("symlog", 0.0, (10.0, 60.0))
    assert clean.yaxis.get_transform().linthresh == pytest.approx(0.4)
    (shade,) = [patch for patch in clean.patches if patch.get_label() == "_floor"]
    assert (shade.get_y(), shade.get_height()) == (0.0, pytest.approx(0.4))
    assert "noise floor 0.40" in [text.get_text() for text in clean.texts]
    assert 0.25 < clean.transAxes.inverted().transform(clean.transData.transform((10, 0.4)))[1] < 0.6
    assert len(params.patches) == 0  # costs have no noise


def test_bands_are_bootstrap_intervals_and_none_are_drawn_above_four_searchers(write_records):
    records = load(write_records(("clean",), n_seeds=5))
    (axes,) = regret_figure(records).axes
    assert len(axes.collections) == len(records.searchers)
    for band in axes.collections:
        assert band.get_paths()[0].vertices[:, 1].min() >= 0.0
    many = load(write_records(("clean",), [f"searcher {i}" for i in range(5)], n_seeds=5))
    assert len(regret_figure(many).axes[0].collections) == 0


def test_names_at_lines_are_apart_and_in_the_order_of_their_ends(write_records):
    (axes,) = regret_figure(load(write_records(("clean",), [f"searcher {i}" for i in range(8)]))).axes
    names = [text for text in axes.texts if text.get_text().startswith("searcher")]
    ends = [text.xy[1] for text in names]
    places = [text.get_position()[1] for text in names]
    assert sorted(range(8), key=lambda i: (ends[i], places[i])) == sorted(range(8), key=places.__getitem__)
    assert np.diff(sorted(places)).min() > 0.03


def test_many_searchers_or_long_names_stand_in_a_legend(write_records):
    figure = regret_figure(load(write_records(("clean",), ["random", "a name that is too long for the margin"])))
    assert figure.legends[0].get_texts()[0].get_text() == "random"


def test_panels_are_stacked_for_narrow_pages_with_labels_of_their_own(write_records):
    figure = regret_figure(load(write_records(("clean", "pgd@1", "params"))))
    assert stack(figure)
    bottoms = [axes.get_position().y0 for axes in figure.axes]
    assert bottoms == sorted(bottoms, reverse=True)
    assert {axes.get_xlabel() for axes in figure.axes} == {"distinct networks queried"}
    assert figure.get_figwidth() < 3.5
    assert overlapping(figure) == []
    assert not stack(figure)


def test_lines_differ_in_dashes_too():
    styles = line_styles(["random", "local", "evolution", "gp"])
    assert len({str(style["linestyle"]) for style in styles.values()}) == 4


def test_colours_belong_to_searchers(write_records):
    assert colours_of(("a", "b")) == {"a": PALETTE[0], "b": PALETTE[1]}
    assert len(colours_of([str(i) for i in range(20)])) == 20
    assert colours_of(("gp", "my own", "random"))["gp"] == colours_of(("local", "gp"))["gp"] == PALETTE[3]
    assert len(set(colours_of(("gp", "a", "b", "random", "c")).values())) == 5


@pytest.mark.parametrize("options", [{}, {"n_seeds": 1}, {"budget": 5}, {"budget": 1}, {"constant": True}])
def test_text_is_readable_and_apart(write_records, options):
    records = load(write_records(("clean", "pgd@1", "params"), **options))
    for figure in (regret_figure(records), cross_evaluation_figure(records)):
        assert min(text.get_fontsize() for text in texts(figure)) >= 7
        assert overlapping(figure) == []


def test_hypervolume_is_drawn_apart(write_records):
    figure = hypervolume_figure(load(write_records(("clean", "clean, pgd@1"))))
    assert [axes.get_title() for axes in figure.axes] == ["clean | PGD"]
    assert hypervolume_figure(load(write_records(("clean",)))) is None


def test_what_a_hypervolume_lacks_is_drawn_on_a_log_axis_and_within_0_and_1(write_records):
    """Two seeds that differ: a symmetric interval would leave [0, 1] on both sides."""
    records = load(write_records(("clean, pgd@1",), n_seeds=2))
    (axes,) = hypervolume_figure(records).axes
    assert (axes.get_yscale(), axes.get_ylabel()) == ("log", "1 - normalised hypervolume")
    for line in axes.lines:
        means = 1 - records.curves["clean, pgd@1", line.get_label()][1].mean(axis=0)
        drawn = np.asarray(line.get_ydata())
        np.testing.assert_allclose(drawn, np.maximum(means, axes.get_ylim()[0]), atol=1e-12)
    bands = np.concatenate([path.vertices[:, 1] for band in axes.collections for path in band.get_paths()])
    assert bands.min() >= axes.get_ylim()[0] > 0
    assert bands.max() <= 1.0


def test_a_front_found_whole_is_drawn_too(write_records):
    (axes,) = hypervolume_figure(load(write_records(("clean, pgd@1",), constant=True))).axes
    assert axes.get_yscale() == "linear"
    assert all((np.asarray(line.get_ydata()) == 0).all() for line in axes.lines)


def test_critical_difference_names_every_searcher_inside_the_figure(write_records):
    searchers = ("random", "local", "regularized evolution", "optuna-tpe", "a searcher with a long name")
    records = load(write_records(("clean",), searchers, n_seeds=12))
    figure = critical_difference_figure(significance(records, 5), records)
    assert overlapping(figure) == []
    written = " ".join(text.get_text() for text in texts(figure))
    assert all(name in written for name in searchers)
    assert min(text.get_fontsize() for text in texts(figure)) >= 7
    for text in texts(figure):
        box = text.get_window_extent()
        assert box.x0 >= 0
        assert box.x1 <= figure.bbox.width
        assert box.y0 >= 0


def test_long_names_are_cut_in_the_diagram_and_stay_apart(write_records):
    """Twenty-four names of a hundred characters, which differ in the first quarter alone."""
    searchers = [f"{'a' * 23}{i:02d} and {'b' * 70}" for i in range(24)]
    records = load(write_records(("clean",), searchers, n_seeds=6))
    figure = critical_difference_figure(significance(records, 5), records)
    assert overlapping(figure) == []
    written = [text.get_text().strip() for text in texts(figure) if "…" in text.get_text()]
    assert len(set(written)) == len(written) == 24
    assert max(map(len, written)) < 70
    short = load(write_records(("clean",), ["x" * 100, "y" * 100, "random"], n_seeds=6))
    figure = critical_difference_figure(significance(short, 5), short)
    assert figure.get_figwidth() < 7.5
    assert f"{'x' * 16}…{'x' * 17}" in " ".join(text.get_text() for text in texts(figure))


def test_bars_join_what_does_not_differ(write_records):
    records = load(write_records(("clean",), n_seeds=6, budget=60))
    result = significance(records)
    figure = critical_difference_figure(result, records)
    bars = [line for line in figure.axes[0].lines if line.get_linewidth() > 2]
    assert bool(bars) == (not result.pairs["significant"].all())


def test_every_objective_has_a_diagram_of_its_own(write_records):
    records = load(write_records(("clean", "pgd@1"), n_seeds=8))
    result = significance(records)
    figure = critical_difference_figure(result, records)
    assert overlapping(figure) == []
    written = [text.get_text() for text in texts(figure)]
    for objective, title in (("clean", "clean"), ("pgd@1", "PGD, eps 1/255")):
        p_value = result.tests.set_index("objective")["p_value"][objective]
        test = f"8 blocks (seeds); Friedman, {p_text(p_value)}; bars: Wilcoxon-Holm, p ≥ 0.05"
        assert f"{title}: average rank (1 is best)\n{test}" in written
    clean, pgd = (axes.get_position() for axes in figure.axes)
    assert clean.y0 == pytest.approx(pgd.y1)
    for objective, axes in zip(("clean", "pgd@1"), figure.axes, strict=True):
        ranks = result.ranks[result.ranks["objective"] == objective]
        named = " ".join(text.get_text() for text in axes.texts)
        assert all(f"{row.rank:.2f}" in named for row in ranks.itertuples())


def test_no_diagram_without_a_test(write_records):
    records = load(write_records(n_seeds=1))
    assert critical_difference_figure(significance(records), records) is None


def test_cross_evaluation_is_grouped_has_one_decimal_and_a_marked_scale(write_records):
    records = load(write_records(("clean", "pgd@1")))
    *groups, bar = cross_evaluation_figure(records).axes
    assert [axes.get_ylabel().replace("\n", " ") for axes in groups] == ["clean", "PGD, eps 1/255"]
    for axes in groups:
        assert [label.get_text() for label in axes.get_yticklabels()] == list(records.searchers)
        assert all(re.fullmatch(r"\d+\.\d", text.get_text()) for text in axes.texts)
    assert bar.get_xlabel() == "points below the best of the table"
    assert len(bar.get_xticks()) >= 2


def test_cross_evaluation_needs_two_rows(write_records):
    assert cross_evaluation_figure(load(write_records(("clean",), ("random",)))) is None


def test_files_are_the_same_each_time_and_carry_no_date(write_records):
    folder = write_records()
    for file_format, start in (("png", b"\x89PNG"), ("pdf", b"%PDF"), ("svg", b"<?xml")):
        first, second = (render(regret_figure(load(folder)), file_format) for _ in range(2))
        assert first == second
        assert first.startswith(start)
        assert b"CreationDate" not in first
        assert b"<dc:date>" not in first


def test_pdf_embeds_true_type_fonts(write_records):
    pdf = render(regret_figure(load(write_records())), "pdf")
    assert b"/FontFile2" in pdf
    assert b"/Type3" not in pdf


def test_png_is_200_dots_per_inch(write_records):
    figure = regret_figure(load(write_records()))
    header = render(figure, "png")[16:24]
    size = (int.from_bytes(header[:4], "big"), int.from_bytes(header[4:], "big"))
    assert size == tuple(round(200 * inches) for inches in figure.get_size_inches())


def test_nothing_touches_pyplot(write_records):
    import matplotlib.pyplot as plt

    before = plt.get_fignums()
    regret_figure(load(write_records()))
    assert plt.get_fignums() == before
    assert re.fullmatch(r"#[0-9a-f]{6}", PALETTE[0])
