"""Figures of the result on design: effects of operations, size against accuracy, overlap of the best networks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.colors import Normalize
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from experiments.pages.figure_style import GREY, PALETTE
from experiments.pages.heat_map import DIVERGING, around_zero, draw_heat_map
from experiments.pages.panels import label_all, light_grid, panels, standard_panels
from experiments.paper.design.cell_effects import EDGE_NAMES, CellEffects
from experiments.paper.objective_scores import ObjectiveScores

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

_MARKERS = ("o", "s", "^", "D")
_OPERATIONS = ("none", "skip", "1×1", "3×3", "pool")


def effects_figure(effects: Mapping[str, CellEffects], objectives: Sequence[ObjectiveScores]) -> Figure:
    """Draw one heat map per objective, edges by operations, in points; in brackets where the interval holds 0."""
    n_columns = min(3, len(objectives))
    with panels(len(objectives), n_columns, row=1.75, rest=0.35) as (figure, grid):
        norm = around_zero(np.array([100 * effects[entry.name].matrix for entry in objectives]))
        for i, (axes, entry) in enumerate(zip(grid, objectives, strict=True)):
            image = _draw_effects(axes, effects[entry.name], norm, EDGE_NAMES if i % n_columns == 0 else ())
            axes.set_title(entry.title)
        bar = figure.colorbar(image, ax=grid, pad=0.01, fraction=0.03)
        bar.set_label("points against the average operation")
    return figure


def size_figure(bins: pd.DataFrame, objectives: Sequence[ObjectiveScores]) -> Figure:
    """Draw median, quartiles and tenths of each objective against the number of parameters, and the best per bin."""
    with standard_panels(len(objectives)) as (figure, grid):
        for axes, entry in zip(grid, objectives, strict=True):
            _draw_size(axes, bins[bins["objective"] == entry.name])
            axes.set_title(entry.title)
        label_all(figure, "parameters (millions), median of the bin", "accuracy (%)")
        handles = [
            Line2D([], [], color=PALETTE[0], marker="o", markersize=2.5),
            Patch(color=PALETTE[0], alpha=0.35, linewidth=0),
            Patch(color=PALETTE[0], alpha=0.15, linewidth=0),
            Line2D([], [], color=PALETTE[1], linestyle="--"),
        ]
        names = ["median", "middle half", "middle 80 %", "best of the bin"]
        figure.legend(handles, names, loc="outside upper center", ncols=len(names), frameon=False)
    return figure


def overlap_figure(overlaps: pd.DataFrame, objectives: Sequence[ObjectiveScores]) -> Figure:
    """Draw the share of the k best networks that two objectives have in common, in percent.

    A row per pair, a dot per k; the pairs that have most in common come first.
    """
    ks = list(dict.fromkeys(overlaps["k"]))
    titles = {entry.name: entry.title for entry in objectives}
    order = {name: place for place, name in enumerate(titles)}
    pairs = overlaps[overlaps["first"].map(order) < overlaps["second"].map(order)]
    shares = 100 * pairs.pivot_table(index=["first", "second"], columns="k", values="overlap")
    shares = shares.sort_values(ks[-1], ascending=False, kind="stable")
    with panels(1, 1, row=0.19 * max(len(shares), 3) + 0.4, rest=0.3) as (figure, [axes]):
        places = range(len(shares))
        axes.hlines(places, shares.min(axis=1), shares.max(axis=1), color=GREY, linewidth=0.8, zorder=1)
        for i, k in enumerate(ks):
            style: Any = {"color": PALETTE[i], "marker": _MARKERS[i % len(_MARKERS)], "linestyle": "none"}
            axes.plot(shares[k], places, markersize=4.5, zorder=3, label=f"{k} best", **style)
        names = [" and ".join(titles[name] for name in pair) for pair in shares.index]
        axes.set_yticks(places, names)
        axes.set_ylim(len(shares) - 0.4, -0.6)
        axes.set_xlim(-2, 102)
        axes.set_xlabel("in common (%)")
        light_grid(axes, "x")
        figure.legend(loc="outside upper center", ncols=len(ks), frameon=False)
    return figure


def _draw_effects(axes: Axes, effects: CellEffects, norm: Normalize, rows: Sequence[str]) -> AxesImage:
    certain = (effects.frame["low"] > 0) | (effects.frame["high"] < 0)
    sure = dict(zip((100 * effects.frame["effect"]).tolist(), certain.tolist(), strict=True))

    def write(value: float) -> str:
        text = f"{value:+.1f}".replace("-", "−")
        return text if sure[value] else f"({text})"

    return draw_heat_map(
        axes, 100 * effects.matrix, rows, _OPERATIONS, norm=norm, cmap=DIVERGING, write=write, font_size=6.5
    )


def _draw_size(axes: Axes, bins: pd.DataFrame) -> None:
    x = bins["median_params"].to_numpy(dtype=float) / 1e6
    for low, high, alpha in (("q10", "q90", 0.15), ("q25", "q75", 0.25)):
        axes.fill_between(x, 100 * bins[low], 100 * bins[high], color=PALETTE[0], alpha=alpha, linewidth=0)
    axes.plot(x, 100 * bins["q50"], "-o", color=PALETTE[0], markersize=2.5)
    axes.plot(x, 100 * bins["best"], "--", color=PALETTE[1])
    light_grid(axes)
