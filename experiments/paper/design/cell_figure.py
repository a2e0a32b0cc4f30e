"""Cells drawn side by side for print: four nodes on a line, six arcs with their operations."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from matplotlib.patches import FancyArrowPatch
from matplotlib.path import Path

from experiments.pages.figure_style import INK
from experiments.pages.panels import panels
from robustnas.spaces.nasbench201.cell import Cell
from robustnas.spaces.nasbench201.drawing import STYLES
from robustnas.spaces.nasbench201.operations import EDGES, Operation

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_N_COLUMNS = 3
_RADIUS = 0.15
_BENDS = {(0, 2): 1.0, (1, 3): -1.0, (0, 3): 1.75}  # how far the middle of an arc is from the line of the nodes
_NODES = ("in", "1", "2", "out")
_LABELS = {
    Operation.SKIP_CONNECT: "skip",
    Operation.CONV_1X1: "1×1",
    Operation.CONV_3X3: "3×3",
    Operation.AVG_POOL_3X3: "pool",
}
_WIDTH = 0.5  # points of a line, for each unit of width in a cell's own drawing


def cells_figure(cells: Sequence[Cell], titles: Sequence[str]) -> Figure:
    """Draw cells, three in a row; edges that are none are left out.

    Args:
        cells: At least one.
        titles: One per cell.
    """
    with panels(len(cells), _N_COLUMNS, row=1.5, rest=0.0) as (figure, grid):
        for axes, cell, title in zip(grid, cells, titles, strict=True):
            draw_cell(axes, cell)
            axes.set_title(title)
    return figure


def draw_cell(axes: Axes, cell: Cell) -> None:
    """Draw a cell into axes that hold nothing else."""
    for (source, target), code in zip(EDGES, cell.ops, strict=True):
        operation = Operation(code)
        if operation is not Operation.NONE:
            _draw_edge(axes, source, target, operation)
    for node, name in enumerate(_NODES):
        axes.plot([node], [0], "o", markersize=15, markerfacecolor="none", markeredgecolor=INK, markeredgewidth=0.7)
        axes.text(node, 0, name, ha="center", va="center", fontsize=6.5)
    axes.set_xlim(-0.2, 3.2)
    axes.set_ylim(-0.8, 1.15)
    axes.set_axis_off()


def _draw_edge(axes: Axes, source: int, target: int, operation: Operation) -> None:
    style = STYLES[operation]
    bend = _BENDS.get((source, target), 0.0)
    middle = (source + target) / 2
    start, end = _towards(source, middle, bend), _towards(target, middle, bend)
    curve = Path([start, (middle, bend), end], [Path.MOVETO, Path.CURVE3, Path.CURVE3])
    size = 5.0 + style.width * _WIDTH
    arrow = FancyArrowPatch(path=curve, arrowstyle="-|>", mutation_scale=size, linewidth=style.width * _WIDTH)
    arrow.set_color(style.colour)
    if style.dashes:
        arrow.set_linestyle((0, (3, 1.5)))
    axes.add_patch(arrow)
    away, height = 2 + style.width * _WIDTH, (start[1] + 2 * bend + end[1]) / 4
    side: Any = {"xytext": (0, -away if bend < 0 else away), "va": "top" if bend < 0 else "bottom", "ha": "center"}
    axes.annotate(_LABELS[operation], (middle, height), textcoords="offset points", fontsize=6.5, **side)


def _towards(node: int, middle: float, bend: float) -> tuple[float, float]:
    """Return the point on a node's rim that faces the control point of an arc."""
    length = math.hypot(middle - node, bend)
    return node + _RADIUS * (middle - node) / length, _RADIUS * bend / length
