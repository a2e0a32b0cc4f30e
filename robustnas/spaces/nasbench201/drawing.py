"""Draws a cell as SVG: four nodes on a line and six arcs with their operations."""

from __future__ import annotations

from typing import NamedTuple, Protocol
from xml.sax.saxutils import escape

from robustnas.spaces.nasbench201.operations import EDGES, Operation

# Okabe and Ito's palette, distinguishable for colour-blind readers; each colour also has its own dash pattern.
_STYLE = {
    Operation.NONE: ("#9a9a9a", "1 5", "none"),
    Operation.SKIP_CONNECT: ("#56b4e9", "", "skip"),
    Operation.CONV_1X1: ("#e69f00", "", "conv 1×1"),
    Operation.CONV_3X3: ("#d55e00", "", "conv 3×3"),
    Operation.AVG_POOL_3X3: ("#009e73", "7 4", "avg pool 3×3"),
}
_NODES = ("in", "1", "2", "out")
_WIDTH, _HEIGHT, _AXIS, _STEP, _LEFT, _RADIUS = 560, 250, 118, 150, 55, 17


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
        title: A caption; the arch string if None.

    Returns:
        A stand-alone SVG document, 560 x 250 user units, readable on light and dark pages.
    """
    edges = "".join(_edge(*edge, Operation(op)) for edge, op in zip(EDGES, cell.ops, strict=True))
    nodes = "".join(_node(node) for node in range(len(_NODES)))
    caption = escape(cell.arch if title is None else title)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" '
        f'height="{_HEIGHT}" role="img" font-family="Helvetica, Arial, sans-serif" font-size="12">'
        f'<title>{escape(cell.arch)}</title><rect width="100%" height="100%" rx="6" fill="#ffffff"/>'
        f'{edges}{nodes}<text x="{_WIDTH / 2:g}" y="{_HEIGHT - 10}" text-anchor="middle" font-size="9.5" '
        f'fill="#444444">{caption}</text></svg>\n'
    )


def _edge(source: int, target: int, op: Operation) -> str:
    colour, dash, label = _STYLE[op]
    start, end = _centre(source), _centre(target)
    peak = _Point((start.x + end.x) / 2, _AXIS + _bend(source, target))
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    tip = _arrow(peak, end, colour) if op is not Operation.NONE else ""
    line = (
        f'<path d="M{start.x:g} {start.y:g} Q{peak.x:g} {peak.y:g} {end.x:g} {end.y:g}" fill="none" '
        f'stroke="{colour}" stroke-width="2.5"{dashes}/>'
    )
    middle = _Point(peak.x, (_AXIS + peak.y) / 2)
    text = (
        f'<text x="{middle.x:g}" y="{middle.y + 4:g}" text-anchor="middle" fill="#222222" stroke="#ffffff" '
        f'stroke-width="7" stroke-linejoin="round" paint-order="stroke">{label}</text>'
    )
    return line + tip + text


def _bend(source: int, target: int) -> float:
    """Adjacent nodes are joined by straight lines, 0-2 and 1-3 bend up and down, 0-3 runs above all others."""
    return {(0, 2): -105.0, (1, 3): 130.0, (0, 3): -210.0}.get((source, target), 0.0)


def _arrow(peak: _Point, end: _Point, colour: str) -> str:
    dx, dy = end.x - peak.x, end.y - peak.y
    length = (dx * dx + dy * dy) ** 0.5
    ux, uy = dx / length, dy / length
    tip = _Point(end.x - _RADIUS * ux, end.y - _RADIUS * uy)
    back = _Point(tip.x - 10 * ux, tip.y - 10 * uy)
    left, right = _Point(back.x - 5 * uy, back.y + 5 * ux), _Point(back.x + 5 * uy, back.y - 5 * ux)
    points = " ".join(f"{point.x:.2f},{point.y:.2f}" for point in (tip, left, right))
    return f'<polygon points="{points}" fill="{colour}"/>'


def _node(node: int) -> str:
    x, y = _centre(node)
    return (
        f'<circle cx="{x:g}" cy="{y:g}" r="{_RADIUS}" fill="#f4f4f4" stroke="#333333" stroke-width="1.5"/>'
        f'<text x="{x:g}" y="{y + 4:g}" text-anchor="middle" fill="#111111">{_NODES[node]}</text>'
    )


def _centre(node: int) -> _Point:
    return _Point(_LEFT + _STEP * node, _AXIS)
