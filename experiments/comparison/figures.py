"""Figures of a comparison, fit for a paper: one style, one colour per searcher, text of 7 points and more.

Every function returns a matplotlib `Figure` of its own; nothing touches pyplot's global state.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.colors import PowerNorm
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator

from experiments.comparison import analysis
from experiments.comparison.cost import cost_curves
from experiments.comparison.records import Records, Target
from experiments.comparison.reported import ReportedValues, reported_curves, reported_hours
from experiments.comparison.simulated_time import hours_curves
from experiments.pages.figure_style import PALETTE
from experiments.pages.heat_map import draw_heat_map
from experiments.pages.panels import (
    label_all,
    legend_above,
    light_grid,
    line_styles,
    named_level,
    one_panel,
    shortened,
    standard_panels,
)
from robustnas.arrays import FloatArray
from robustnas.objectives import suite_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_TITLE_WIDTH = 34  # characters that fit over a panel
_LEAST_LACKING = 1e-4  # of a hypervolume: less is drawn as this
_X_LABELS = {
    "n_queries": "distinct networks queried",
    "hours": "simulated hours",
    "cost": "forward and backward passes per test image",
}
_CURVES = {"n_queries": analysis.regret_curves, "hours": hours_curves, "cost": cost_curves}


def regret_figure(records: Records, against: str = "n_queries") -> Figure | None:
    """Draw regret against queries, one panel per objective: mean over seeds and its 95 % interval.

    The noise floor is a dashed line: below it, two networks can't be distinguished. Multi-objective entries are left
    out (`hypervolume_figure`). None if nothing is left.

    Args:
        records: What was run.
        against: ``n_queries``, ``hours`` of simulated time, or ``cost`` where searchers pay differently.
    """
    return _curves_figure(records, against, _draw_regret, multi=False)


def hypervolume_figure(records: Records, against: str = "n_queries") -> Figure | None:
    """Draw the hypervolume that the front so far lacks, one panel per multi-objective entry; None without any."""
    return _curves_figure(records, against, _draw_hypervolume, multi=True)


def reported_figure(records: Records, reported: ReportedValues, against: str = "n_queries") -> Figure | None:
    """Draw what the networks found score on each term reported, one panel per objective searched and term.

    The dashed line is the best of the term's table. None if nothing is reported.
    """
    curves = (reported_curves if against == "n_queries" else reported_hours)(records, reported)
    shown = curves[["objective", "term"]].drop_duplicates().sort_values(["objective", "term"]).to_numpy().tolist()
    if not shown:
        return None
    with standard_panels(len(shown)) as (figure, grid):
        for axes, (objective, term) in zip(grid, shown, strict=True):
            target = reported.terms[term]
            searched = textwrap.shorten(f"searched: {records.targets[objective].title}", _TITLE_WIDTH, placeholder=" …")
            axes.set_title(f"{target.title}\n{searched}")
            group = curves[(curves["objective"] == objective) & (curves["term"] == term)]
            _draw_reported(axes, group, target, records)
        finish(figure, records, _X_LABELS[against])
    return figure


def _draw_reported(axes: Axes, group: pd.DataFrame, target: Target, records: Records) -> None:
    factor = 100.0 if target.scale == "accuracy" else 1.0
    axes.set_ylabel("accuracy (%)" if target.scale == "accuracy" else "value")
    _draw_curves(axes, group, factor, records)
    low, high = axes.get_ylim()
    best = factor * target.best
    if low <= best <= high + 0.5 * (high - low):
        axes.set_ylim(low, max(high, best + 0.12 * (high - low)))
        named_level(axes, best, "best of the table", (1, 2))


def _curves_figure(
    records: Records, against: str, draw: Callable[[Axes, pd.DataFrame, Target, Records], None], *, multi: bool
) -> Figure | None:
    curves = _CURVES[against](records)
    finished = set(curves["objective"])
    targets = [target for name, target in records.targets.items() if name in finished and target.is_multi == multi]
    if not targets:
        return None
    with standard_panels(len(targets)) as (figure, shown):
        for axes, target in zip(shown, targets, strict=True):
            axes.set_title(target.title)
            draw(axes, curves[curves["objective"] == target.name], target, records)
        finish(figure, records, _X_LABELS[against])
    return figure


def cross_evaluation_figure(records: Records) -> Figure | None:
    """Draw the cross-evaluation as a heat table: mean accuracy in percent, shaded by the distance to the best.

    None where there are fewer than two rows to compare.
    """
    table = analysis.cross_evaluation(records)
    if len(table) < 2:
        return None
    means = pd.DataFrame(table.xs("mean", axis=1, level="moment"))
    best = [records.metrics.get(str(name), Target("", "")).best for name in means.columns]
    best = [float(means.iloc[:, i].max()) if math.isnan(value) else value for i, value in enumerate(best)]
    with one_panel(0.75 + 0.2 * max(len(means), 6)) as (figure, axes):
        _draw_heat(figure, axes, means, 100 * (np.array(best) - means.to_numpy()), records)
    return figure


def _draw_hypervolume(axes: Axes, group: pd.DataFrame, target: Target, records: Records) -> None:
    """Draw what the front lacks of the table's, on a log axis; the intervals end where hypervolumes do, at 0 and 1."""
    name = suite_name(target.name)
    axes.set_title(name or textwrap.fill(target.title, _TITLE_WIDTH, max_lines=2, placeholder=" …"))
    axes.set_ylabel("1 - normalised hypervolume")
    lacking = group[["mean", "ci_low", "ci_high"]].clip(0.0, 1.0)
    positive = lacking["mean"][lacking["mean"] > 0]
    bottom = 0.0
    if len(positive):
        bottom = max(0.6 * float(positive.min()), _LEAST_LACKING)
        axes.set_yscale("log")
        axes.set_ylim(bottom, min(1.0, 1.5 * float(positive.max())))
        _plain_log_ticks(axes)
    _draw_curves(axes, group.assign(**lacking), 1.0, records, bottom)


