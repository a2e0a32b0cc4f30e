"""Panels: figures of one or several axes in the style of all figures, and what the axes have in common."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.lines import Line2D
from matplotlib.text import Annotation, Text
from rich.cells import cell_len

from experiments.pages.figure_style import (
    COLUMN_WIDTH,
    GREY,
    PALETTE,
    QUIET,
    STYLE,
    TEXT_WIDTH,
    PanelFigure,
    new_figure,
    places_of,
)
from experiments.pages.fonts import fit_fonts, quiet_glyphs
from experiments.pages.heat_map import fit_numbers
from robustnas.arrays import FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LEVEL: Any = {"color": GREY, "linestyle": (0, (4, 3)), "linewidth": 0.9, "zorder": 1}
"""How a line is drawn with which others are compared."""

_STACKED_REST = 0.6  # inches that labels and a legend take
_MOST_AT_LINES, _LONGEST_AT_LINES = 10, 16  # series; Latin characters
_LINE_NAME, _NAME_AT = "name of a line", 1.04
_LEGEND_INCHES, _INCHES_PER_CHARACTER, _LEGEND_ROW = 0.65, 0.062, 0.16
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
        figure.grid, figure.n_columns, figure.row = grid[:n], n_columns, row
        yield figure, grid[:n]
        _lay_out(figure)


def stack(figure: Figure) -> bool:
    """Put the panels of a finished figure below each other, for a narrow page; whether it had any beside each other.

    Every panel then has the labels and the numbers that panels share where they stand side by side.
    """
    if not isinstance(figure, PanelFigure) or figure.n_columns == 1:
        return False
    with mpl.rc_context(STYLE):
        shared_x, shared_y = figure.get_supxlabel(), figure.get_supylabel()
        label_all(figure, " ", " ")  # those of all panels go; constrained layout keeps no room for what is blank
        places = figure.add_gridspec(len(figure.grid), 1)
        for i, axes in enumerate(figure.grid):
            axes.set_subplotspec(places[i])
            axes.tick_params(labelbottom=True, labelleft=True)
            axes.set_xlabel(axes.get_xlabel() or shared_x)
            axes.set_ylabel(axes.get_ylabel() or shared_y)
        figure.set_size_inches(COLUMN_WIDTH, figure.row * len(figure.grid) + _STACKED_REST)
        figure.set_layout_engine("constrained")
        figure.n_columns = 1
        for legend in list(figure.legends):
            handles, labels = legend.legend_handles, [text.get_text() for text in legend.get_texts()]
            legend.remove()
            _legend(figure, handles, labels)
        _lay_out(figure)
    return True


def _lay_out(figure: Figure) -> None:
    fit_fonts(figure)
    with quiet_glyphs():
        figure.draw_without_rendering()
        figure.set_layout_engine("none")
        fit_numbers(figure)
        fit_line_names(figure)


@contextmanager
def standard_panels(n: int, *, share_y: bool = False, whole: bool = False) -> Iterator[tuple[Figure, list[Axes]]]:
    """Open a figure with n panels of a standard size, at most three in a row.

    Args:
        n: Panels.
        share_y: Whether all have one y axis.
        whole: Whether a single panel is as wide as a text, not as a column.
    """
    n_columns = n if n <= 3 else (2 if n == 4 else 3)
    width, row = (COLUMN_WIDTH, 2.15) if n_columns == 1 else (TEXT_WIDTH, 2.0)
    if whole and n_columns == 1:
        width, row = TEXT_WIDTH, 2.6
    with panels(n, n_columns, row=row, rest=0.35, width=width, sharey=share_y) as opened:
        yield opened


@contextmanager
def one_panel(height: float) -> Iterator[tuple[Figure, Axes]]:
    """Open a figure with one panel of the width of a text."""
    with panels(1, 1, row=height, rest=0.0) as (figure, [axes]):
        yield figure, axes


def light_grid(axes: Axes, axis: Any = "both") -> None:
    """Draw thin lines behind the data."""
    axes.grid(axis=axis, color=GREY, alpha=0.25, linewidth=0.5)


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
    """Return colour and dashes by name: both tell series apart, so that a figure can be read without colours."""
    return {
        name: {"color": PALETTE[place % len(PALETTE)], "linestyle": _DASHES[(i + i // len(PALETTE)) % len(_DASHES)]}
        for i, (name, place) in enumerate(places_of(names).items())
    }


def named_at_lines(names: Sequence[str]) -> bool:
    """Return whether the names of series fit at the ends of their lines; others stand in a legend."""
    return len(names) <= _MOST_AT_LINES and max(map(cell_len, names), default=0) <= _LONGEST_AT_LINES


def name_lines(axes: Axes, ends: Mapping[str, tuple[float, float]], styles: Mapping[str, Any]) -> None:
    """Write the name of every line at its end, right of the axes; `fit_line_names` moves them apart.

    Args:
        axes: Where.
        ends: Where lines end, in data.
        styles: Colour and dashes by name.
    """
    low, high = axes.get_ylim()
    for name, (x, y) in ends.items():
        pointer = {"arrowstyle": "-", "linewidth": 0.8, "shrinkA": 1.0, "shrinkB": 0.0, "relpos": (0.0, 0.5)}
        axes.annotate(
            name,
            (x, min(max(y, low), high)),  # what points there counts in the layout
            (_NAME_AT, 0.5),
            xycoords="data",
            textcoords="axes fraction",
            arrowprops={**pointer, "color": styles[name]["color"]},
            fontsize=7,
            ha="left",
            va="center",
            annotation_clip=False,
            label=_LINE_NAME,
        )


def fit_line_names(figure: Figure) -> None:
    """Put the names of lines beside their ends, as near as they can be without touching; after a figure's layout."""
    for axes in figure.axes:
        named = [text for text in axes.texts if isinstance(text, Annotation) and text.get_label() == _LINE_NAME]
        if named:
            low, high = axes.get_ylim()
            for text in named:
                text.xy = (text.xy[0], min(max(text.xy[1], low), high))
            ends = axes.transAxes.inverted().transform(axes.transData.transform([text.xy for text in named]))
            heights = [Text.get_window_extent(text).height for text in named]  # without what points to the line
            gap = 1.08 * max(heights) / axes.bbox.height
            for text, place in zip(named, apart(ends[:, 1], gap), strict=True):
                text.set_position((_NAME_AT, place))


