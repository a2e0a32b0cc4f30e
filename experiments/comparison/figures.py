"""Figures of a comparison, fit for a paper: one style, one colour per searcher, text of 7 points and more.

Every function returns a matplotlib `Figure` of its own; nothing touches pyplot's global state.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator

from experiments.comparison import analysis
from experiments.comparison.records import Records, Target
from experiments.pages.figure_style import COLUMN_WIDTH, PALETTE, QUIET, STYLE, TEXT_WIDTH, colours_of, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LINES = ("-", "--", "-.", ":")


def regret_figure(records: Records) -> Figure | None:
    """Draw regret against queries, one panel per objective: mean over seeds and its 95 % interval.

    The noise floor is a dashed line: below it, two networks can't be told apart. Multi-objective entries are left out
    (`hypervolume_figure`). None if nothing is left.
    """
    curves = analysis.regret_curves(records)
    targets = _present(records, curves, multi=False)
    if not targets:
        return None
    with mpl.rc_context(STYLE):
        figure, shown = new_panels(len(targets))
        for axes, target in zip(shown, targets, strict=True):
            _draw_regret(axes, curves[curves["objective"] == target.name], target, records)
        finish(figure, records)
    return figure


def hypervolume_figure(records: Records) -> Figure | None:
    """Draw the normalised hypervolume of the front so far, one panel per multi-objective entry; None without any."""
    curves = analysis.regret_curves(records)
    targets = _present(records, curves, multi=True)
    if not targets:
        return None
    with mpl.rc_context(STYLE):
        figure, shown = new_panels(len(targets))
        for axes, target in zip(shown, targets, strict=True):
            group = curves[curves["objective"] == target.name].copy()
            best = analysis.reference(records, target.name)
            for name in ("mean", "ci_low", "ci_high"):
                group[name] = best - group[name]
            _draw_curves(axes, group, 1.0, records)
            axes.set_title(target.title)
            axes.set_ylabel("normalised hypervolume")
        finish(figure, records)
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
    with mpl.rc_context(STYLE):
        figure = new_figure(TEXT_WIDTH, 0.75 + 0.2 * max(len(means), 6))
        _draw_heat(figure.add_subplot(), means, 100 * (np.array(best) - means.to_numpy()), records)
    return figure


def _present(records: Records, curves: pd.DataFrame, *, multi: bool) -> list[Target]:
    finished = set(curves["objective"])
    return [target for name, target in records.targets.items() if name in finished and target.is_multi == multi]


def new_panels(n: int, *, share_y: bool = False) -> tuple[Figure, list[Axes]]:
    """Return a figure with n panels, at most three in a row, and its axes."""
    n_columns = n if n <= 3 else (2 if n == 4 else 3)
    n_rows = math.ceil(n / n_columns)
    width = COLUMN_WIDTH if n_columns == 1 else TEXT_WIDTH
    figure = new_figure(width, 0.35 + (2.15 if n_columns == 1 else 2.0) * n_rows)
    figure.set_layout_engine("constrained")
    grid = figure.subplots(n_rows, n_columns, squeeze=False, sharey=share_y)
    panels = list(grid.flat)
    for axes in panels[n:]:
        axes.remove()
    return figure, panels[:n]


def _draw_regret(axes: Axes, group: pd.DataFrame, target: Target, records: Records) -> None:
    percent = target.scale == "accuracy"
    factor = 100.0 if percent else 1.0
    axes.set_title(target.title)
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
        _draw_floor(axes, floor)


def _draw_floor(axes: Axes, floor: float) -> None:
    axes.axhline(floor, color=QUIET, linestyle=(0, (4, 3)), linewidth=0.9, zorder=1)
    where: Any = {"xytext": (1, 2), "textcoords": "offset points", "va": "bottom", "ha": "left"}
    axes.annotate("noise floor", (0.0, floor), xycoords=("axes fraction", "data"), color=QUIET, fontsize=7, **where)


def _draw_curves(axes: Axes, group: pd.DataFrame, factor: float, records: Records, bottom: float | None = None) -> None:
    """Draw mean and band of every searcher of one objective; values below `bottom` are drawn on it."""
    for searcher in records.searchers:
        lines = group[group["searcher"] == searcher]
        x = lines["n_queries"].to_numpy()
        low, mean, high = (factor * lines[name].to_numpy() for name in ("ci_low", "mean", "ci_high"))
        if bottom is not None:
            low, mean, high = (np.maximum(values, bottom) for values in (low, mean, high))
        style = _line_style(searcher, records)
        if len(x):
            axes.plot(x, mean, label=searcher, marker="o" if len(x) == 1 else None, markersize=3, zorder=3, **style)
            axes.fill_between(x, low, high, color=style["color"], alpha=0.2, linewidth=0, zorder=2)
    if records.budget >= 20:
        axes.set_xscale("log")
        axes.set_xlim(1, records.budget)
        _plain_log_ticks(axes, x_only=True, last=records.budget)
    else:
        axes.set_xticks(range(1, records.budget + 1, math.ceil(records.budget / 6)))
        axes.set_xlim(0.8, records.budget + 0.2)
    axes.grid(color=QUIET, alpha=0.25, linewidth=0.5)


def _line_style(searcher: str, records: Records) -> Any:
    """Return colour and dashes, which belong to a searcher's place in the plan."""
    dashes = _LINES[records.searchers.index(searcher) // len(PALETTE) % len(_LINES)]
    return {"color": colours_of(records.searchers)[searcher], "linestyle": dashes}


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


def finish(figure: Figure, records: Records, x_label: str = "distinct networks queried") -> None:
    """Add the label below all panels and the legend of searchers, and lay the figure out."""
    figure.supxlabel(x_label, fontsize=8)
    finished = {searcher for _, searcher in records.curves}
    shown = [name for name in records.searchers if name in finished]
    handles = [Line2D([], [], **_line_style(name, records)) for name in shown]
    n_columns = min(len(shown), 3 if figure.get_figwidth() < 4 else 6)
    legend: Any = {"loc": "outside upper center", "ncols": n_columns, "frameon": False, "handlelength": 1.6}
    figure.legend(handles, shown, **legend)
    _freeze(figure)


def _freeze(figure: Figure) -> None:
    """Lay the figure out now and for good, instead of once for every format."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")


def _draw_heat(axes: Axes, means: pd.DataFrame, distance: np.ndarray[Any, Any], records: Records) -> None:
    """Draw means in percent over a shade for the distance to the best of the table in points."""
    most = max(float(np.nanmax(distance)), 0.01)
    values = means.to_numpy(dtype=float)
    shades = PowerNorm(0.5, vmin=0.0, vmax=3 * most)  # light enough for black text, fine steps near the best
    image = axes.imshow(np.maximum(distance, 0.0), cmap="Blues", norm=shades, aspect="auto")
    for i, j in np.ndindex(*distance.shape):
        value = values[i, j]
        if not math.isnan(value):
            axes.text(j, i, f"{100 * value:.2f}", ha="center", va="center", fontsize=7, color="#000000")
    titles = [records.metrics.get(str(name), Target("", str(name))).title for name in means.columns]
    axes.set_xticks(range(len(titles)), [title.replace(", ", "\n", 1) for title in titles])
    axes.xaxis.tick_top()
    axes.set_yticks(range(len(means)), [_row_name(key, records) for key in means.index])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    changes = [i for i in range(1, len(means)) if means.index[i][0] != means.index[i - 1][0]]
    for i in changes:
        axes.axhline(i - 0.5, color="#ffffff", linewidth=2.5)
    figure = axes.get_figure()
    assert isinstance(figure, Figure)
    figure.set_layout_engine("constrained")
    bar = figure.colorbar(image, ax=axes, pad=0.01, fraction=0.03)
    bar.set_label("points below best")
    bar.ax.set_ylim(0.0, most)
    _freeze(figure)


def _row_name(key: Any, records: Records) -> str:
    objective, searcher = key
    return f"{records.targets[objective].title}: {searcher}"