def _draw_regret(axes: Axes, group: pd.DataFrame, target: Target, records: Records) -> None:
    percent = target.scale == "accuracy"
    factor = 100.0 if percent else 1.0
    axes.set_ylabel("regret (points)" if percent else "regret")
    means = factor * group["mean"].to_numpy()
    positive = means[means > 0]
    floor = factor * (target.noise_floor or math.nan)  # zero for costs, which have no noise
    if len(positive) and (math.isnan(floor) or positive.min() < 2 * floor) and positive.max() > 8 * positive.min():
        lowest = max(positive.min(), positive.max() / 1e4)
        axes.set_yscale("log")
        axes.set_ylim(0.6 * lowest if math.isnan(floor) else min(0.6 * lowest, 0.6 * floor), 1.5 * positive.max())
        _plain_log_ticks(axes)
        bottom = axes.get_ylim()[0]
    else:
        bottom = 0.0
    _draw_curves(axes, group, factor, records, bottom)
    if bottom == 0.0:
        axes.set_ylim(bottom=0.0)
    if not math.isnan(floor) and floor < axes.get_ylim()[1]:
        named_level(axes, floor, target.floor, (1, 2))


def _draw_curves(axes: Axes, group: pd.DataFrame, factor: float, records: Records, bottom: float | None = None) -> None:
    """Draw mean and band of every searcher of one objective; values below `bottom` are drawn on it."""
    against = next(name for name in ("hours", "cost", "n_queries") if name in group)
    shade = 0.2 if len(records.searchers) <= len(PALETTE) else 0.06  # many bands would hide the lines
    for searcher, style in line_styles(records.searchers).items():
        lines = group[group["searcher"] == searcher]
        x = lines[against].to_numpy()
        low, mean, high = (factor * lines[name].to_numpy() for name in ("ci_low", "mean", "ci_high"))
        if bottom is not None:
            low, mean, high = (np.maximum(values, bottom) for values in (low, mean, high))
        if len(x):
            axes.plot(x, mean, label=searcher, marker="o" if len(x) == 1 else None, markersize=3, zorder=3, **style)
            axes.fill_between(x, low, high, color=style["color"], alpha=shade, linewidth=0, zorder=2)
    if against != "n_queries":
        _log_axis(axes, group[against].to_numpy())
    elif records.budget >= 20:
        axes.set_xscale("log")
        axes.set_xlim(1, records.budget)
        _plain_log_ticks(axes, x_only=True, last=records.budget)
    else:
        axes.set_xticks(range(1, records.budget + 1, math.ceil(records.budget / 6)))
        axes.set_xlim(0.8, records.budget + 0.2)
    light_grid(axes)


def _log_axis(axes: Axes, x: FloatArray) -> None:
    if x.min() < x.max():
        axes.set_xscale("log")
        axes.set_xlim(x.min(), x.max())
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))


def _plain_log_ticks(axes: Axes, *, x_only: bool = False, last: int | None = None) -> None:
    axis = axes.xaxis if x_only else axes.yaxis
    if last is None:
        low, high = axes.get_ylim()
        axis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 60 * low else (1,)))
    else:
        decades = [float(10**k) for k in range(int(math.log10(last)) + 1)]
        axis.set_ticks([*(tick for tick in decades if tick < last / 1.6), float(last)])
    axis.set_minor_locator(NullLocator())
    axis.set_minor_formatter(NullFormatter())
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}" if value < 1e6 else f"{value:.0e}"))


def finish(figure: Figure, records: Records, x_label: str = _X_LABELS["n_queries"]) -> None:
    """Add the label below all panels and the legend of searchers."""
    label_all(figure, x_label)
    finished = {searcher for _, searcher in records.curves}
    shown = [name for name in records.searchers if name in finished]
    legend_above(figure, line_styles(records.searchers), shown)


def _draw_heat(
    figure: Figure, axes: Axes, means: pd.DataFrame, distance: np.ndarray[Any, Any], records: Records
) -> None:
    """Draw means in percent over a shade for the distance to the best of the table in points."""
    most = max(float(np.nanmax(distance)), 0.01)
    values = means.to_numpy(dtype=float)
    shades = PowerNorm(0.5, vmin=0.0, vmax=3 * most)  # light enough for black text, fine steps near the best
    titles = [records.metrics.get(str(name), Target("", str(name))).title for name in means.columns]
    image = draw_heat_map(
        axes,
        np.maximum(distance, 0.0),
        [_row_name(key, records) for key in means.index],
        [title.replace(", ", "\n", 1) for title in titles],
        norm=shades,
        written=100 * values,
        write=lambda value: f"{value:.2f}",
    )
    changes = [i for i in range(1, len(means)) if means.index[i][0] != means.index[i - 1][0]]
    for i in changes:
        axes.axhline(i - 0.5, color="#ffffff", linewidth=2.5)
    bar = figure.colorbar(image, ax=axes, pad=0.01, fraction=0.03)
    bar.set_label("points below best")
    bar.ax.set_ylim(0.0, most)


def _row_name(key: Any, records: Records) -> str:
    objective, searcher = key
    return shortened(f"{records.targets[objective].title}: {shortened(searcher)}", 80)
