"""Figures of distributions: one box per metric, drawn from quantiles."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import pandas as pd

from experiments.pages.figure_style import INK, PALETTE, QUIET, STYLE, TEXT_WIDTH, new_figure
from experiments.pages.heat_map import freeze
from robustnas.metric import ATTACKS, CORRUPTIONS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_CLEAN, _OTHER = PALETTE[2], PALETTE[0]


def attacks_figure(quantiles: pd.DataFrame, chance: float) -> Figure | None:
    """Draw one panel per attack, one box per eps, beginning with clean accuracy at eps 0; None without attacks."""
    names = [name for name in ATTACKS if (quantiles["source"] == name).any()]
    panels = [(ATTACKS[name].title, _levels(quantiles, name)) for name in names]
    if not panels:
        return None
    n_columns = min(2, len(panels))
    return _boxes(panels, chance, n_columns, 1.9, "eps (1/255)")


def corruptions_figure(quantiles: pd.DataFrame, chance: float) -> Figure | None:
    """Draw one panel per corruption, one box per severity, beginning with clean accuracy at 0; None without any."""
    names = [name for name in CORRUPTIONS if (quantiles["source"] == name).any()]
    panels = [(name.replace("_", " "), _levels(quantiles, name)) for name in names]
    if not panels:
        return None
    return _boxes(panels, chance, min(5, len(panels)), 1.35, "severity")


def _levels(quantiles: pd.DataFrame, source: str) -> pd.DataFrame:
    """Return the boxes of one panel: clean at level 0 where it is known, then the levels in order."""
    clean = quantiles[quantiles["source"] == "clean"].assign(level=0.0)
    return pd.concat([clean, quantiles[quantiles["source"] == source].sort_values("level")], ignore_index=True)


def _boxes(
    panels: Sequence[tuple[str, pd.DataFrame]], chance: float, n_columns: int, height: float, x_label: str
) -> Figure:
    n_rows = math.ceil(len(panels) / n_columns)
    with mpl.rc_context(STYLE):
        figure = new_figure(TEXT_WIDTH, height * n_rows + 0.35)
        figure.set_layout_engine("constrained")
        grid = list(figure.subplots(n_rows, n_columns, squeeze=False, sharey=True).flat)
        for axes in grid[len(panels) :]:
            axes.remove()
        for place, (axes, (title, levels)) in enumerate(zip(grid, panels, strict=False)):
            _draw_panel(axes, levels, chance)
            axes.set_title(title)
            axes.tick_params(labelleft=place % n_columns == 0)
        figure.supxlabel(x_label, fontsize=8)
        figure.supylabel("accuracy (%)", fontsize=8)
        freeze(figure)
    return figure


def _draw_panel(axes: Axes, levels: pd.DataFrame, chance: float) -> None:
    stats = [_box(row) for row in levels.to_dict("records")]
    line: Any = {"color": INK, "linewidth": 0.7}
    drawn = axes.bxp(
        stats,
        showfliers=False,
        patch_artist=True,
        widths=0.6,
        boxprops={"edgecolor": INK, "linewidth": 0.7},
        medianprops={"color": INK, "linewidth": 1.2},
        whiskerprops=line,
        capprops=line,
    )
    for patch, level in zip(drawn["boxes"], levels["level"], strict=True):
        patch.set_facecolor(_CLEAN if level == 0 else _OTHER)
        patch.set_alpha(0.55)
    places = range(1, len(levels) + 1)
    axes.plot(places, 100 * levels["best"], linestyle="none", marker="^", markersize=3, color=PALETTE[1], zorder=3)
    axes.axhline(100 * chance, color=QUIET, linestyle=(0, (4, 3)), linewidth=0.9, zorder=1)
    axes.set_xticks(places, [f"{level:g}" for level in levels["level"]])
    axes.set_ylim(0, 100)
    axes.set_yticks(range(0, 101, 25))
    axes.grid(axis="y", color=QUIET, alpha=0.25, linewidth=0.5)


def _box(row: Any) -> dict[str, Any]:
    names = {"whislo": "q05", "q1": "q25", "med": "median", "q3": "q75", "whishi": "q95"}
    return {"label": f"{row['level']:g}", "fliers": [], **{name: 100 * row[column] for name, column in names.items()}}
