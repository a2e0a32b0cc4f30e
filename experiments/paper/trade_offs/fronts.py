"""Fronts: which networks trade one objective against another best, and how sure the data is of it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from experiments.paper.objective_scores import ObjectiveScores
from robustnas.arrays import FloatArray
from robustnas.pareto import non_dominated
from robustnas.spaces.nasbench201 import space
from robustnas.spaces.nasbench201.cell import Cell

BoolArray = np.ndarray[tuple[int], np.dtype[np.bool_]]


def front_members(first: ObjectiveScores, second: ObjectiveScores) -> pd.DataFrame:
    """Return the networks that no other beats in both objectives, best of the first objective first.

    Returns:
        Columns uid, arch, first, second (natural units), knee (whether it is the one farthest from the line between the
        ends of the front, both objectives scaled to the front's extent; none where no network lies beyond that line).
    """
    utilities = np.stack([first.utilities, second.utilities], axis=1)
    rows = np.flatnonzero(non_dominated(utilities))
    rows = rows[np.lexsort((-utilities[rows, 1], -utilities[rows, 0]))]
    return pd.DataFrame(
        {
            "uid": space.networks()[rows],
            "arch": [Cell.from_index(int(index)).arch for index in space.network_indices()[rows]],
            "first": first.scores[rows],
            "second": second.scores[rows],
            "knee": _knee(utilities[rows]),
        }
    )


def front_facts(first: ObjectiveScores, second: ObjectiveScores) -> dict[str, float | int]:
    """Return what a front is like.

    Returns:
        n_front (networks), hypervolume (of the front, both objectives scaled to [0, 1] over all networks), n_steps
        (between neighbours on the front that differ), n_unsure (of these, those that change an accuracy by less than
        its noise floor) and n_near (networks that no other beats in both objectives by more than the noise floor).
    """
    utilities = np.stack([first.utilities, second.utilities], axis=1)
    known = utilities[np.isfinite(utilities).all(axis=1)]
    front = known[non_dominated(known)]
    points = np.unique(front, axis=0)
    noise = np.nan_to_num(np.array([first.noise, second.noise]))
    changes = np.abs(np.diff(points, axis=0))
    unsure = ((changes < noise) & (noise > 0)).any(axis=1)
    return {
        "n_front": len(front),
        "hypervolume": hypervolume(known),
        "n_steps": len(changes),
        "n_unsure": int(unsure.sum()),
        "n_near": int(near_front(known, noise).sum()),
    }


def hypervolume(utilities: FloatArray) -> float:
    """Return the area that a set dominates, both objectives scaled to [0, 1] over the set.

    >>> hypervolume(np.array([[0.0, 2.0], [1.0, 1.0], [2.0, 0.0]]))
    0.25
    """
    low, span = utilities.min(axis=0), np.ptp(utilities, axis=0)
    scaled = (utilities - low) / np.where(span > 0, span, 1.0)
    front = np.unique(scaled[non_dominated(scaled)], axis=0)[::-1]  # first falls, second rises
    return float((front[:, 0] * np.diff(front[:, 1], prepend=0.0)).sum())


def near_front(utilities: FloatArray, noise: FloatArray) -> BoolArray:
    """Return which rows no other row beats by more than the noise, or equals where there is none, in both objectives.

    >>> near_front(np.array([[1.0, 1.0], [0.9, 0.9], [0.5, 0.5]]), np.array([0.2, 0.2])).tolist()
    [True, True, False]
    """
    front = np.unique(utilities[non_dominated(utilities)], axis=0)
    ahead = front[None] - utilities[:, None]
    beats = np.where(noise > 0, ahead > noise, ahead >= 0)
    clear = np.all(beats, axis=2) & np.any(ahead > 0, axis=2)
    return np.asarray(np.logical_not(np.any(clear, axis=1)))


def _knee(utilities: FloatArray) -> BoolArray:
    knee = np.zeros(len(utilities), dtype=bool)
    span = np.ptp(utilities, axis=0) if len(utilities) else np.zeros(2)
    if (span > 0).all():
        scaled = (utilities - utilities.min(axis=0)) / span
        beyond = scaled.sum(axis=1) - 1.0  # the line between the ends is x + y = 1
        knee[int(np.argmax(beyond))] = beyond.max() > 1e-9
    return knee
