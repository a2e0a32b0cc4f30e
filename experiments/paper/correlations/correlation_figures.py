"""Figures of correlations: matrices of Kendall's tau as heat maps, their metrics in blocks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.colors import TwoSlopeNorm

from experiments.pages.figure_style import INK, TEXT_WIDTH
from experiments.pages.heat_map import DIVERGING, colour_bar, draw_heat_map
from experiments.pages.panels import one_panel
from experiments.paper.correlations.rank_correlations import blocks_clustered, clustered
from robustnas.metric import ATTACKS, CORRUPTIONS, Metric

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

_NORM = TwoSlopeNorm(0.0, -1.0, 1.0)
_MOST_WRITTEN = 36  # metrics whose numbers still fit at 6.5 points in the width of a text

_BAR = 0.45  # inches that a colour bar and its label take

Block = tuple[str, int]
"""What a run of neighbouring columns has in common, and how many they are."""


def tau_figure(matrix: pd.DataFrame) -> Figure:
    """Draw the lower triangle of a matrix of tau between metrics, 100 times tau in the fields where there is room.

    Attacks and corruptions that agree stand together.

    Args:
        matrix: Square, named by metrics in the grammar of objectives.
    """
    names = blocks_clustered(matrix)
    matrix = matrix.set_axis([str(name) for name in matrix.index]).loc[names, names]
    written = len(names) <= _MOST_WRITTEN
    with one_panel(TEXT_WIDTH + _BAR + (0.1 if written else 0.0)) as (figure, axes):
        labels = [_level(name) for name in names] if written else []
        image = draw_heat_map(
            axes,
            matrix.to_numpy(dtype=float),
            labels,
            labels,
            norm=_NORM,
            cmap=DIVERGING,
            write=hundredths if written else None,
            font_size=6.5,
            hidden=_upper(len(names)),
        )
        if not written:
            axes.set_xticks([])
            axes.set_yticks([])
        axes.tick_params(labelsize=6.5, pad=1)
        draw_blocks(axes, blocks(names), outward=0.022 if written else 0.005, triangle=True)
        _bar(figure, axes, image)
    return figure


def named_tau_figure(matrix: pd.DataFrame, labels: Sequence[str]) -> Figure:
    """Draw the lower triangle of a matrix of tau between scores with a name each; those that agree stand together.

    Args:
        matrix: Square.
        labels: One per row.
    """
    order = clustered(matrix.to_numpy(dtype=float))
    labels = [labels[i] for i in order]
    with one_panel(0.26 * len(labels) + 1.2 + _BAR) as (figure, axes):
        values = matrix.to_numpy(dtype=float)[np.ix_(order, order)]
        shown: Any = {"norm": _NORM, "cmap": DIVERGING, "write": hundredths, "hidden": _upper(len(labels))}
        image = draw_heat_map(axes, values, labels, labels, **shown)
        _bar(figure, axes, image)
        axes.tick_params(axis="x", rotation=90)
    return figure


def measures_figure(matrix: pd.DataFrame) -> Figure:
    """Draw tau between measures (rows) and metrics (columns), the metrics in blocks.

    Args:
        matrix: Rows named by measures; columns by metrics, the mean over all corruptions as ``corruption``.
    """
    names = [str(name) for name in matrix.columns]
    single = [name for name in names if name != "corruption"]
    runs = [*blocks(single), *([("corr.", 1)] if "corruption" in names else [])]
    written = len(names) <= _MOST_WRITTEN
    with one_panel(0.2 * max(len(matrix), 2) + 1.1 + _BAR) as (figure, axes):
        levels = [_level(name) for name in single] + [""] * (len(names) - len(single))
        values = matrix.to_numpy(dtype=float)
        write = hundredths if written else None
        image = draw_heat_map(
            axes,
            values,
            [str(name) for name in matrix.index],
            levels,
            norm=_NORM,
            cmap=DIVERGING,
            write=write,
            font_size=6.5,
        )
        axes.tick_params(labelsize=6.5, pad=1)
        _bar(figure, axes, image)
        draw_blocks(axes, runs, outward=0.17 / (0.2 * max(len(matrix), 2) + 0.35), triangle=False)
    return figure


def _bar(figure: Figure, axes: Axes, image: AxesImage) -> None:
    colour_bar(figure, axes, image, "100 times Kendall's tau", 100.0)


def hundredths(tau: float) -> str:
    """Write 100 times tau as a whole number; no minus before zero.

    >>> hundredths(0.174), hundredths(-0.001)
    ('17', '0')
    """
    return f"{round(100 * tau)}".replace("-", "−")  # round gives an integer: no minus zero


def blocks(names: Sequence[str]) -> list[Block]:
    """Return the runs of metrics of one attack or corruption.

    >>> blocks(["clean", "pgd@1", "pgd@8"])
    [('clean', 1), ('PGD', 2)]
    """
    found: list[Block] = []
    for name in names:
        title = _title(Metric.parse(name).kind)
        n = found.pop()[1] if found and found[-1][0] == title else 0
        found.append((title, n + 1))
    return found


def draw_blocks(axes: Axes, runs: Sequence[Block], *, outward: float, triangle: bool, gap: float = 0.02) -> None:
    """Write the names of blocks along the columns (and rows, of a `triangle`) of a heat map, lines between them.

    Args:
        axes: Holds the heat map.
        runs: As `blocks` returns them.
        outward: How far from the field names stand, as a share of the height of the axes.
        triangle: Whether the heat map is the lower half of a matrix, whose rows are the same blocks; names of columns
            are then below.
        gap: A share of the metrics: runs that are shorter have their names turned.
    """
    total, start = sum(n for _, n in runs), 0
    for title, n in runs:
        middle = start + (n - 1) / 2
        turned = n < 2 or n / total < gap + 0.055
        axes.text(
            middle,
            -outward if triangle else 1 + outward,
            title,
            transform=axes.get_xaxis_transform(),
            ha="center",
            va="top" if triangle else "bottom",
            rotation=90 if turned else 0,
            fontsize=7,
        )
        if triangle:
            axes.text(
                -outward - 0.005,
                middle,
                title,
                transform=axes.get_yaxis_transform(),
                ha="right",
                va="center",
                fontsize=7,
            )
        start += n
        if start < total and triangle:
            axes.plot([start - 0.5] * 2, [start - 0.5, total - 0.5], color=INK, linewidth=0.6)
            axes.plot([-0.5, start - 0.5], [start - 0.5] * 2, color=INK, linewidth=0.6)
        elif start < total:
            axes.axvline(start - 0.5, color=INK, linewidth=0.6)


def _upper(n: int) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Return the fields of a symmetric matrix that its lower triangle says already, the diagonal included."""
    return np.triu(np.ones((n, n), dtype=bool))


def _level(name: str) -> str:
    level = Metric.parse(name).level
    return "" if level is None else f"{level:g}"


def _title(source: str) -> str:
    if source in ATTACKS:
        return ATTACKS[source].title
    return source.replace("_", " ") if source in CORRUPTIONS else source
