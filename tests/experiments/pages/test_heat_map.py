"""Heat maps: numbers that stay in their fields, whatever the size of the matrix."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.text import Text

from experiments.pages.heat_map import colour_bar, draw_heat_map
from experiments.pages.panels import one_panel

pytestmark = pytest.mark.timeout(60)  # slow where processors are shared


def drawn(n: int, write: str) -> Figure:
    values = np.linspace(-1.0, 1.0, n * n).reshape(n, n)
    names = [f"cifar100: metric {i}" for i in range(n)]
    with one_panel(1.5 + 0.2 * n) as (figure, axes):
        image = draw_heat_map(axes, values, names, names, norm=Normalize(-1, 1), write=lambda _: write)
        axes.tick_params(axis="x", labelrotation=90)
        colour_bar(figure, axes, image, "tau", 100.0)
    return figure


def numbers(figure: Figure) -> list[Text]:
    return [text for text in figure.axes[0].texts if text.get_text()]


@pytest.mark.parametrize(("n", "write"), [(4, "−11"), (24, "−0.11"), (33, "−11"), (33, "100")])
def test_numbers_stay_in_their_fields(n: int, write: str) -> None:
    figure = drawn(n, write)
    field = figure.axes[0].bbox.width / n, figure.axes[0].bbox.height / n
    found = numbers(figure)
    assert len(found) == n * n
    for text in found[:: n + 1]:
        box = text.get_window_extent()
        assert box.width < field[0]
        assert box.height < field[1]
        assert text.get_fontsize() >= 5


def test_numbers_that_would_be_too_small_are_left_to_the_colours() -> None:
    assert numbers(drawn(60, "−0.11")) == []


def test_the_colour_bar_lies_below_and_takes_no_width() -> None:
    figure = drawn(12, "−11")
    heat_map, bar = figure.axes
    assert bar.get_xlabel() == "tau"
    assert bar.get_position().y1 < heat_map.get_position().y0
    assert heat_map.get_position().x1 > 0.95
    assert [label.get_text() for label in bar.get_xticklabels()][:: len(bar.get_xticklabels()) - 1] == ["−100", "100"]
