"""The cross-evaluation as a figure: what networks found for one objective score on all."""

from __future__ import annotations

import math
import textwrap
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.colors import Normalize, PowerNorm
from matplotlib.ticker import FuncFormatter

from experiments.comparison import analysis
from experiments.comparison.records import Records, Target
from experiments.pages.heat_map import draw_heat_map
from experiments.pages.panels import panels, shortened
from experiments.pages.ticks import tick_text, ticks_between
from robustnas.arrays import FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

_HEAT_ROW, _LEAST_HEAT, _INCHES_PER_CHARACTER = 0.22, 0.5, 0.06  # of heat maps, in inches


def cross_evaluation_figure(records: Records) -> Figure | None:
    """Draw the cross-evaluation as heat maps: mean accuracy in percent, shaded by the distance to the best.

    One below the other, a heat map for each objective searched. None where there are fewer than two rows to compare.
    """
    table = analysis.cross_evaluation(records)
    if len(table) < 2:
        return None
    means = pd.DataFrame(table.xs("mean", axis=1, level="moment"))
    best = [records.metrics.get(str(name), Target("", "")).best for name in means.columns]
    best = [float(means.iloc[:, i].max()) if math.isnan(value) else value for i, value in enumerate(best)]
    groups = [
        (records.targets[str(name)].title, part) for name, part in means.groupby(level="objective", observed=True)
    ]
    most = max(100 * float(np.nanmax(np.array(best) - means.to_numpy(dtype=float))), 0.1)
    heights = [max(_HEAT_ROW * len(part), _LEAST_HEAT) for _, part in groups]
    with panels(len(groups), 1, row=sum(heights) / len(heights), rest=0.95, height_ratios=heights) as (figure, grid):
        for axes, height, (title, part) in zip(grid, heights, groups, strict=True):
            shades = PowerNorm(0.5, vmin=0.0, vmax=3 * most)  # light enough for black text, fine steps near the best
            image = _draw_heat(axes, part, 100 * (np.array(best) - part.to_numpy(dtype=float)), shades, records)
            axes.tick_params(labeltop=axes is grid[0])
            width = int(height / _INCHES_PER_CHARACTER)
            axes.set_ylabel(textwrap.fill(title, width, max_lines=3, placeholder=" …"), fontsize=7)
        bar = figure.colorbar(image, ax=grid, location="bottom", pad=0.02, aspect=45, shrink=0.6)
        bar.ax.set_xlim(0.0, most)
        bar.set_ticks([0.0, *ticks_between(most / 30, most)])
        bar.ax.xaxis.set_major_formatter(FuncFormatter(tick_text))
        bar.ax.minorticks_off()
        bar.outline.set_visible(False)
        bar.set_label("points below the best of the table")
    return figure


def _draw_heat(axes: Axes, means: pd.DataFrame, distance: FloatArray, shades: Normalize, records: Records) -> AxesImage:
    """Draw means in percent over a shade for the distance to the best of the table in points."""
    titles = [records.metrics.get(str(name), Target("", str(name))).title for name in means.columns]
    return draw_heat_map(
        axes,
        np.maximum(distance, 0.0),
        [shortened(str(searcher)) for searcher in means.index.get_level_values("searcher")],
        [title.replace(", ", "\n", 1) for title in titles],
        norm=shades,
        written=100 * means.to_numpy(dtype=float),
        write=lambda value: f"{value:.1f}",
    )