def apart(places: Sequence[float] | FloatArray, gap: float, low: float = 0.0, high: float = 1.0) -> list[float]:
    """Return places moved until neighbours are a gap apart, in their order, between bounds if they fit there.

    >>> apart([0.0, 0.5, 0.5, 1.0], 0.1)
    [0.0, 0.5, 0.6, 1.0]
    >>> apart([1.0, 1.0], 0.25)
    [0.75, 1.0]
    """
    order = sorted(range(len(places)), key=lambda i: places[i])
    moved = [max(float(places[i]), low) for i in order]
    for i in range(1, len(moved)):
        moved[i] = max(moved[i], moved[i - 1] + gap)
    limit = high
    for i in reversed(range(len(moved))):
        moved[i] = min(moved[i], limit)
        limit = moved[i] - gap
    return [place for _, place in sorted(zip(order, moved, strict=True))]


def legend_above(figure: Figure, styles: Mapping[str, Any], shown: Sequence[str]) -> None:
    """Name the lines that are shown, above all panels."""
    labels = shortened_names(shown)
    n_rows = math.ceil(len(shown) / _n_legend_columns(figure, labels))
    if n_rows > 2:  # the panels keep their height
        figure.set_figheight(figure.get_figheight() + _LEGEND_ROW * (n_rows - 2))
    _legend(figure, [Line2D([], [], **styles[name]) for name in shown], labels)


def _legend(figure: Figure, handles: Sequence[Any], labels: Sequence[str]) -> None:
    columns = _n_legend_columns(figure, labels)
    figure.legend(handles, labels, loc="outside upper center", ncols=columns, frameon=False, handlelength=2.2)


def _n_legend_columns(figure: Figure, labels: Sequence[str]) -> int:
    width = _LEGEND_INCHES + _INCHES_PER_CHARACTER * max(map(cell_len, labels), default=0)
    most = 3 if figure.get_figwidth() < 4 else 6
    return max(1, min(len(labels), most, int(figure.get_figwidth() / width)))


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
