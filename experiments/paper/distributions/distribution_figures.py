"""Figures of distributions: one box per metric, drawn from quantiles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from experiments.pages.figure_style import INK, PALETTE
from experiments.pages.panels import LEVEL, label_all, light_grid, panels
from robustnas.metric import ATTACKS, CORRUPTIONS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_CLEAN, _OTHER = PALETTE[2], PALETTE[0]


def attacks_figure(quantiles: pd.DataFrame, chance: float) -> Figure | None:
    """Draw one panel per attack, one box per eps, beginning with clean accuracy at eps 0; None without attacks."""
    names = [name for name in ATTACKS if (quantiles["source"] == name).any()]
    boxes = [(ATTACKS[name].title, _levels(quantiles, name)) for name in names]
    if not boxes:
        return None
    n_columns = min(2, len(boxes))
    return _boxes(boxes, chance, n_columns, 1.9, "eps (1/255)")


def corruptions_figure(quantiles: pd.DataFrame, chance: float) -> Figure | None:
    """Draw one panel per corruption, one box per severity, beginning with clean accuracy at 0; None without any."""
    names = [name for name in CORRUPTIONS if (quantiles["source"] == name).any()]
    boxes = [(name.replace("_", " "), _levels(quantiles, name)) for name in names]
    if not boxes:
        return None
    return _boxes(boxes, chance, min(5, len(boxes)), 1.35, "severity")


def _levels(quantiles: pd.DataFrame, source: str) -> pd.DataFrame:
    """Return the boxes of one panel: clean at level 0 where it is known, then the levels in order."""
    clean = quantiles[quantiles["source"] == "clean"].assign(level=0.0)
    return pd.concat([clean, quantiles[quantiles["source"] == source].sort_values("level")], ignore_index=True)


def _boxes(
    boxes: Sequence[tuple[str, pd.DataFrame]], chance: float, n_columns: int, height: float, x_label: str
) -> Figure:
    with panels(len(boxes), n_columns, row=height, rest=0.35, sharey=True) as (figure, grid):
        for place, (axes, (title, levels)) in enumerate(zip(grid, boxes, strict=True)):
            _draw_panel(axes, levels, chance)
            axes.set_title(title)
            axes.tick_params(labelleft=place % n_columns == 0)
        label_all(figure, x_label, "accuracy (%)")
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
    axes.axhline(100 * chance, **LEVEL)
    axes.set_xticks(places, [f"{level:g}" for level in levels["level"]])
    axes.set_ylim(0, 100)
    axes.set_yticks(range(0, 101, 25))
    light_grid(axes, "y")


def _box(row: Any) -> dict[str, Any]:
    names = {"whislo": "q05", "q1": "q25", "med": "median", "q3": "q75", "whishi": "q95"}
    return {"label": f"{row['level']:g}", "fliers": [], **{name: 100 * row[column] for name, column in names.items()}}
