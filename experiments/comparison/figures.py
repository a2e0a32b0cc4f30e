"""Figures of a comparison, fit for a paper: one style, one colour per searcher, text of 7 points and more.

Every function returns a matplotlib `Figure` of its own; nothing touches pyplot's global state.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.text import Annotation
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullFormatter, NullLocator

from experiments.comparison import analysis
from experiments.comparison.analysis import POINTS
from experiments.comparison.cost import cost_curves
from experiments.comparison.records import Records, Target
from experiments.comparison.reported import ReportedValues, reported_curves, reported_hours
from experiments.comparison.simulated_time import hours_curves
from experiments.pages.figure_style import GREY, QUIET
from experiments.pages.panels import (
    label_all,
    legend_above,
    light_grid,
    line_styles,
    name_lines,
    named_at_lines,
    named_level,
    standard_panels,
)
from experiments.pages.table import number
from experiments.pages.ticks import tick_text, ticks_between
from robustnas.arrays import FloatArray
from robustnas.objectives import suite_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_TITLE_WIDTH = 34  # characters that fit over a panel
_LEAST_LACKING = 1e-4  # of a hypervolume: less is drawn as this
_FIRST_QUERY = 10
_MOST_BANDS = 4
_BAND_SHADE, _FLOOR_SHADE = 0.2, 0.13
_LOG_FROM = 2.0  # noise floors: an axis that ends below is linear
_LINEAR_SHARE = 0.5  # the height of the linear part of an axis, in that of its logarithmic part
_X_LABELS = {
    "n_queries": "distinct networks queried",
    "hours": "simulated hours",
    "cost": "forward and backward passes per test image",
}
_CURVES = {"n_queries": analysis.regret_curves, "hours": hours_curves, "cost": cost_curves}


def regret_figure(records: Records, against: str = "n_queries") -> Figure | None:
    """Draw regret against queries, one panel per objective: mean over seeds, and of up to four searchers its interval.

    The noise floor is shaded: below it, two networks can't be distinguished, and the axis is linear. It begins with the
    tenth query. Multi-objective entries are left out (`hypervolume_figure`). None if nothing is left.

    Args:
        records: What was run.
        against: ``n_queries``, ``hours`` of simulated time, or ``cost`` where searchers pay differently.
    """
    return _curves_figure(records, against, _draw_regret, multi=False)


def hypervolume_figure(records: Records, against: str = "n_queries") -> Figure | None:
    """Draw the hypervolume that the front so far lacks, one panel per multi-objective entry; None without any."""
    return _curves_figure(records, against, _draw_hypervolume, multi=True, whole=True)


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
    shown = factor * _shown(group, records)[["mean", *(("ci_low", "ci_high") if _has_bands(records) else ())]]
    known = shown.to_numpy(dtype=float)[np.isfinite(shown.to_numpy(dtype=float))]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    margin = 0.05 * (high - low) or 1.0
    low, high = low - margin, high + margin
    axes.set_ylim(low, high)
    _draw_curves(axes, group, factor, records)
    best = factor * target.best
    if low <= best <= high + 0.5 * (high - low):
        axes.set_ylim(low, max(high, best + 0.12 * (high - low)))
        named_level(axes, best, "best of the table", (1, 2))


def _curves_figure(
    records: Records,
    against: str,
    draw: Callable[[Axes, pd.DataFrame, Target, Records], None],
    *,
    multi: bool,
    whole: bool = False,
) -> Figure | None:
    curves = _CURVES[against](records)
    finished = set(curves["objective"])
    targets = [target for name, target in records.targets.items() if name in finished and target.is_multi == multi]
    if not targets:
        return None
    with standard_panels(len(targets), whole=whole) as (figure, shown):
        for axes, target in zip(shown, targets, strict=True):
            axes.set_title(target.title)
            draw(axes, curves[curves["objective"] == target.name], target, records)
        finish(figure, records, _X_LABELS[against])
    return figure


def _draw_hypervolume(axes: Axes, group: pd.DataFrame, target: Target, records: Records) -> None:
    """Draw what the front lacks of the table's, on a log axis."""
    name = suite_name(target.name)
    axes.set_title(name or textwrap.fill(target.title, _TITLE_WIDTH, max_lines=2, placeholder=" …"))
    axes.set_ylabel("1 - normalised hypervolume")
    shown = _shown(group, records)["mean"].to_numpy()
    positive = shown[shown > 0]
    bottom = 0.0
    if len(positive):
        bottom = max(0.6 * float(positive.min()), _LEAST_LACKING)
        axes.set_yscale("log")
        axes.set_ylim(bottom, min(1.0, 1.5 * float(positive.max())))
        _plain_log_ticks(axes)
    _draw_curves(axes, group, 1.0, records, bottom)


def _draw_regret(axes: Axes, group: pd.DataFrame, target: Target, records: Records) -> None:
    """Draw regret, linear below the noise floor and on a log scale above it; the floor is shaded."""
    percent = target.scale == "accuracy"
    factor = 100.0 if percent else 1.0
    axes.set_ylabel("regret (points)" if percent else "regret")
    shown = _shown(group, records)[["mean", "ci_high"] if _has_bands(records) else ["mean"]].to_numpy(dtype=float)
    most = factor * float(np.nanmax(shown, initial=0.0))
    floor = 0.0 if math.isnan(target.noise_floor) else factor * target.noise_floor  # zero for costs: they have no noise
    _regret_axis(axes, most, floor)
    if floor > 0:
        axes.axhspan(0.0, floor, color=GREY, alpha=_FLOOR_SHADE, linewidth=0, zorder=0, label="_floor")
        _name_floor(axes, f"{target.floor} {number(target.noise_floor, target.scale)}")
    _draw_curves(axes, group, factor, records)


