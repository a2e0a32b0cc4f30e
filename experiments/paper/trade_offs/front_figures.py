"""Figures of fronts: the networks around them, how sure they are, and which networks stand at their ends and knees."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D

from experiments.pages.figure_style import PALETTE, QUIET
from experiments.pages.panels import label_all, legend_above, light_grid, line_styles, panels, standard_panels
from experiments.paper.objective_scores import ObjectiveScores
from experiments.paper.trade_offs.fronts import front_members, near_front
from robustnas.arrays import FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    Pair = tuple[ObjectiveScores, ObjectiveScores]

READING = (
    "Light dots: networks that none on the front beats by more than the noise floor. Numbers: the networks at its ends "
    "and knee."
)
COSTS_READING = "Fronts of every accuracy against each attached cost; bands: one noise floor each way."

_MOST_PANELS = 12
_FRONT, _NEAR, _KNEE = PALETTE[0], PALETTE[5], PALETTE[1]
_DOT: Any = {"marker": ".", "linestyle": "none", "markeredgewidth": 0}
_NOISE_SHOWN = 6.0  # noise floors of the cloud that are shown on the worse side of a front


def fronts_figure(pairs: Sequence[Pair]) -> Figure:
    """Draw one panel per pair: the front among the networks near it, with noise, knee and ids."""
    with panels(len(pairs), min(3, len(pairs)), row=2.0, rest=0.25) as (figure, grid):
        for axes, pair in zip(grid, pairs, strict=True):
            _draw(axes, *pair)
        key = {
            "front, one noise floor each way": {"color": _FRONT, "marker": "o", "markersize": 2.8, "linewidth": 1.1},
            "within the noise of the front": {"color": _NEAR, **_DOT, "markersize": 5.0},
            "other networks": {"color": QUIET, **_DOT, "markersize": 4.0},
            "knee": {"color": _KNEE, "marker": "x", "linestyle": "none", "markersize": 6, "markeredgewidth": 1.5},
        }
        handles = [Line2D([], [], label=label, **style) for label, style in key.items()]
        figure.legend(handles=handles, loc="outside upper center", ncols=len(handles), frameon=False)
    return figure


def costs_figure(pairs: Sequence[Pair]) -> Figure:
    """Draw one panel per cost, with the front of every accuracy as a staircase; of many costs, the first twelve."""
    costs = list({cost.name: cost for _, cost in pairs}.values())[:_MOST_PANELS]
    accuracies = list({accuracy.name: accuracy for accuracy, _ in pairs}.values())
    styles = line_styles([accuracy.title for accuracy in accuracies])
    with standard_panels(len(costs), share_y=True) as (figure, grid):
        for axes, cost in zip(grid, costs, strict=True):
            for accuracy in accuracies:
                members = front_members(accuracy, cost)
                x, y = (members[side].to_numpy() * shown_factor(of) for side, of in _sides(accuracy, cost))
                axes.step(x, y, where="pre", marker="o", markersize=2.0, **styles[accuracy.title])
                noise = np.nan_to_num(accuracy.noise) * shown_factor(accuracy)
                band: Any = {"step": "pre", "alpha": 0.15, "linewidth": 0, "color": styles[accuracy.title]["color"]}
                axes.fill_between(x, y - noise, y + noise, **band)
            axes.set_xlabel(_label(cost))
            light_grid(axes)
        label_all(figure, y="accuracy (%)")
        legend_above(figure, styles, list(styles))
    return figure


def shown_factor(entry: ObjectiveScores) -> float:
    """Return what scores are multiplied by to be written: accuracies are in percent."""
    return 100.0 if entry.scale == "accuracy" else 1.0


def _draw(axes: Axes, first: ObjectiveScores, second: ObjectiveScores) -> None:
    """Draw the first objective over the second."""
    members = front_members(first, second)
    sides = {side: (of, shown_factor(of)) for side, of in _sides(first, second)}
    x, y = (of.scores * scale for of, scale in sides.values())
    noise = np.nan_to_num(np.array([first.noise, second.noise]))
    utilities = np.stack([first.utilities, second.utilities], axis=1)
    known = np.flatnonzero(np.isfinite(utilities).all(axis=1))
    near = known[near_front(utilities[known], noise)]
    axes.plot(x[known], y[known], markersize=2.2, color=QUIET, alpha=0.35, zorder=1, rasterized=True, **_DOT)
    axes.plot(x[near], y[near], markersize=4.0, color=_NEAR, zorder=2, **_DOT)
    front_x, front_y = (members[side].to_numpy() * scale for side, (_, scale) in sides.items())
    bars = {"xerr": noise[1] * shown_factor(second), "yerr": noise[0] * shown_factor(first)}
    axes.errorbar(
        front_x,
        front_y,
        fmt="o",
        markersize=2.8,
        color=_FRONT,
        ecolor=_FRONT,
        elinewidth=0.5,
        capsize=0,
        zorder=4,
        **bars,
    )
    axes.step(front_x, front_y, where="pre", color=_FRONT, linewidth=1.1, zorder=3)
    knee = members["knee"].to_numpy(dtype=bool)
    axes.plot(front_x[knee], front_y[knee], "x", color=_KNEE, markersize=6, markeredgewidth=1.5, zorder=5)
    axes.set_xlim(*_window(x[known], front_x, bars["xerr"], lower=second.minimised, room=0.27))
    axes.set_ylim(*_window(y[known], front_y, bars["yerr"], lower=first.minimised, room=0.12))
    _name_networks(axes, members, front_x, front_y, left=second.minimised)
    axes.set_xlabel(_label(second))
    axes.set_ylabel(_label(first))
    light_grid(axes)


def _sides(first: ObjectiveScores, second: ObjectiveScores) -> tuple[tuple[str, ObjectiveScores], ...]:
    """Return the columns of members that are drawn along x and y."""
    return ("second", second), ("first", first)


def _window(values: FloatArray, front: FloatArray, noise: float, *, lower: bool, room: float) -> tuple[float, float]:
    """Return the limits of an axis: those of the front, of some of the cloud on its worse side, and room for ids.

    Args:
        values: Of all networks.
        front: Of those on the front.
        noise: One noise floor.
        lower: Whether lower is better.
        room: What is left on the better side, as a share of the axis.
    """
    low, high = float(front.min()), float(front.max())
    span = max(high - low, 2.0 * noise, 1e-3 * max(abs(high), 1.0))
    cloud = max(0.35 * span, _NOISE_SHOWN * noise)
    if lower and noise == 0.0:  # an exact cost: the front may end long before the most expensive networks
        high = max(float(values.max()), high) + 0.05 * span
        return low - (high - low) * room / (1 - room), high
    if lower:
        high = min(high + cloud, max(float(values.max()), high) + 0.05 * span)
        return low - (high - low) * room / (1 - room), high
    low = max(low - cloud, min(float(values.min()), low) - 0.05 * span)
    return low, high + (high - low) * room / (1 - room)


def _name_networks(axes: Axes, members: pd.DataFrame, x: FloatArray, y: FloatArray, *, left: bool) -> None:
    """Write ids at the ends and the knee of a front, on the side where no network lies."""
    named = [0, *np.flatnonzero(members["knee"]).tolist(), len(members) - 1] if len(members) else []
    place: Any = {"textcoords": "offset points", "va": "bottom", "ha": "right" if left else "left", "fontsize": 7}
    for row in dict.fromkeys(named):
        text = f"#{members['uid'].iloc[row]}"
        axes.annotate(text, (x[row], y[row]), xytext=(-3 if left else 3, 2), zorder=6, **place).set_in_layout(False)


def _label(entry: ObjectiveScores) -> str:
    return f"{entry.title} (%)" if entry.scale == "accuracy" else entry.title
