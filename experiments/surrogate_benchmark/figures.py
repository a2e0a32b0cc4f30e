"""Figures of a benchmark of surrogates: one colour per surrogate, one panel per objective and encoding.

Every function returns a matplotlib `Figure` of its own; nothing touches pyplot's global state.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.ticker import NullFormatter, NullLocator

from experiments.pages.figure_style import COLUMN_WIDTH, PALETTE, QUIET, STYLE, TEXT_WIDTH, colours_of, new_figure
from experiments.surrogate_benchmark.records import SurrogateRecords, learning_curves, mean_importances
from experiments.surrogate_benchmark.tables import best_explained
from surrogates.metrics import NOMINAL_COVERAGES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LINES = ("-", "--", "-.", ":")
_MOST_COLUMNS = 4
_N_FEATURES = 15
_LOWEST_TAU = -0.05  # a model that fails is cut off rather than squeezing all others

Panel = tuple[str, str]
Draw = Callable[["Axes", Panel], None]


def learning_figure(records: SurrogateRecords) -> Figure:
    """Draw Kendall tau against the size of the training set: mean over trials, its 95 % interval, and the ceiling."""
    curves = learning_curves(records)
    sizes = sorted({int(size) for size in records.rows["train_size"]})
    lowest = float(np.nanmin([*curves["mean"], *curves["ci_low"], 1.0]))
    bottom = max(0.1 * math.floor(10 * lowest), _LOWEST_TAU)

    def draw(axes: Axes, panel: Panel) -> None:
        _draw_curves(axes, _of(curves, panel), records)
        _draw_ceiling(axes, records.ceiling(panel[0]))
        _size_axis(axes, sizes)
        axes.set_ylim(bottom, 1.0)

    return _grid(records, draw, "training networks", "Kendall tau")


def calibration_figure(records: SurrogateRecords) -> Figure:
    """Draw how many test scores lie in the predicted intervals against how many should, at the largest training set."""
    curves = {level: learning_curves(records, f"coverage_{100 * level:.0f}") for level in NOMINAL_COVERAGES}
    lowest = min(float(curve["mean"].min()) for curve in curves.values())

    def draw(axes: Axes, panel: Panel) -> None:
        axes.plot([0, 100], [0, 100], color=QUIET, linestyle=(0, (4, 3)), linewidth=0.9, zorder=1)
        for surrogate in records.manifest["surrogates"]:
            observed = [
                _coverage(curves[level], panel, surrogate, records.largest(panel[0])) for level in NOMINAL_COVERAGES
            ]
            nominal = [100 * level for level in NOMINAL_COVERAGES]
            axes.plot(nominal, observed, marker="o", markersize=3, zorder=3, **_style(surrogate, records))
        axes.set_xlim(40, 100)
        axes.set_ylim(min(10 * math.floor(10 * lowest), 40), 100)
        axes.set_xticks([100 * level for level in NOMINAL_COVERAGES])
        axes.grid(color=QUIET, alpha=0.25, linewidth=0.5)

    return _grid(records, draw, "nominal coverage (%)", "observed (%)")


def importances_figure(records: SurrogateRecords) -> Figure | None:
    """Draw the 15 features that count most for the best pair of each objective; None where no model says so."""
    explained = [(objective, best_explained(records, objective)) for objective in records.objectives]
    found = [(objective, pair) for objective, pair in explained if pair is not None]
    if not found:
        return None
    with mpl.rc_context(STYLE):
        figure = new_figure(TEXT_WIDTH, 0.25 + 2.6 * len(found))
        figure.set_layout_engine("constrained")
        grid = figure.subplots(len(found), 1, squeeze=False)[:, 0]
        for axes, (objective, pair) in zip(grid, found, strict=True):
            _draw_bars(axes, mean_importances(records, objective, pair, _N_FEATURES))
            axes.set_title(f"{records.title(objective)}: {pair[0]} on {pair[1]}")
        figure.supxlabel("share of the importance of all features (%)", fontsize=8)
        _freeze(figure)
    return figure


def _grid(records: SurrogateRecords, draw: Draw, x_label: str, y_label: str) -> Figure:
    """Return a figure with one panel per objective and encoding, one row or more per objective."""
    encodings = [name for name in records.manifest["encodings"] if any(pair[1] == name for pair in records.pairs)]
    panels = [(objective, name) for objective in records.objectives for name in encodings]
    n_columns = _n_columns(len(records.objectives), len(encodings))
    n_rows = math.ceil(len(panels) / n_columns)
    with mpl.rc_context(STYLE):
        figure = new_figure(
            COLUMN_WIDTH if n_columns == 1 else TEXT_WIDTH, 0.55 + (2.1 if n_columns < 3 else 1.75) * n_rows
        )
        figure.set_layout_engine("constrained")
        grid = list(figure.subplots(n_rows, n_columns, squeeze=False, sharex=True, sharey=True).flat)
        for axes in grid[len(panels) :]:
            axes.remove()
        for axes, panel in zip(grid, panels, strict=False):
            draw(axes, panel)
            axes.set_title(_panel_title(records, panel, len(encodings)), fontsize=8 if n_columns < 4 else 7)
            axes.label_outer()
        figure.supxlabel(x_label, fontsize=8)
        figure.supylabel(y_label, fontsize=8)
        _legend(figure, records)
        _freeze(figure)
    return figure


def _n_columns(n_objectives: int, n_encodings: int) -> int:
    """Return how many panels stand in a row, so that an objective's panels fill whole rows where they can."""
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


