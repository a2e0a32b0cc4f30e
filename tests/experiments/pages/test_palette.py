"""The two palettes: the same names, and contrasts that everyone can read."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from experiments.pages.palette import DARK, LIGHT, LINES, TEXT, contrast, with_variables
from robustnas.spaces.nasbench201.drawing import STYLES

PALETTES = pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])


def test_they_name_the_same_colours() -> None:
    assert list(LIGHT) == list(DARK)


def test_contrast_is_that_of_the_guidelines() -> None:
    """Grey #767676 on white is the textbook case of just 4.5 (WCAG 2.2)."""
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.005)
    assert contrast("#ffffff", "#767676") == contrast("#767676", "#ffffff")


@PALETTES
def test_text_has_a_contrast_of_four_and_a_half(palette: Mapping[str, str]) -> None:
    for name in TEXT:
        for ground in ("page", "soft"):
            assert contrast(palette[name], palette[ground]) >= 4.5, (name, ground)
    assert contrast(palette["warn-ink"], palette["warn"]) >= 4.5


@PALETTES
def test_lines_have_a_contrast_of_three(palette: Mapping[str, str]) -> None:
    for name in LINES:
        assert contrast(palette[name], palette["page"]) >= 3.0, name


@PALETTES
def test_operations_of_a_drawn_cell_show_on_both_pages(palette: Mapping[str, str]) -> None:
    for style in STYLES.values():
        assert contrast(style.colour, palette["page"]) >= 3.0, style.label


def test_only_colours_of_the_palette_become_variables() -> None:
    assert with_variables('style="fill: #ffffff; stroke: #1f2329"') == (
        'style="fill: #ffffff; stroke: var(--ink, #1f2329)"'
    )
