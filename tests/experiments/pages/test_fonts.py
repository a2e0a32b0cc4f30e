from __future__ import annotations

import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib.font_manager import fontManager

from experiments.pages.figure_style import new_figure, render
from experiments.pages.fonts import FAMILY, fit_fonts, missing_glyphs

pytestmark = pytest.mark.timeout(60)  # figures are slow where processors are shared

OURS, OTHERS = "\ue07a", "\uf8d3"  # of private use: no font that a machine has holds them


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Install a font that has one character of private use, and return its family."""
    pen = TTGlyphPen(None)
    for move, point in ((pen.moveTo, (100, 0)), (pen.lineTo, (900, 0)), (pen.lineTo, (500, 800))):
        move(point)
    pen.closePath()
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder([".notdef", "triangle"])
    builder.setupCharacterMap({ord(OURS): "triangle"})
    builder.setupGlyf({".notdef": TTGlyphPen(None).glyph(), "triangle": pen.glyph()})
    builder.setupHorizontalMetrics({".notdef": (1000, 0), "triangle": (1000, 100)})
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "Triangles", "styleName": "Regular", "psName": "Triangles-Regular"})
    builder.setupOS2()
    builder.setupPost()
    path = tmp_path / "triangles.ttf"
    builder.save(path)
    monkeypatch.setattr(fontManager, "ttflist", list(fontManager.ttflist))
    fontManager.addfont(path)
    return "Triangles"


def figure_of(*texts):
    figure = new_figure(2.0, 1.0)
    for i, text in enumerate(texts):
        figure.text(0.1, 0.1 + 0.3 * i, text)
    return figure


def test_a_character_is_drawn_in_an_installed_font_that_has_it(installed):
    figure = figure_of("searcher", f"searcher {OURS}", "é α ± …")
    fit_fonts(figure)
    assert [installed in text.get_fontfamily() for text in figure.texts] == [False, True, False]
    assert figure.texts[1].get_fontfamily()[0] == FAMILY
    assert missing_glyphs([figure, None]) == ""
    assert b"Triangles" in render(figure, "pdf")


def test_what_no_font_has_is_said_once_and_warns_of_nothing():
    figures = [figure_of(f"a {OTHERS}", f"b {OTHERS}"), figure_of(f"a {OTHERS}")]
    said = missing_glyphs(figures)
    assert said.startswith(f"No installed font has {OTHERS} (U+F8D3): figures show boxes there. Install one that has")
    for file_format in ("png", "pdf", "svg"):  # a warning fails the test
        render(figures[0], file_format)


def test_accents_and_joiners_of_emoji_are_not_missing():
    assert missing_glyphs([figure_of("e\u0301", "\U0001f600\ufe0f", "a\u200db")]) == ""
