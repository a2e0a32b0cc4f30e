"""Draws an architecture of a space of choices as SVG: a labelled box per choice, from left to right, row by row."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from xml.sax.saxutils import escape

from robustnas.spaces.drawing_style import svg_document, text

_WIDTH, _HEIGHT, _GAP, _MARGIN, _PER_ROW, _LETTERS = 104, 54, 22, 16, 6, 14
_COLOURS = ("#2b8cc4", "#b07c00", "#009e73", "#d55e00", "#c2569a", "#0072b2")  # each shows on white and on black


def choices_svg(options: Mapping[str, object], title: str) -> str:
    """Draw options by the name of their choice.

    Args:
        options: The option of each choice, in order.
        title: A caption; none if empty.

    Returns:
        A stand-alone SVG document, readable on light and dark pages. Long names are cut; whole ones are in tool tips.
    """
    places = [_place(i) for i in range(len(options))]
    width = max(x for x, _ in places) + _WIDTH + _MARGIN
    height = max(y for _, y in places) + _HEIGHT + _MARGIN + (22 if title else 0)
    lines = "".join(_line(*pair) for pair in pairwise(places))
    boxes = "".join(_box(i, *places[i], name, str(option)) for i, (name, option) in enumerate(options.items()))
    caption = text(width / 2, height - 12, _cut(title, width // 6), 12) if title else ""
    whole = title or ",".join(f"{name}={option}" for name, option in options.items())
    return svg_document(width, height, whole, f"{lines}{boxes}{caption}")


def _place(i: int) -> tuple[int, int]:
    """Return the upper left corner of a box."""
    row, column = divmod(i, _PER_ROW)
    return _MARGIN + column * (_WIDTH + _GAP), _MARGIN + row * (_HEIGHT + _GAP)


def _line(start: tuple[int, int], end: tuple[int, int]) -> str:
    """Return the line from a box to the next: straight, or around to the next row."""
    (x, y), (to_x, to_y) = (start[0] + _WIDTH, start[1] + _HEIGHT // 2), (end[0], end[1] + _HEIGHT // 2)
    middle = end[1] - _GAP // 2
    path = f"H{to_x}" if y == to_y else f"h8 V{middle} H{to_x - 8} V{to_y} H{to_x}"
    return f'<path d="M{x} {y} {path}" fill="none" stroke="#808080" stroke-width="1.5"/>'


def _box(i: int, x: int, y: int, name: str, option: str) -> str:
    centre, colour = x + _WIDTH / 2, _COLOURS[i % len(_COLOURS)]
    size = f'x="{x}" y="{y}" width="{_WIDTH}" height="{_HEIGHT}" rx="6"'
    named = text(centre, y + 20, _cut(name), 11, ' opacity="0.75"')
    chosen = text(centre, y + 40, _cut(option, 12), 14)
    box = f'<rect {size} fill="none" stroke="{colour}" stroke-width="2.5"/>'
    return f"<g><title>{escape(name)}={escape(option)}</title>{box}{named}{chosen}</g>"


def _cut(text: str, letters: int = _LETTERS) -> str:
    return text if len(text) <= letters else f"{text[: letters - 1]}…"
