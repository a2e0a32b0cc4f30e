"""Panels: figures of one or several axes in the style of all figures, and what the axes have in common."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.lines import Line2D
from rich.cells import cell_len

from experiments.pages.figure_style import COLUMN_WIDTH, PALETTE, QUIET, STYLE, TEXT_WIDTH, colours_of, new_figure
from experiments.pages.fonts import fit_fonts, quiet_glyphs
from experiments.pages.heat_map import fit_numbers

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LEVEL: Any = {"color": QUIET, "linestyle": (0, (4, 3)), "linewidth": 0.9, "zorder": 1}
"""How a line is drawn with which others are compared."""

_LEGEND_INCHES, _INCHES_PER_CHARACTER, _LEGEND_ROW = 0.55, 0.062, 0.16
_DASHES: Any = ("-", "--", (0, (3, 1.2, 1, 1.2)), ":")  # each with a whole period in a line of the legend


@contextmanager
def panels(
    n: int, n_columns: int, *, row: float, rest: float, width: float = TEXT_WIDTH, **subplots: Any
) -> Iterator[tuple[Figure, list[Axes]]]:
    """Open a figure with n panels; at the end of the block it is laid out for good, instead of once for every format.

    Args:
        n: Panels, row by row.
        n_columns: Panels in a row.
        row: The height of a row of panels, in inches.
        rest: What the figure is higher than its rows.
        width: Of the figure.
        subplots: More arguments of `matplotlib.figure.Figure.subplots`.
    """
    with mpl.rc_context(STYLE):
        n_rows = math.ceil(n / n_columns)
        figure = new_figure(width, rest + row * n_rows)
        figure.set_layout_engine("constrained")
        grid = list(figure.subplots(n_rows, n_columns, squeeze=False, **subplots).flat)
        for axes in grid[n:]:
            axes.remove()
        yield figure, grid[:n]
        fit_fonts(figure)
        with quiet_glyphs():
            figure.draw_without_rendering()
        figure.set_layout_engine("none")
        fit_numbers(figure)


@contextmanager
def standard_panels(n: int, *, share_y: bool = False) -> Iterator[tuple[Figure, list[Axes]]]:
    """Open a figure with n panels of a standard size, at most three in a row."""
    n_columns = n if n <= 3 else (2 if n == 4 else 3)
    width, row = (COLUMN_WIDTH, 2.15) if n_columns == 1 else (TEXT_WIDTH, 2.0)
    with panels(n, n_columns, row=row, rest=0.35, width=width, sharey=share_y) as opened:
        yield opened


@contextmanager
def one_panel(height: float) -> Iterator[tuple[Figure, Axes]]:
    """Open a figure with one panel of the width of a text."""
    with panels(1, 1, row=height, rest=0.0) as (figure, [axes]):
        yield figure, axes


def light_grid(axes: Axes, axis: Any = "both") -> None:
    """Draw thin lines behind the data."""
    axes.grid(axis=axis, color=QUIET, alpha=0.25, linewidth=0.5)


def named_level(axes: Axes, level: float, name: str, shift: tuple[float, float]) -> None:
    """Draw a horizontal line with its name above its left end, moved by `shift` points."""
    axes.axhline(level, **LEVEL)
    where: Any = {"xytext": shift, "textcoords": "offset points", "va": "bottom", "ha": "left"}
    axes.annotate(name, (0.0, level), xycoords=("axes fraction", "data"), color=QUIET, fontsize=7, **where)


def label_all(figure: Figure, x: str = "", y: str = "") -> None:
    """Label the axes that all panels share."""
    if x:
        figure.supxlabel(x, fontsize=8)
    if y:
        figure.supylabel(y, fontsize=8)


def line_styles(names: Sequence[str]) -> dict[str, Any]:
    """Return colour and dashes by name; they belong to its place in a plan."""
    colours = colours_of(names)
    dashes = {name: _DASHES[i // len(PALETTE) % len(_DASHES)] for i, name in enumerate(names)}
    return {name: {"color": colours[name], "linestyle": dashes[name]} for name in names}


def legend_above(figure: Figure, styles: Mapping[str, Any], shown: Sequence[str]) -> None:
    """Name the lines that are shown, above all panels."""
    handles = [Line2D([], [], **styles[name]) for name in shown]
    labels = shortened_names(shown)
    width = _LEGEND_INCHES + _INCHES_PER_CHARACTER * max(map(cell_len, labels), default=0)
    most = 3 if figure.get_figwidth() < 4 else 6
    n_columns = max(1, min(len(shown), most, int(figure.get_figwidth() / width)))
    n_rows = math.ceil(len(shown) / n_columns)
    if n_rows > 2:  # the panels keep their height
        figure.set_figheight(figure.get_figheight() + _LEGEND_ROW * (n_rows - 2))
    figure.legend(handles, labels, loc="outside upper center", ncols=n_columns, frameon=False, handlelength=1.6)


def shortened(name: str, most: int = 46) -> str:
    """Return a name without its middle if it is too long for a figure.

    Args:
        name: The name.
        most: Its greatest width, in Latin characters; Chinese ones take two each.

    >>> shortened("a" * 30 + "b" * 30, most=10), shortened("架构" * 30, most=10)
    ('aaaa…bbbbb', '架构…架构')
    """
    if cell_len(name) <= most:
        return name
    return f"{_beginning(name, most // 2 - 1)}…{_beginning(name[::-1], -(-most // 2))[::-1]}"


def shortened_names(names: Sequence[str], most: int = 46) -> list[str]:
    """Return names as `shortened` does, as long as it takes for different ones to stay different.

    >>> shortened_names(["search 1 with a seed", "search 2 with a seed"], most=8)
    ['search 1…th a seed', 'search 2…th a seed']
    """
    longest = max(map(cell_len, names), default=0)
    for width in range(most, longest):
        found = [shortened(name, width) for name in names]
        if len(set(found)) == len(set(names)):
            return found
    return list(names)


def _beginning(name: str, width: int) -> str:
    """Return as many first characters as fit a width."""
    widths = accumulate(cell_len(character) for character in name)
    return "".join(character for character, end in zip(name, widths, strict=True) if end <= width)