def _draw_curves(axes: Axes, group: pd.DataFrame, records: SurrogateRecords) -> None:
    for surrogate in records.manifest["surrogates"]:
        lines = group[group["surrogate"] == surrogate].sort_values("train_size")
        if lines.empty:
            continue
        style = _style(surrogate, records)
        x, mean = lines["train_size"].to_numpy(), lines["mean"].to_numpy()
        axes.plot(x, mean, marker="o", markersize=2.5, zorder=3, **style)
        low, high = lines["ci_low"].fillna(lines["mean"]), lines["ci_high"].fillna(lines["mean"])
        axes.fill_between(x, low.to_numpy(), high.to_numpy(), color=style["color"], alpha=0.2, linewidth=0, zorder=2)
    axes.grid(color=QUIET, alpha=0.25, linewidth=0.5)


def _draw_ceiling(axes: Axes, ceiling: float) -> None:
    if math.isnan(ceiling):
        return
    axes.axhline(ceiling, color=QUIET, linestyle=(0, (4, 3)), linewidth=0.9, zorder=1)
    where: Any = {"xytext": (2, 1.5), "textcoords": "offset points", "va": "bottom", "ha": "left"}
    text = f"noise ceiling {ceiling:.2f}"
    axes.annotate(text, (0.0, ceiling), xycoords=("axes fraction", "data"), color=QUIET, fontsize=7, **where)


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


def _draw_bars(axes: Axes, frame: pd.DataFrame) -> None:
    names = [_shortened(str(name)) for name in frame["feature"]]
    places = np.arange(len(names))
    spread = frame["std"].fillna(0.0).to_numpy(dtype=float)
    axes.barh(places, 100 * frame["mean"].to_numpy(dtype=float), color=PALETTE[0], height=0.7, zorder=2)
    if spread.any():
        axes.errorbar(
            100 * frame["mean"], places, xerr=100 * spread, fmt="none", ecolor=QUIET, elinewidth=0.8, capsize=1.5
        )
    axes.set_yticks(places, names)
    axes.set_xlim(left=0.0)
    axes.invert_yaxis()
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x", color=QUIET, alpha=0.25, linewidth=0.5)


def _shortened(name: str, most: int = 46) -> str:
    return name if len(name) <= most else f"{name[: most // 2 - 1]}…{name[-most // 2 :]}"


def _style(surrogate: str, records: SurrogateRecords) -> Any:
    """Return colour and dashes, which belong to a surrogate's place in the plan."""
    names = list(records.manifest["surrogates"])
    dashes = _LINES[names.index(surrogate) // len(PALETTE) % len(_LINES)]
    return {"color": colours_of(names)[surrogate], "linestyle": dashes}


def _legend(figure: Figure, records: SurrogateRecords) -> None:
    there = {pair[0] for pair in records.pairs}
    shown = [name for name in records.manifest["surrogates"] if name in there]
    handles = [Line2D([], [], **_style(name, records)) for name in shown]
    n_columns = min(len(shown), 3 if figure.get_figwidth() < 4 else 6)
    options: Any = {"loc": "outside upper center", "ncols": n_columns, "frameon": False, "handlelength": 1.6}
    figure.legend(handles, shown, **options)


def _freeze(figure: Figure) -> None:
    """Lay the figure out now and for good, instead of once for every format."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