def _regret_axis(axes: Axes, most: float, floor: float) -> None:
    """Set limits and scale: from zero, and where regrets reach above the noise floor, logarithmic from there on.

    Args:
        axes: Where.
        most: The largest regret that is shown.
        floor: The noise floor; 0 for none, and the axis is then linear up to a hundredth of the largest regret.
    """
    top = max(1.06 * most, 1.2 * floor) or 1.0
    linear = floor if floor > 0 else top / 100
    if top > _LOG_FROM * linear:
        decades = math.log10(top / linear)
        axes.set_yscale("symlog", linthresh=linear, linscale=_LINEAR_SHARE * decades)
        axes.yaxis.set_major_locator(FixedLocator([0.0, *ticks_between(linear, top)]))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter(FuncFormatter(tick_text))
    axes.set_ylim(0.0, top)


def _name_floor(axes: Axes, name: str) -> None:
    """Write the name of the noise floor into its shade, where few lines are: at few queries and no regret."""
    axes.text(0.02, 0.02, name, transform=axes.transAxes, color=QUIET, fontsize=7, va="bottom", ha="left", zorder=4)


def _against(group: pd.DataFrame) -> str:
    return next(name for name in ("hours", "cost", "n_queries") if name in group)


def _shown(group: pd.DataFrame, records: Records) -> pd.DataFrame:
    """Return the part of curves that is drawn: from ten queries on, or the last thirtieth of a budget on.

    The first queries are drawn at random by every searcher; on a log axis they would take the room of what differs.
    """
    x = group[_against(group)].to_numpy(dtype=float)
    first = _first_query(records) if "n_queries" in group else x.max() / (POINTS[-1] / _FIRST_QUERY)
    return group.loc[x >= first]


def _first_query(records: Records) -> int:
    return _FIRST_QUERY if records.budget >= 2 * _FIRST_QUERY else 1


def interval_text(records: Records) -> str:
    """Return what the caption of curves says of intervals: nothing where none are drawn."""
    return " and its 95 % bootstrap interval" if _has_bands(records) else ""


def _has_bands(records: Records) -> bool:
    """Return whether intervals are drawn: more bands than a few hide each other, and the lines."""
    return len(_finished(records)) <= _MOST_BANDS


def _finished(records: Records) -> list[str]:
    finished = {searcher for _, searcher in records.curves}
    return [name for name in records.searchers if name in finished]


def _draw_curves(axes: Axes, group: pd.DataFrame, factor: float, records: Records, bottom: float | None = None) -> None:
    """Draw the mean of every searcher of one objective, its interval and its name; below `bottom` is drawn on it."""
    against = _against(group)
    _limit_x(axes, _shown(group, records)[against].to_numpy(), against, records)
    styles, ends = line_styles(records.searchers), {}
    for searcher, style in styles.items():
        lines = group[group["searcher"] == searcher]
        x = lines[against].to_numpy()
        low, mean, high = (factor * lines[name].to_numpy() for name in ("ci_low", "mean", "ci_high"))
        if bottom is not None:
            low, mean, high = (np.maximum(values, bottom) for values in (low, mean, high))
        if len(x):
            axes.plot(x, mean, label=searcher, marker="o" if len(x) == 1 else None, markersize=3, zorder=3, **style)
            if _has_bands(records):
                axes.fill_between(x, low, high, color=style["color"], alpha=_BAND_SHADE, linewidth=0, zorder=2)
        known = np.flatnonzero(np.isfinite(mean))
        if len(known):
            ends[searcher] = (float(x[known[-1]]), float(mean[known[-1]]))
    light_grid(axes)
    if named_at_lines(_finished(records)):
        name_lines(axes, ends, styles)


def _limit_x(axes: Axes, x: FloatArray, against: str, records: Records) -> None:
    if against != "n_queries":
        _log_axis(axes, x)
    elif records.budget >= 2 * _FIRST_QUERY:
        axes.set_xscale("log")
        axes.set_xlim(_FIRST_QUERY, records.budget)
        _plain_log_ticks(axes, x_only=True, last=records.budget)
    else:
        axes.set_xticks(range(1, records.budget + 1, math.ceil(records.budget / 6)))
        axes.set_xlim(0.8, records.budget + 0.2)


def _log_axis(axes: Axes, x: FloatArray) -> None:
    if len(x) and x.min() < x.max():
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
        round_numbers = [float(step * 10**k) for k in range(int(math.log10(last)) + 1) for step in (1, 3)]
        axis.set_ticks([*(tick for tick in round_numbers if _FIRST_QUERY <= tick < last / 1.6), float(last)])
    axis.set_minor_locator(NullLocator())
    axis.set_minor_formatter(NullFormatter())
    axis.set_major_formatter(FuncFormatter(tick_text))


def finish(figure: Figure, records: Records, x_label: str = _X_LABELS["n_queries"]) -> None:
    """Add the label below all panels, and a legend of searchers where no line has its name at its end."""
    label_all(figure, x_label)
    if not any(isinstance(text, Annotation) and text.arrowprops for axes in figure.axes for text in axes.texts):
        legend_above(figure, line_styles(records.searchers), _finished(records))
