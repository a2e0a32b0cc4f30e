"""The critical-difference diagram: average ranks of searchers, and which of them do not differ (Demsar 2006)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import matplotlib as mpl
import pandas as pd

from experiments.comparison.significance import Significance
from experiments.pages.figure_style import COLUMN_WIDTH, INK, QUIET, STYLE, colours_of, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LINE_HEIGHT, _INCH_PER_CHARACTER = 0.185, 0.068  # of labels, in inches


def critical_difference_figure(result: Significance, searchers: Sequence[str]) -> Figure | None:
    """Draw the critical-difference diagram of the overall test (Demsar 2006).

    Searchers stand at their average ranks; a bar joins those that do not differ significantly.

    Args:
        result: The tests.
        searchers: All searchers in plan order, for their colours.

    Returns:
        None where there was not enough to test.
    """
    name = result.overall
    test = result.tests[result.tests["objective"] == name]
    if name is None or len(test) != 1 or str(test["verdict"].iloc[0]).startswith(("not enough", "nothing")):
        return None
    rows = result.ranks[result.ranks["objective"] == name].sort_values("rank", kind="stable")
    ranks = dict(zip(rows["searcher"], rows["rank"], strict=True))
    bars = _joined(ranks, result.pairs[result.pairs["objective"] == name])
    with mpl.rc_context(STYLE):
        names, middle = list(ranks), (len(ranks) + 1) // 2
        left, right = (_margin(part) for part in (names[:middle], names[middle:]))
        width = max(COLUMN_WIDTH, left + right + 1.4)
        n_lines = 2.8 + 0.75 * len(bars) + middle
        figure = new_figure(width, _LINE_HEIGHT * n_lines)
        axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
        axes.set_axis_off()
        inch = (len(ranks) - 1) / (width - left - right)
        axes.set_xlim(1 - left * inch, len(ranks) + right * inch)
        axes.set_ylim(1.7 - n_lines, 1.7)
        _draw_ranks(axes, ranks, bars, colours_of(searchers), inch)
    return figure


def _margin(names: Sequence[str]) -> float:
    """Return the inches that names and their ranks take beside the axis."""
    return 0.3 + _INCH_PER_CHARACTER * (6 + max(len(name) for name in names))


def _joined(ranks: Mapping[str, float], pairs: pd.DataFrame) -> list[tuple[float, float]]:
    """Return the longest runs of neighbours in rank of which no two differ significantly, as (best, worst) ranks."""
    apart = {
        frozenset((first, second))
        for first, second, significant in zip(pairs["first"], pairs["second"], pairs["significant"], strict=True)
        if significant
    }
    names, last = list(ranks), -1
    bars: list[tuple[float, float]] = []
    for i in range(len(names)):
        j = i
        while j + 1 < len(names) and not any(frozenset((names[k], names[j + 1])) in apart for k in range(i, j + 1)):
            j += 1
        if j > i and j > last:
            bars.append((ranks[names[i]], ranks[names[j]]))
            last = j
    return bars


def _draw_ranks(
    axes: Axes,
    ranks: Mapping[str, float],
    bars: Sequence[tuple[float, float]],
    colours: Mapping[str, str],
    inch: float,
) -> None:
    """Draw the axis of ranks on top, bars below it, then elbows to the names; the vertical unit is a line of text."""
    n, middle = len(ranks), (len(ranks) + 1) // 2
    axes.plot([1, n], [0, 0], color=INK, linewidth=0.8)
    for tick in range(1, n + 1):
        axes.plot([tick, tick], [0, 0.22], color=INK, linewidth=0.8)
        axes.text(tick, 0.3, str(tick), ha="center", va="bottom", fontsize=7)
    axes.text((1 + n) / 2, 1.6, "average rank (1 is best)", ha="center", va="top", fontsize=7, color=QUIET)
    for level, (best, worst) in enumerate(bars):
        y = -0.55 - 0.75 * level
        ends = [best - 0.06 * inch, worst + 0.06 * inch]
        axes.plot(ends, [y, y], color=INK, linewidth=2.6, solid_capstyle="butt")
    top = -0.3 - 0.75 * len(bars)
    for i, (name, rank) in enumerate(ranks.items()):
        left = i < middle
        y = top - 0.5 - (i if left else n - 1 - i)
        x = 1 - 0.15 * inch if left else n + 0.15 * inch
        axes.plot([rank, rank, x], [0, y, y], color=colours[name], linewidth=1.1)
        axes.plot([rank], [0], marker="o", markersize=4, color=colours[name], zorder=4)
        _write_rank(axes, (x, y), name, rank, inch if left else -inch)


def _write_rank(axes: Axes, elbow: tuple[float, float], name: str, rank: float, inch: float) -> None:
    """Write name and rank beyond an elbow; to its left if `inch` is positive, else to its right."""
    text, side = (f"{name}  {rank:.2f}", "right") if inch > 0 else (f"{rank:.2f}  {name}", "left")
    axes.text(elbow[0] - 0.06 * inch, elbow[1], text, ha=side, va="center", fontsize=7.5)
