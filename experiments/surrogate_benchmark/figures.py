"""Figures of a benchmark of surrogates: one colour per surrogate, one panel per objective and encoding.

Every function returns a matplotlib `Figure` of its own; nothing touches pyplot's global state.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.ticker import FuncFormatter, NullFormatter, NullLocator

from experiments.pages.feature_titles import feature_group
from experiments.pages.figure_style import COLUMN_WIDTH, GREY, PALETTE, TEXT_WIDTH
from experiments.pages.panels import (
    label_all,
    legend_above,
    light_grid,
    line_styles,
    named_level,
    panels,
    shortened,
)
from experiments.surrogate_benchmark.records import SurrogateRecords, learning_curves, mean_importances
from experiments.surrogate_benchmark.tables import best_explained
from surrogates.metrics import NOMINAL_COVERAGES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST_COLUMNS = 4
_N_FEATURES = 15
_MOST_DOTS = 5
_LOWEST_TAU = -0.05  # a model that fails is cut off rather than squeezing all others

Panel = tuple[str, str]
Draw = Callable[["Axes", Panel], None]


def learning_figure(records: SurrogateRecords) -> Figure:
    """Draw Kendall tau against the size of the training set: mean over trials, and the ceiling.

    Of up to five trials each is a dot; of more, the mean has its 95 % interval.
    """
    curves = learning_curves(records)
    sizes = sorted({int(size) for size in records.rows["train_size"]})
    lowest = float(np.nanmin([*curves["mean"], *curves["ci_low"], 1.0]))
    bottom = max(0.1 * math.floor(10 * lowest), _LOWEST_TAU)

    def draw(axes: Axes, panel: Panel) -> None:
        _draw_curves(axes, _of(curves, panel), records, panel)
        _draw_ceiling(axes, records.ceiling(panel[0]))
        _size_axis(axes, sizes)
        axes.set_ylim(bottom, 1.0)

    return _grid(records, draw, "training networks", "Kendall tau")


def calibration_figure(records: SurrogateRecords) -> Figure:
    """Draw observed less nominal coverage of predictive intervals, in points, at the largest training set."""
    curves = {level: learning_curves(records, f"coverage_{100 * level:.0f}") for level in NOMINAL_COVERAGES}
    errors = [100 * (curve["mean"] - level) for level, curve in curves.items()]
    most = max(5.0, 1.1 * max(float(np.nanmax(np.abs(each), initial=0.0)) for each in errors))

    def draw(axes: Axes, panel: Panel) -> None:
        named_level(axes, 0.0, "as nominal", (2, 1.5))
        for surrogate, style in line_styles(records.manifest["surrogates"]).items():
            size = records.largest(panel[0])
            excess = [_coverage(curves[level], panel, surrogate, size) - 100 * level for level in NOMINAL_COVERAGES]
            axes.plot([100 * level for level in NOMINAL_COVERAGES], excess, marker="o", markersize=3, zorder=3, **style)
        axes.set_xlim(45, 100)
        axes.set_ylim(-most, most)
        axes.set_xticks([100 * level for level in NOMINAL_COVERAGES])
        axes.yaxis.set_major_formatter(FuncFormatter(_signed))
        light_grid(axes)

    return _grid(records, draw, "nominal coverage (%)", "observed less nominal (points)")


def importances_figure(records: SurrogateRecords) -> Figure | None:
    """Draw the 15 features that count most for the best pair of each objective, in groups of one kind.

    A group is headed by what all of its features count together. None where no model has importances.
    """
    explained = [(objective, best_explained(records, objective)) for objective in records.objectives]
    found = [(objective, pair) for objective, pair in explained if pair is not None]
    if not found:
        return None
    grouped = [
        grouped_importances(mean_importances(records, objective, pair), _N_FEATURES) for objective, pair in found
    ]
    rows = [sum(1 + len(group.features) for group in groups) for groups in grouped]
    heights: Any = {"height_ratios": rows}
    with panels(len(found), 1, row=0.155 * sum(rows) / len(rows) + 0.4, rest=0.25, **heights) as (figure, grid):
        for axes, groups, (objective, pair) in zip(grid, grouped, found, strict=True):
            _draw_groups(axes, groups)
            axes.set_title(f"{records.title(objective)}: {pair[0]} on {pair[1]}")
        label_all(figure, "share of the importance of all features (%)")
    return figure


class FeatureGroup(NamedTuple):
    """Features of one kind that count: their share of all importance together, and those of them that count most."""

    title: str
    share: float
    features: tuple[tuple[str, float, float], ...]  # title, mean share, standard deviation over trials (NaN for one)


def grouped_importances(frame: pd.DataFrame, n: int) -> list[FeatureGroup]:
    """Return the n most important features by kind, kinds by what all of their features count.

    Args:
        frame: As `mean_importances` returns it, of all features.
        n: Features to name.
    """
    named = {i: feature_group(str(name)) for i, name in frame["feature"].items()}
    kinds = pd.Series({i: kind for i, (kind, _) in named.items()})
    totals = frame["mean"].groupby(kinds).sum()
    shown = frame.sort_values("mean", ascending=False, kind="stable").head(n).index
    rows = {
        kind: tuple((named[i][1], float(frame["mean"][i]), float(frame["std"][i])) for i in shown if kinds[i] == kind)
        for kind in dict.fromkeys(kinds[shown])
    }
    groups = [FeatureGroup(str(kind), float(totals[kind]), features) for kind, features in rows.items()]
    return sorted(groups, key=lambda group: -group.share)


def _signed(value: float, _: int) -> str:
    return f"{value:+g}".replace("-", "−") if value else "0"


def _grid(records: SurrogateRecords, draw: Draw, x_label: str, y_label: str) -> Figure:
    """Return a figure with one panel per objective and encoding, one row or more per objective."""
    encodings = [name for name in records.manifest["encodings"] if any(pair[1] == name for pair in records.pairs)]
    shown = [(objective, name) for objective in records.objectives for name in encodings]
    n_columns = _n_columns(len(records.objectives), len(encodings))
    width, row = COLUMN_WIDTH if n_columns == 1 else TEXT_WIDTH, 2.1 if n_columns < 3 else 1.75
    with panels(len(shown), n_columns, row=row, rest=0.55, width=width, sharex=True, sharey=True) as (figure, grid):
        for axes, panel in zip(grid, shown, strict=True):
            draw(axes, panel)
            axes.set_title(_panel_title(records, panel, len(encodings)), fontsize=8 if n_columns < 4 else 7)
            axes.label_outer()
        label_all(figure, x_label, y_label)
        there = {pair[0] for pair in records.pairs}
        names = records.manifest["surrogates"]
        legend_above(figure, line_styles(names), [name for name in names if name in there])
    return figure


def _n_columns(n_objectives: int, n_encodings: int) -> int:
    """Return the number of panels in a row, so that an objective's panels fill whole rows where they can."""
    if n_encodings == 1:
        return {1: 1, 2: 2, 4: 2}.get(n_objectives, 3)
    if n_encodings <= _MOST_COLUMNS:
        return n_encodings
    return next((n for n in (4, 3) if n_encodings % n == 0), 3)


