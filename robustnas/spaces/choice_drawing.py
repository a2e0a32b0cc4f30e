"""Draws an architecture of a space of choices as SVG: a labelled box per choice, from left to right, row by row."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from xml.sax.saxutils import escape

_WIDTH, _HEIGHT, _GAP, _MARGIN, _PER_ROW, _LETTERS = 104, 54, 22, 16, 6, 14
_COLOURS = ("#56b4e9", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#0072b2")  # Okabe and Ito's palette


def choices_svg(options: Mapping[str, object], title: str) -> str:
    """Draw options by the name of their choice.

    Args:
        options: The option of each choice, in order.
        title: A caption.

    Returns:
        A stand-alone SVG document, readable on light and dark pages. Long names are cut; whole ones are in tool tips.
    """
    places = [_place(i) for i in range(len(options))]
    width = max(x for x, _ in places) + _WIDTH + _MARGIN
    height = max(y for _, y in places) + _HEIGHT + _MARGIN + 22
    lines = "".join(_line(*pair) for pair in pairwise(places))
    boxes = "".join(_box(i, *places[i], name, str(option)) for i, (name, option) in enumerate(options.items()))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img" font-family="Helvetica, Arial, sans-serif" font-size="12"><title>{escape(title)}</title>'
        f'<rect width="100%" height="100%" rx="6" fill="#ffffff"/>{lines}{boxes}'
        f'<text x="{width / 2:g}" y="{height - 12}" text-anchor="middle" font-size="9.5" fill="#444444">'
        f"{escape(_cut(title, width // 5))}</text></svg>\n"
    )


def _place(i: int) -> tuple[int, int]:
    """Return the upper left corner of a box."""
    row, column = divmod(i, _PER_ROW)
    return _MARGIN + column * (_WIDTH + _GAP), _MARGIN + row * (_HEIGHT + _GAP)


def _line(start: tuple[int, int], end: tuple[int, int]) -> str:
    """Return the line from a box to the next: straight, or around to the next row."""
    (x, y), (to_x, to_y) = (start[0] + _WIDTH, start[1] + _HEIGHT // 2), (end[0], end[1] + _HEIGHT // 2)
    middle = end[1] - _GAP // 2
    path = f"H{to_x}" if y == to_y else f"h8 V{middle} H{to_x - 8} V{to_y} H{to_x}"
    return f'<path d="M{x} {y} {path}" fill="none" stroke="#777777" stroke-width="1.5"/>'


def _box(i: int, x: int, y: int, name: str, option: str) -> str:
    centre, colour = x + _WIDTH / 2, _COLOURS[i % len(_COLOURS)]
    return (
        f"<g><title>{escape(name)}={escape(option)}</title>"
        f'<rect x="{x}" y="{y}" width="{_WIDTH}" height="{_HEIGHT}" rx="6" fill="#f4f4f4" stroke="{colour}" '
        f'stroke-width="2.5"/><text x="{centre:g}" y="{y + 20}" text-anchor="middle" font-size="10" fill="#555555">'
        f'{escape(_cut(name))}</text><text x="{centre:g}" y="{y + 40}" text-anchor="middle" font-size="14" '
        f'fill="#111111">{escape(_cut(option, 12))}</text></g>'
    )


def _cut(text: str, letters: int = _LETTERS) -> str:
    return text if len(text) <= letters else f"{text[: letters - 1]}…"
