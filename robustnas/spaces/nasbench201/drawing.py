"""Draws a cell as SVG: four nodes on a line and six arcs with their operations."""

from __future__ import annotations

import math
from typing import NamedTuple, Protocol

from robustnas.spaces.drawing_style import svg_document, text
from robustnas.spaces.nasbench201.operations import EDGES, Operation


class _Style(NamedTuple):
    """How an operation is drawn: a colour that shows on white and on black, a width, dashes, and a name beside it."""

    colour: str
    width: float
    dashes: str
    label: str


STYLES = {
    Operation.NONE: _Style("#808080", 1.5, "1 5", "none"),
    Operation.SKIP_CONNECT: _Style("#2b8cc4", 2.0, "", "skip"),
    Operation.CONV_1X1: _Style("#b07c00", 2.5, "", "conv 1×1"),
    Operation.CONV_3X3: _Style("#d55e00", 5.5, "", "conv 3×3"),
    Operation.AVG_POOL_3X3: _Style("#009e73", 3.5, "8 5", "avg pool 3×3"),
}
"""Operations differ by colour, width and dashes: each of these alone tells most of them apart."""

_NODES = ("in", "1", "2", "out")
_WIDTH, _HEIGHT, _AXIS, _STEP, _LEFT, _RADIUS = 560, 236, 140, 150, 55, 18
_LABEL, _CAPTION, _LINE, _ARROW = 15.0, 14.0, 19.0, 13.0


class DrawableCell(Protocol):
    """The attributes of a cell that a drawing needs."""

    @property
    def ops(self) -> tuple[int, ...]:
        """The operation codes, in the order of `EDGES`."""

    @property
    def arch(self) -> str:
        """The arch string."""


class _Point(NamedTuple):
    x: float
    y: float


def cell_svg(cell: DrawableCell, title: str | None = None) -> str:
    """Draw a cell.

    Args:
        cell: The cell.
        title: A caption; if None, the arch string, a line for each node; none if empty.

    Returns:
        A stand-alone SVG document, 560 user units wide, without a background: readable on light and dark pages.
    """
    edges = "".join(_edge(*edge, Operation(op)) for edge, op in zip(EDGES, cell.ops, strict=True))
    nodes = "".join(_node(node) for node in range(len(_NODES)))
    lines = cell.arch.replace("+", "+\n").split("\n") if title is None else [title] * bool(title)
    caption = [text(_WIDTH / 2, _HEIGHT + _LINE * (i + 0.7), line, _CAPTION) for i, line in enumerate(lines)]
    return svg_document(_WIDTH, _HEIGHT + _LINE * len(lines), cell.arch, "".join([edges, nodes, *caption]))


def _edge(source: int, target: int, op: Operation) -> str:
    style, bend = STYLES[op], _bend(source, target)
    start, end = _centre(source), _centre(target)
    peak = _Point((start.x + end.x) / 2, _AXIS + bend)
    start, tip = _towards(start, peak, _RADIUS), _towards(end, peak, _RADIUS)
    arrow = _arrow(peak, tip, style) if op is not Operation.NONE else ""
    foot = _towards(tip, peak, _ARROW - 2) if arrow else tip
    dashes = f' stroke-dasharray="{style.dashes}"' if style.dashes else ""
    line = (
        f'<path d="M{start.x:.1f} {start.y:.1f} Q{peak.x:g} {peak.y:g} {foot.x:.1f} {foot.y:.1f}" fill="none" '
        f'stroke="{style.colour}" stroke-width="{style.width:g}"{dashes}/>'
    )
    middle = (start.y + 2 * peak.y + foot.y) / 4
    label = text(peak.x, middle + _LABEL + 4 if bend > 0 else middle - 8, style.label, _LABEL)
    return line + arrow + label


def _bend(source: int, target: int) -> float:
    """Adjacent nodes are joined by straight lines, 0-2 and 1-3 bend up and down, 0-3 runs above all others."""
    return {(0, 2): -105.0, (1, 3): 130.0, (0, 3): -210.0}.get((source, target), 0.0)


def _arrow(peak: _Point, tip: _Point, style: _Style) -> str:
    back = _towards(tip, peak, _ARROW)
    half = (3.5 + style.width / 2) / _ARROW
    dx, dy = half * (back.y - tip.y), half * (tip.x - back.x)
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in (tip, (back.x + dx, back.y + dy), (back.x - dx, back.y - dy)))
    return f'<polygon points="{points}" fill="{style.colour}"/>'


def _towards(start: _Point, end: _Point, distance: float) -> _Point:
    """Return the point at a distance from one, on the way to another."""
    share = distance / math.hypot(end.x - start.x, end.y - start.y)
    return _Point(start.x + share * (end.x - start.x), start.y + share * (end.y - start.y))


def _node(node: int) -> str:
    x, y = _centre(node)
    circle = f'<circle cx="{x:g}" cy="{y:g}" r="{_RADIUS}" fill="none" stroke="currentColor" stroke-width="1.5"/>'
    return circle + text(x, y + 5, _NODES[node], 14)


def _centre(node: int) -> _Point:
    return _Point(_LEFT + _STEP * node, _AXIS)