def _panel_title(records: SurrogateRecords, panel: Panel, n_encodings: int) -> str:
    title = records.title(panel[0])
    if n_encodings == 1:
        return title if len(records.objectives) > 1 else f"{title}\non {panel[1]}"
    return f"{title}\non {panel[1]}"


def _of(curves: pd.DataFrame, panel: Panel) -> pd.DataFrame:
    return curves[(curves["objective"] == panel[0]) & (curves["encoding"] == panel[1])]


def _coverage(curves: pd.DataFrame, panel: Panel, surrogate: str, size: int) -> float:
    group = _of(curves, panel)
    values = group.loc[(group["surrogate"] == surrogate) & (group["train_size"] == size), "mean"]
    return 100 * float(values.iloc[0]) if len(values) else math.nan


def _draw_curves(axes: Axes, group: pd.DataFrame, records: SurrogateRecords, panel: Panel) -> None:
    for surrogate, style in line_styles(records.manifest["surrogates"]).items():
        lines = group[group["surrogate"] == surrogate].sort_values("train_size")
        if lines.empty:
            continue
        x, mean = lines["train_size"].to_numpy(), lines["mean"].to_numpy()
        axes.plot(x, mean, zorder=3, **style)
        if lines["n_trials"].max() <= _MOST_DOTS:
            trials = _of(records.rows, panel)
            trials = trials[trials["surrogate"] == surrogate]
            axes.plot(trials["train_size"], trials["kendall_tau"], "o", markersize=2.5, alpha=0.7, color=style["color"])
            continue
        low, high = lines["ci_low"].fillna(lines["mean"]), lines["ci_high"].fillna(lines["mean"])
        axes.fill_between(x, low.to_numpy(), high.to_numpy(), color=style["color"], alpha=0.2, linewidth=0, zorder=2)
    light_grid(axes)


def _draw_ceiling(axes: Axes, ceiling: float) -> None:
    if not math.isnan(ceiling):
        named_level(axes, ceiling, f"noise ceiling {ceiling:.2f}", (2, 1.5))


def _size_axis(axes: Axes, sizes: Sequence[int]) -> None:
    axes.set_xscale("log")
    axes.set_xlim(sizes[0] / 1.12, sizes[-1] * 1.12)
    kept = [sizes[-1]]
    for size in reversed(sizes[:-1]):
        if kept[-1] >= 1.6 * size:
            kept.append(size)
    axes.set_xticks(kept, [str(size) for size in kept])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_minor_formatter(NullFormatter())


def _draw_groups(axes: Axes, groups: Sequence[FeatureGroup]) -> None:
    """Draw a bar for every group, and thinner ones for its features below it."""
    labels: list[str] = []
    for group in groups:
        axes.barh(len(labels), 100 * group.share, color=PALETTE[0], alpha=0.35, height=0.8, zorder=2)
        labels.append(f"{group.title.removesuffix(' of')}, in all")
        for title, share, spread in group.features:
            axes.barh(len(labels), 100 * share, color=PALETTE[0], height=0.5, zorder=2)
            if spread > 0:
                bar: Any = {"fmt": "none", "ecolor": GREY, "elinewidth": 0.8, "capsize": 1.5}
                axes.errorbar(100 * share, len(labels), xerr=100 * spread, **bar)
            labels.append(shortened(title))
    axes.set_yticks(range(len(labels)), labels)
    axes.set_xlim(left=0.0)
    axes.set_ylim(len(labels) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    light_grid(axes, "x")
