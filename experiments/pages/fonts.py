"""Fonts for labels in any script: an installed font for each character that the font of all figures lacks."""

from __future__ import annotations

import unicodedata
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache

from matplotlib import font_manager
from matplotlib.figure import Figure
from matplotlib.ft2font import FT2Font
from matplotlib.text import Text

from robustnas.errors import listing

FAMILY = "DejaVu Sans"
"""The font of all figures; it comes with matplotlib, and has Latin, Greek, Cyrillic and many symbols."""

_BOXES = "Last Resort"  # matplotlib's own, whose glyphs are boxes
_MOST_NAMED = 12


def fit_fonts(figure: Figure) -> None:
    """Let every text of a figure fall back to installed fonts for characters that `FAMILY` lacks; before its layout."""
    lacking = {text: _lacking(text.get_text()) for text in _texts(figure) if not text.get_text().isascii()}
    families, _ = _fallback("".join(sorted({*"".join(lacking.values())})))
    for text in (text for text, characters in lacking.items() if characters and families):
        text.set_fontfamily([FAMILY, *families])


def missing_glyphs(figures: Iterable[Figure | None]) -> str:
    """Return a sentence on the characters of figures that no installed font has; nothing where all are drawn.

    Args:
        figures: The figures; None for one that could not be drawn.
    """
    written = {text.get_text() for figure in figures if figure is not None for text in _texts(figure)}
    lacking = _lacking("".join(sorted(text for text in written if not text.isascii())))
    _, missing = _fallback(lacking)
    if not missing:
        return ""
    named = listing([f"{character} (U+{ord(character):04X})" for character in missing], _MOST_NAMED)
    return f"No installed font has {named}: figures show boxes there. Install one that has, such as Noto Sans CJK."


@contextmanager
def quiet_glyphs() -> Iterator[None]:
    """Silence matplotlib's warnings of missing glyphs: `missing_glyphs` says so once."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"(?s)(Glyph .* missing from|Matplotlib currently does not support)")
        yield


def _texts(figure: Figure) -> list[Text]:
    return [artist for artist in figure.findobj(Text) if isinstance(artist, Text)]


def _lacking(text: str) -> str:
    """Return the characters that `FAMILY` has no glyph for, each once; those that draw nothing by themselves aside."""
    font = FT2Font(font_manager.findfont(FAMILY))
    return "".join(
        sorted(
            character
            for character in set(text)
            if unicodedata.category(character) not in ("Cc", "Cf", "Mn") and not font.get_char_index(ord(character))
        )
    )


def _fallback(lacking: str) -> tuple[list[str], str]:
    """Return the families to fall back to, those with most of the characters first, and what none of them has."""
    families: list[str] = []
    missing = set(lacking)
    coverage = _coverage(lacking) if lacking else {}
    while missing and (found := max(coverage.items(), key=lambda item: len(item[1] & missing)))[1] & missing:
        families.append(found[0])
        missing -= found[1]
    return families, "".join(sorted(missing))


def _coverage(characters: str) -> dict[str, frozenset[str]]:
    """Return the characters that each installed family has upright; sans-serif ones first, always in one order."""
    entries = [entry for entry in font_manager.fontManager.ttflist if entry.style == "normal"]
    entries.sort(key=lambda entry: ("Sans" not in entry.name, entry.name, -abs(int(entry.weight) - 400)))
    by_family = {entry.name: entry.fname for entry in entries if not entry.name.startswith(_BOXES)}
    return {name: _covered(path, characters) for name, path in by_family.items()}


@lru_cache(maxsize=4096)
def _covered(path: str, characters: str) -> frozenset[str]:
    try:
        font = FT2Font(path)
    except (OSError, RuntimeError):  # removed, or damaged, since matplotlib listed its fonts
        return frozenset()
    return frozenset(character for character in characters if font.get_char_index(ord(character)))
