"""The critical-difference diagram: average ranks of searchers, and which of them do not differ (Demsar 2006)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from rich.cells import cell_len

from experiments.comparison.records import Records
from experiments.comparison.significance import ALPHA, Significance, p_text
from experiments.pages.figure_style import COLUMN_WIDTH, INK, QUIET, STYLE, colours_of, new_figure
from experiments.pages.panels import shortened_names

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LINE_HEIGHT, _INCH_PER_CHARACTER, _GAP = 0.185, 0.068, 0.08  # of labels, in inches
_LONGEST = 34  # of a label, in Latin characters
_TOP = 2.7  # of a diagram, in lines above its axis; two of text


def critical_difference_figure(result: Significance, records: Records) -> Figure | None:
    """Draw the critical-difference diagram of every objective that was tested, one below the other (Demsar 2006).

    Searchers stand at their average ranks over the blocks of one objective, its seeds; a bar joins those that do not
    differ significantly. The text says how many blocks there are, and which tests these are.

    Args:
        result: The tests.
        records: What was tested: all searchers in plan order, for their colours, and titles of objectives.

    Returns:
        None where there was not enough to test.
    """
    names = [str(name) for name in result.tests.loc[result.tests["tested"].astype(bool), "objective"]]
    if not names:
        return None
    colours = colours_of(records.searchers)
    with mpl.rc_context(STYLE):
        panels = [_Panel(result, name, colours) for name in names]
        width = max(panel.width for panel in panels)
        figure = new_figure(width, 1.0)
        heights = []
        for name, panel in zip(names, panels, strict=True):
            axes = figure.add_axes((0.0, 0.0, 1.0, 1.0), label=name)
            title = f"{records.targets[name].title}: average rank (1 is best)"
            heights.append(panel.draw(axes, width, f"{title}\n{_test_text(result, name)}"))
        figure.set_figheight(sum(heights))
        top = 1.0
        for axes, height in zip(figure.axes, heights, strict=True):
            share = height / sum(heights)
            axes.set_position((0.0, top - share, 1.0, share))
            top -= share
    return figure


class _Panel:
    """The diagram of one objective.

    Attributes:
        width: The width that it needs, in inches.
    """

    def __init__(self, result: Significance, objective: str, colours: Mapping[str, str]) -> None:
        rows = result.ranks[result.ranks["objective"] == objective].sort_values("rank", kind="stable")
        self.names, middle = [str(name) for name in rows["searcher"]], (len(rows) + 1) // 2
        self.labels, self.colours = shortened_names(self.names, _LONGEST), colours
        self.ranks = dict(zip(self.labels, rows["rank"], strict=True))
        self.pairs = result.pairs[result.pairs["objective"] == objective]
        self._sides = [_margin(part) for part in (self.labels[:middle], self.labels[middle:])]
        self.width = max(COLUMN_WIDTH, sum(self._sides) + max(1.4, 0.1 * len(self.ranks)))

    def draw(self, axes: Axes, width: float, title: str) -> float:
        """Draw it into axes as wide as the figure; return the height that it needs, in inches."""
        from scikit_posthocs import critical_difference_diagram

        left, right = self._sides
        inch = (len(self.ranks) - 1) / (width - left - right)  # one inch in ranks
        drawn = critical_difference_diagram(
            self.ranks,
            _p_values(self.names, self.pairs).set_axis(self.labels).set_axis(self.labels, axis=1),
            ax=axes,
            color_palette={label: self.colours[name] for label, name in zip(self.labels, self.names, strict=True)},
            label_fmt_left="{label}  {rank:.2f} ",
            label_fmt_right=" {rank:.2f}  {label}",
            label_props={"fontsize": 7.5},
            marker_props={"s": 16},
            elbow_props={"linewidth": 1.1},
            crossbar_props={"color": INK, "linewidth": 2.6},
            text_h_margin=_GAP * inch,
        )
        for label in drawn["labels"]:
            label.set_color(INK)
        lowest = min(label.get_position()[1] for label in drawn["labels"])
        axes.set(xlim=(1 - left * inch, len(self.ranks) + right * inch), ylim=(lowest - 0.7, _TOP))
        axes.set_xticks(_ticks(len(self.ranks)))
        axes.spines["top"].set(visible=True, bounds=(1, len(self.ranks)))
        axes.text((1 + len(self.ranks)) / 2, _TOP - 0.1, title, ha="center", va="top", fontsize=7, color=QUIET)
        return float(_LINE_HEIGHT * (_TOP + 0.7 - lowest))


def _test_text(result: Significance, objective: str) -> str:
    """Return how many blocks were ranked, and which tests tell searchers apart."""
    test: Any = result.tests.set_index("objective").loc[objective]
    friedman = "" if math.isnan(test["p_value"]) else f"Friedman, {p_text(test['p_value'])}; "
    return f"{test['n_blocks']} blocks (seeds); {friedman}bars: Wilcoxon-Holm, p ≥ {ALPHA:g}"


def _margin(names: Sequence[str]) -> float:
    """Return the inches that names and their ranks take beside the axis."""
    return 0.3 + _INCH_PER_CHARACTER * (6 + max(cell_len(name) for name in names))


def _ticks(n: int) -> list[int]:
    """Return the ranks written on an axis from 1 to n, with room between them.

    >>> _ticks(3), _ticks(24)
    ([1, 2, 3], [1, 5, 10, 15, 20, 24])
    """
    step = 1 if n <= 8 else 5 * math.ceil(n / 40)
    inner = [rank for rank in range(step, n, step) if step == 1 or (rank > 1 and n - rank > step / 2)]
    return [*dict.fromkeys([1, *inner, n])]


def _p_values(names: Sequence[str], pairs: pd.DataFrame) -> pd.DataFrame:
    """Return a matrix by searcher: 0 where a pair differs significantly, 1 elsewhere."""
    matrix = np.ones((len(names), len(names)))
    for pair in pairs[pairs["significant"].astype(bool)].itertuples():
        i, j = names.index(str(pair.first)), names.index(str(pair.second))
        matrix[i, j] = matrix[j, i] = 0.0
    return pd.DataFrame(matrix, index=list(names), columns=list(names))
