"""The fronts that multi-objective searches found, in the plane of every two objectives, before that of the table."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from matplotlib.ticker import FuncFormatter

from experiments.comparison.figures import finish
from experiments.comparison.fronts import Fronts
from experiments.comparison.records import Records, Target
from experiments.pages.figure_style import GREY
from experiments.pages.panels import light_grid, line_styles, standard_panels
from robustnas.arrays import FloatArray
from robustnas.objectives import Objective, parse_objectives, suite_name
from robustnas.pareto import non_dominated

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_PANELS = 24
"""Pairs of objectives in the figure; more do not fit on a page."""

_QUARTILES = (0.25, 0.5, 0.75)
_TITLE_WIDTH = 34
_LABEL_WIDTH = 26
_MARGIN = 0.06
_NOT_SHOWN = 0.05  # of the utilities: broken networks, which are on a front for their costs, would squeeze the others
_DOT_SIZES = (4.0, 36.0)


class Surface(NamedTuple):
    """Attainment surfaces in the plane of two utilities: steps that a share of runs reaches.

    Attributes:
        x: Where they may fall, ascending, shape (n,).
        y: What is attained together with a first utility of at least x, one row per share, shape (n_shares, n); -inf
            where nothing is.
    """

    x: FloatArray
    y: FloatArray


class _Plane(NamedTuple):
    """Two objectives of a target: which, and how their utilities become coordinates."""

    target: Target
    pair: tuple[int, int]

    @property
    def signs(self) -> FloatArray:
        return np.array([-1.0 if self.target.directions[i] else 1.0 for i in self.pair])

    @property
    def factors(self) -> FloatArray:
        """From utilities to coordinates: accuracies in percent, costs as they are."""
        return self.signs * [100.0 if self.target.scales[i] == "accuracy" else 1.0 for i in self.pair]

    def utilities(self, scores: FloatArray) -> FloatArray:
        return np.asarray(scores[:, self.pair] * self.signs)


def front_figure(records: Records, fronts: Fronts | None = None) -> Figure | None:
    """Draw the fronts found in the plane of every two objectives: what half of the seeds attain, and the quartiles.

    Behind them, the front of the table, as far as it is known: its steps in this plane, and all its points; of three
    objectives, larger ones are better in the third. None where no entry has several objectives.

    Args:
        records: What was run.
        fronts: The fronts of the table.
    """
    planes = front_planes(records)[:MOST_PANELS]
    if not planes:
        return None
    with standard_panels(len(planes), whole=True) as (figure, axes):
        for one, plane in zip(axes, planes, strict=True):
            _draw(one, records, plane, (fronts or Fronts()).tables)
        finish(figure, records, "")
    return figure


def front_planes(records: Records) -> list[_Plane]:
    """Return the pairs of objectives of all multi-objective entries that found a front."""
    targets = [target for target in records.targets.values() if target.is_multi]
    found = [target for target in targets if any(map(len, _all_fronts(records, target.name)))]
    return [_Plane(target, pair) for target in found for pair in combinations(range(len(target.directions)), 2)]


def run_fronts(records: Records, objective: str) -> dict[str, list[FloatArray]]:
    """Return the scores on the front of every seed by searcher, each of shape (n, n_objectives); n may be 0."""
    runs = records.runs[records.runs["objective"] == objective]
    n_objectives = len(records.targets[objective].directions)
    found = {}
    for searcher, part in runs.groupby("searcher", observed=True, sort=True):
        scores = [[member["scores"] for member in front or ()] for front in part["front"]]
        found[str(searcher)] = [np.array(each, dtype=float).reshape(-1, n_objectives) for each in scores]
    return found


def attainment(fronts: Sequence[FloatArray], shares: Sequence[float]) -> Surface:
    """Return the surfaces that at least a share of the runs attain (Fonseca and Fleming, PPSN 1996).

    Args:
        fronts: Utilities of each run, shape (n, 2), larger is better; a run may have found nothing.
        shares: In (0, 1].

    >>> surface = attainment([np.array([[1.0, 3.0], [2.0, 1.0]]), np.array([[2.0, 2.0]])], [0.5, 1.0])
    >>> surface.x.tolist(), surface.y.tolist()
    ([1.0, 2.0], [[3.0, 2.0], [2.0, 1.0]])
    """
    x = np.unique(np.concatenate([front[:, 0] for front in fronts]))
    reached = np.full((len(fronts), len(x)), -np.inf)
    for row, front in zip(reached, fronts, strict=True):
        for first, second in front:
            place = np.searchsorted(x, first) + 1
            row[:place] = np.maximum(row[:place], second)
    ordered = -np.sort(-reached, axis=0)
    places = [math.ceil(share * len(fronts) - 1e-9) - 1 for share in shares]
    return Surface(x, ordered[places])


def _all_fronts(records: Records, objective: str) -> list[FloatArray]:
    return [front for each in run_fronts(records, objective).values() for front in each]


def _draw(axes: Axes, records: Records, plane: _Plane, tables: Mapping[str, FloatArray]) -> None:
    styles = line_styles(records.searchers)
    table = tables.get(plane.target.name)
    found = {
        searcher: attainment([plane.utilities(front) for front in each], _QUARTILES)
        for searcher, each in run_fronts(records, plane.target.name).items()
        if any(map(len, each))
    }
    shown = [plane.utilities(front) for front in _all_fronts(records, plane.target.name) if len(front)]
    limits = _set_limits(
        axes, plane, np.concatenate([*shown, *([plane.utilities(table)] if table is not None else [])])
    )
    if table is not None:
        _draw_table(axes, plane, table, limits)
    for searcher, surface in found.items():
        best, median, worst = (_corners(Surface(surface.x, row), limits) * plane.factors for row in surface.y)
        axes.plot(*median.T, label=searcher, zorder=3, **styles[searcher])
        axes.fill_between(best[:, 0], worst[:, 1], best[:, 1], color=styles[searcher]["color"], alpha=0.18, linewidth=0)
    axes.set_title(_title(plane.target))
    objectives = parse_objectives(plane.target.name)
    labels = [_label(objectives[i], plane.target.scales[i], plane.target.directions[i]) for i in plane.pair]
    axes.set_xlabel(labels[0])
    axes.set_ylabel(labels[1])
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: _tick(value)))
    light_grid(axes)


def _draw_table(axes: Axes, plane: _Plane, table: FloatArray, limits: FloatArray) -> None:
    """Draw the steps of the table's front in a plane, and its points, the larger the better in a third objective."""
    utilities = plane.utilities(table)
    steps = _corners(attainment([utilities[non_dominated(utilities)]], [1.0]), limits) * plane.factors
    axes.plot(*steps.T, color=GREY, linewidth=3.0, alpha=0.45, zorder=1, label="_table")
    others = [i for i in range(table.shape[1]) if i not in plane.pair]
    sizes = np.full(len(table), _DOT_SIZES[0])
    if len(others) == 1:
        third = table[:, others[0]] * (-1.0 if plane.target.directions[others[0]] else 1.0)
        span = float(np.ptp(third)) or 1.0
        sizes = _DOT_SIZES[0] + (_DOT_SIZES[1] - _DOT_SIZES[0]) * ((third - third.min()) / span) ** 2
    x, y = (utilities * plane.factors).T
    axes.scatter(x, y, s=sizes, color=GREY, alpha=0.35, linewidths=0, zorder=1)


