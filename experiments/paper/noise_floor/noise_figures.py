"""Figures of the noise floor: by metric, and by accuracy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from experiments.pages.figure_style import GREY, PALETTE
from experiments.pages.panels import LEVEL, label_all, light_grid, line_styles, name_lines, named_level, panels
from robustnas.metric import ATTACKS, CORRUPTIONS, PAPER_ATTACKS, SEVERITIES, Metric

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_TICKS = (0.1, 0.5, 1.0, 2.0, 4.0, 8.0)
_LARGEST_EPS = 16.0  # beyond, the image is gone, and what is left is noise that would set the scale of the figure
_MARKERS = ("o", "s", "^", "D")

Ends = dict[str, tuple[float, float]]
"""Where lines end, by the name to write there."""


def metrics_figure(noise: pd.DataFrame) -> Figure:
    """Draw the noise and its share of the variance against eps, one line per attack, and against severity.

    Args:
        noise: As `twin_noise.noise_frame` returns it.
    """
    by_name = noise.set_index("metric")
    rows = (("std", "noise (points)"), ("noise_share", "noise (% of variance)"))
    shared: Any = {"sharey": "row", "sharex": "col", "width_ratios": (1.7, 1)}
    with panels(4, 2, row=2.0, rest=0.0, **shared) as (figure, grid):
        for (column, label), attacks, corruptions in zip(rows, grid[::2], grid[1::2], strict=True):
            ends = _draw_attacks(attacks, by_name, column), _draw_severities(corruptions, by_name, column)
            attacks.set_ylabel(label)
            attacks.set_ylim(bottom=0)
            for axes, named in zip((attacks, corruptions), ends, strict=True):
                name_lines(axes, named, {name: {"color": GREY} for name in named})
        grid[0].set_title("attacks")
        grid[1].set_title("corruptions")
        grid[2].set_xlabel("eps (1/255)")
        grid[3].set_xlabel("severity")
    return figure


def levels_figure(levels: pd.DataFrame, titles: Mapping[str, str], pooled: Mapping[str, float]) -> Figure:
    """Draw the noise against accuracy, one panel per objective.

    Args:
        levels: As `twin_noise.noise_by_level` returns it.
        titles: Of the objectives to draw, by name.
        pooled: Their noise at all levels together, by name.
    """
    with panels(len(titles), min(3, len(titles)), row=1.7, rest=0.3) as (figure, grid):
        for axes, (name, title) in zip(grid, titles.items(), strict=True):
            _draw_levels(axes, levels[levels["metric"] == name])
            axes.axhline(100 * pooled[name], **LEVEL)
            axes.set_title(title)
        label_all(figure, "mean accuracy of twins (%)", "noise (points)")
    return figure


def _draw_attacks(axes: Axes, by_name: pd.DataFrame, column: str) -> Ends:
    """Draw a line per attack; return where lines end, by name."""
    ends: Ends = {}
    styles = line_styles([ATTACKS[source].title for source in PAPER_ATTACKS])
    for place, source in enumerate(PAPER_ATTACKS):
        rows, title = _levels(by_name, source), ATTACKS[source].title
        rows = rows[rows["level"] <= _LARGEST_EPS]
        if len(rows):
            style = styles[title]
            axes.plot(rows["level"], 100 * rows[column], marker=_MARKERS[place], markersize=3, label=title, **style)
            ends[title] = _end(rows["level"], rows[column])
            if column == "std":
                band: Any = {"color": style["color"], "alpha": 0.18, "lw": 0}
                axes.fill_between(rows["level"], 100 * rows["low"], 100 * rows["high"], **band)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator(_TICKS))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    _draw_clean(axes, by_name, column)
    light_grid(axes)
    return ends


def _draw_severities(axes: Axes, by_name: pd.DataFrame, column: str) -> Ends:
    """Draw the mean over the corruptions, with every corruption behind it in grey; return where named lines end.

    Named are the mean, and the corruptions of the largest and the smallest value at the last severity.
    """
    single: Ends = {}
    for source in CORRUPTIONS:
        rows = _levels(by_name, source)
        if len(rows):
            axes.plot(rows["level"], 100 * rows[column], color=GREY, alpha=0.5, linewidth=0.7)
            single[source.replace("_", " ")] = _end(rows["level"], rows[column])
    ordered = sorted(single, key=lambda name: single[name][1])
    ends = {name: single[name] for name in (*ordered[:1], *ordered[-1:])}
    means = [
        (severity, f"corruption@{severity}") for severity in SEVERITIES if f"corruption@{severity}" in by_name.index
    ]
    if means:
        rows = by_name.loc[[name for _, name in means]]
        x = [severity for severity, _ in means]
        axes.plot(x, 100 * rows[column], "-o", markersize=3, color=PALETTE[4])
        ends["mean of all"] = _end(pd.Series(x, dtype=float), rows[column])
        if column == "std":
            axes.fill_between(x, 100 * rows["low"], 100 * rows["high"], color=PALETTE[4], alpha=0.25, lw=0)
    _draw_clean(axes, by_name, column)
    axes.set_xticks(list(SEVERITIES))
    light_grid(axes)
    return ends


def _end(x: pd.Series[float], y: pd.Series[float]) -> tuple[float, float]:
    return float(x.iloc[-1]), 100 * float(y.iloc[-1])


def _draw_clean(axes: Axes, by_name: pd.DataFrame, column: str) -> None:
    if "clean" in by_name.index:
        named_level(axes, 100 * float(np.asarray(by_name.loc["clean", column])), "clean", (2, 1.5))


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
    light_grid(axes)
