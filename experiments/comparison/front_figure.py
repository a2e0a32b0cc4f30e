"""The fronts that multi-objective searches found, in the plane of their first two objectives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from experiments.comparison.figures import finish
from experiments.comparison.records import Records, Target
from experiments.pages.panels import line_styles, standard_panels
from robustnas.arrays import FloatArray
from robustnas.objectives.objective import Objective, parse_objectives
from robustnas.pareto import non_dominated

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def front_figure(records: Records) -> Figure | None:
    """Draw, per multi-objective entry and searcher, the front over all seeds and the fronts of single seeds as dots.

    With three objectives or more, the front is that of the first two. None where no entry has several objectives.
    """
    targets = [target for target in records.targets.values() if target.is_multi and _has_fronts(records, target)]
    if not targets:
        return None
    with standard_panels(len(targets)) as (figure, axes):
        for one, target in zip(axes, targets, strict=True):
            _draw(one, records, target)
        finish(figure, records, "")
    return figure


def fronts(records: Records, objective: str) -> dict[str, FloatArray]:
    """Return the scores of the networks on the fronts of all seeds by searcher, each of shape (n, n_objectives)."""
    runs = records.runs[records.runs["objective"] == objective]
    found: dict[str, FloatArray] = {}
    for searcher in records.searchers:
        members = [m["scores"] for front in runs.loc[runs["searcher"] == searcher, "front"] for m in front or ()]
        if members:
            found[searcher] = np.unique(np.array(members, dtype=float), axis=0)
    return found


def _has_fronts(records: Records, target: Target) -> bool:
    return bool(fronts(records, target.name))


def _draw(axes: Axes, records: Records, target: Target) -> None:
    objectives, scales = parse_objectives(target.name)[:2], target.scales[:2]
    factors = np.array([100.0 if scale == "accuracy" else 1.0 for scale in scales])
    styles = line_styles(records.searchers)
    for searcher, scores in fronts(records, target.name).items():
        points = scores[:, :2] * factors
        signs = np.where(target.directions[:2], -1.0, 1.0)
        best = points[non_dominated(points * signs)]
        best = best[np.argsort(best[:, 0])]
        axes.plot(*points.T, ".", color=styles[searcher]["color"], markersize=2.5, alpha=0.35)
        axes.plot(*best.T, marker="o", markersize=3, label=searcher, **styles[searcher])
    axes.set_title(target.title)
    labels = [_axis(*each) for each in zip(objectives, scales, target.directions, strict=False)]
    axes.set_xlabel(labels[0])
    axes.set_ylabel(labels[1])


def _axis(objective: Objective, scale: str, minimised: bool) -> str:
    said = [*(["%"] if scale == "accuracy" else []), *(["smaller is better"] if minimised else [])]
    return f"{objective} ({', '.join(said)})" if said else str(objective)