def _set_limits(axes: Axes, plane: _Plane, utilities: FloatArray) -> FloatArray:
    """Show utilities, the worst few aside, with a margin; return utilities beyond the worse ends of the axes."""
    low, high = np.quantile(utilities, _NOT_SHOWN, axis=0), utilities.max(axis=0)
    margin = _MARGIN * np.where(high > low, high - low, np.maximum(np.abs(high), 1e-9))
    ends = np.sort(np.stack([low - margin, high + margin]) * plane.factors, axis=0)
    axes.set_xlim(*ends[:, 0])
    axes.set_ylim(*ends[:, 1])
    return np.asarray(utilities.min(axis=0) - 2 * margin)


def _corners(surface: Surface, limits: FloatArray) -> FloatArray:
    """Return the corners of one step curve, from its left end to its foot, shape (2 * n + 1, 2)."""
    x = np.concatenate([[limits[0]], np.repeat(surface.x, 2)])
    y = np.concatenate([np.repeat(np.maximum(surface.y.reshape(-1), limits[1]), 2), [limits[1]]])
    return np.stack([x, y], axis=1)


def _title(target: Target) -> str:
    return suite_name(target.name) or textwrap.shorten(target.title, _TITLE_WIDTH, placeholder=" …")


def _tick(value: float) -> str:
    """Write a coordinate briefly: millions and thousands by their letters."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"


def _label(objective: Objective, scale: str, minimised: bool) -> str:
    said = [*(["%"] if scale == "accuracy" else []), *(["smaller is better"] if minimised else [])]
    if not said:
        return objective.expression
    label = f"{objective.expression} ({', '.join(said)})"
    return label if len(label) <= _LABEL_WIDTH else f"{objective.expression}\n({', '.join(said)})"
