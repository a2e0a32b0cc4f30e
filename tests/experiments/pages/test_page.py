"""Figures on a page: of one scale, whatever they are drawn for."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from experiments.pages.figure_style import PALETTE
from experiments.pages.page import write_figures
from experiments.pages.palette import LIGHT
from experiments.pages.panels import standard_panels

pytestmark = pytest.mark.timeout(60)  # slow where processors are shared


def test_a_figure_for_a_column_is_not_blown_up_to_the_width_of_the_page(tmp_path: Path) -> None:
    """Its text would be twice as large as that of the others."""
    figures = {}
    for n in (1, 2):
        with standard_panels(n) as (figures[f"of_{n}"], grid):
            grid[0].set_title("regret & noise")
            grid[0].plot([0, 1], [0, 1], color=PALETTE[1])
    elements = write_figures(tmp_path, figures)
    widths = {name: re.match(r'<svg style="max-width: ([\d.]+)%"', element) for name, element in elements.items()}
    assert widths["of_1"] is not None
    assert float(widths["of_1"][1]) == pytest.approx(100 * 3.35 / 6.9, abs=0.1)
    assert widths["of_2"] is None
    check_text_and_colours(elements["of_2"])
    assert re.findall('<svg class="([a-z]+)"', elements["of_2"]) == [
        "wide",
        "narrow",
    ]
    assert "class" not in elements["of_1"].partition(">")[0]


def check_text_and_colours(element: str) -> None:
    """Text stays text, in the font of the page; colours are those of the page's palette."""
    assert ">regret &amp; noise</text>" in element
    assert "font-family" not in element
    assert f"var(--series-2, {LIGHT['series-2']})" in element
    assert f": {LIGHT['ink']}" not in element
