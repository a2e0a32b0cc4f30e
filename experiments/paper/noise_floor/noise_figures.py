"""Figures of the noise floor: by metric, and by accuracy."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from experiments.pages.figure_style import INK, PALETTE, QUIET, STYLE, TEXT_WIDTH, new_figure
from experiments.pages.heat_map import freeze
from robustnas.metric import ATTACKS, CORRUPTIONS, PAPER_ATTACKS, SEVERITIES, Metric

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_TICKS = (0.1, 0.5, 1.0, 2.0, 4.0, 8.0)
_LARGEST_EPS = 16.0  # beyond, the image is gone, and what is left is noise that would set the scale of the figure
_MARKERS = ("o", "s", "^", "D")


def metrics_figure(noise: pd.DataFrame) -> Figure:
    """Draw the noise and its share of the variance against eps, one line per attack, and against severity.

    Args:
        noise: As `twin_noise.noise_frame` returns it.
    """
    by_name = noise.set_index("metric")
    with mpl.rc_context(STYLE):
        figure = new_figure(TEXT_WIDTH, 4.0)
        figure.set_layout_engine("constrained")
        grid = figure.subplots(2, 2, sharey="row", sharex="col", width_ratios=(1.7, 1))
        for row, (column, label) in enumerate((("std", "noise (points)"), ("noise_share", "noise (% of variance)"))):
            _draw_attacks(grid[row, 0], by_name, column)
            _draw_severities(grid[row, 1], by_name, column)
            grid[row, 0].set_ylabel(label)
            grid[row, 0].set_ylim(bottom=0)
        grid[0, 0].set_title("attacks")
        grid[0, 1].set_title("corruptions")
        grid[1, 0].set_xlabel("eps (1/255)")
        grid[1, 1].set_xlabel("severity")
        handles, labels = grid[0, 0].get_legend_handles_labels()
        if handles:
            grid[0, 0].legend(handles, labels, frameon=False, ncols=2, loc="best")
        freeze(figure)
    return figure


def levels_figure(levels: pd.DataFrame, titles: Mapping[str, str], pooled: Mapping[str, float]) -> Figure:
    """Draw the noise against accuracy, one panel per objective.

    Args:
        levels: As `twin_noise.noise_by_level` returns it.
        titles: Of the objectives to draw, by name.
        pooled: Their noise at all levels together, by name.
    """
    n_columns = min(3, len(titles))
    n_rows = math.ceil(len(titles) / n_columns)
    with mpl.rc_context(STYLE):
        figure = new_figure(TEXT_WIDTH, 1.7 * n_rows + 0.3)
        figure.set_layout_engine("constrained")
        panels = list(figure.subplots(n_rows, n_columns, squeeze=False).flat)
        for axes in panels[len(titles) :]:
            axes.remove()
        for axes, (name, title) in zip(panels, titles.items(), strict=False):
            _draw_levels(axes, levels[levels["metric"] == name])
            axes.axhline(100 * pooled[name], color=QUIET, linestyle=(0, (4, 3)), linewidth=0.9, zorder=1)
            axes.set_title(title)
        figure.supxlabel("mean accuracy of twins (%)", fontsize=8)
        figure.supylabel("noise (points)", fontsize=8)
        freeze(figure)
    return figure


def _draw_attacks(axes: Axes, by_name: pd.DataFrame, column: str) -> None:
    for place, source in enumerate(PAPER_ATTACKS):
        rows = _levels(by_name, source)
        rows = rows[rows["level"] <= _LARGEST_EPS]
        if len(rows):
            colour = PALETTE[place]
            axes.plot(rows["level"], 100 * rows[column], marker=_MARKERS[place], markersize=3, color=colour,
                      label=ATTACKS[source].title)  # fmt: skip
            if column == "std":
                axes.fill_between(rows["level"], 100 * rows["low"], 100 * rows["high"], color=colour, alpha=0.18, lw=0)
    _draw_clean(axes, by_name, column)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator(_TICKS))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.grid(color=QUIET, alpha=0.25, linewidth=0.5)


def _draw_severities(axes: Axes, by_name: pd.DataFrame, column: str) -> None:
    """Draw the mean over the corruptions, with every corruption behind it in grey."""
    for source in CORRUPTIONS:
        rows = _levels(by_name, source)
        if len(rows):
            axes.plot(rows["level"], 100 * rows[column], color=QUIET, alpha=0.5, linewidth=0.7)
    means = [
        (severity, f"corruption@{severity}") for severity in SEVERITIES if f"corruption@{severity}" in by_name.index
    ]
    if means:
        rows = by_name.loc[[name for _, name in means]]
        x = [severity for severity, _ in means]
        axes.plot(x, 100 * rows[column], "-o", markersize=3, color=PALETTE[4])
        if column == "std":
            axes.fill_between(x, 100 * rows["low"], 100 * rows["high"], color=PALETTE[4], alpha=0.25, lw=0)
    _draw_clean(axes, by_name, column)
    axes.set_xticks(list(SEVERITIES))
    axes.grid(color=QUIET, alpha=0.25, linewidth=0.5)


def _draw_clean(axes: Axes, by_name: pd.DataFrame, column: str) -> None:
    if "clean" in by_name.index:
        value = 100 * float(np.asarray(by_name.loc["clean", column]))
        axes.axhline(value, color=INK, linestyle=(0, (4, 3)), linewidth=0.9, label="clean")


def _levels(by_name: pd.DataFrame, source: str) -> pd.DataFrame:
    """Return the metrics of one attack or corruption with their level, in order."""
    names = [name for name in by_name.index if not str(name).startswith("corruption@") and name != "corruption"]
    metrics = [metric for metric in map(Metric.parse, names) if metric.kind == source]
    rows = by_name.loc[[str(metric) for metric in metrics]]
    return rows.assign(level=[metric.level or 0.0 for metric in metrics]).sort_values("level")


def _draw_levels(axes: Axes, rows: pd.DataFrame) -> None:
    x, std = 100 * rows["mean"].to_numpy(dtype=float), 100 * rows["std"].to_numpy(dtype=float)
    below, above = std - 100 * rows["low"].to_numpy(dtype=float), 100 * rows["high"].to_numpy(dtype=float) - std
    errors = np.nan_to_num(np.maximum([below, above], 0.0))
    axes.errorbar(x, std, yerr=errors, fmt="-o", color=PALETTE[0], markersize=3, elinewidth=0.9, capsize=2)
    axes.set_ylim(bottom=0)
    axes.grid(color=QUIET, alpha=0.25, linewidth=0.5)
