"""The critical-difference diagram: average ranks of searchers, and which of them do not differ (Demsar 2006)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
import pandas as pd
from rich.cells import cell_len

from experiments.comparison.significance import Significance
from experiments.pages.figure_style import COLUMN_WIDTH, INK, QUIET, STYLE, colours_of, new_figure
from experiments.pages.panels import shortened_names

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LINE_HEIGHT, _INCH_PER_CHARACTER, _GAP = 0.185, 0.068, 0.08  # of labels, in inches
_LONGEST = 34  # of a label, in Latin characters


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
    from scikit_posthocs import critical_difference_diagram

    rows = result.ranks[result.ranks["objective"] == name].sort_values("rank", kind="stable")
    names, middle = [str(name) for name in rows["searcher"]], (len(rows) + 1) // 2
    labels, colours = shortened_names(names, _LONGEST), colours_of(searchers)
    ranks = dict(zip(labels, rows["rank"], strict=True))
    left, right = (_margin(part) for part in (labels[:middle], labels[middle:]))
    width = max(COLUMN_WIDTH, left + right + max(1.4, 0.1 * len(ranks)))
    inch = (len(ranks) - 1) / (width - left - right)  # one inch in ranks
    with mpl.rc_context(STYLE):
        figure = new_figure(width, 1.0)
        axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
        drawn = critical_difference_diagram(
            ranks,
            _p_values(names, result.pairs[result.pairs["objective"] == name]).set_axis(labels).set_axis(labels, axis=1),
            ax=axes,
            color_palette={label: colours[name] for label, name in zip(labels, names, strict=True)},
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
        axes.set(xlim=(1 - left * inch, len(ranks) + right * inch), ylim=(lowest - 0.7, 1.9))
        axes.set_xticks(_ticks(len(ranks)))
        axes.spines["top"].set(visible=True, bounds=(1, len(ranks)))
        figure.set_figheight(_LINE_HEIGHT * (2.6 - lowest))
        axes.text((1 + len(ranks)) / 2, 1.8, "average rank (1 is best)", ha="center", va="top", fontsize=7, color=QUIET)
    return figure


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
