"""Choices: what the best networks of one dataset are worth on another one, pair by pair of their objectives."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from experiments.paper.correlations.rank_correlations import kendall
from experiments.paper.design.top_overlap import membership
from experiments.paper.objective_scores import ObjectiveScores
from experiments.paper.transfer.regrets import regret_of_best, regret_of_top

TOP = 50
"""How many of the best networks are compared."""


def choices(
    first: Sequence[ObjectiveScores], second: Sequence[ObjectiveScores], k: int = TOP, seed: int = 0
) -> pd.DataFrame:
    """Return, for every objective of one dataset and every one of another, how well the first chooses for the second.

    Args:
        first: Objectives of the dataset that chooses.
        second: Objectives of the dataset that the choice is used on; the same networks.
        k: How many of the best are compared.
        seed: Breaks ties at the k-th place where the best of the k is sought.

    Returns:
        Columns chosen_by, used_on, n (networks that both know), kendall_tau, overlap (expected share of the k best in
        common) and chance (that of random orders); best (of the second), regret (of the best by the first, the mean
        over ties), best_of_top (the best under the second of the k best by the first), rank_of_top (its place under the
        second, 1 for the best), and the two regrets in noise floors of the second, regret_noise and regret_top_noise.
    """
    return pd.DataFrame([_pair(one, other, k, seed) for one in first for other in second])


def noises(objectives: Sequence[ObjectiveScores], dataset: str) -> pd.DataFrame:
    """Return the noise floor of each objective of a dataset: columns dataset, metric, best, noise, n_within."""
    rows = []
    for entry in objectives:
        known = entry.utilities[np.isfinite(entry.utilities)]
        within = int((known >= known.max() - entry.noise).sum()) if np.isfinite(entry.noise) else np.nan
        best = float(known.max()) * (-1 if entry.minimised else 1)
        rows.append({"dataset": dataset, "metric": entry.name, "best": best, "noise": entry.noise, "n_within": within})
    return pd.DataFrame(rows)


def _pair(one: ObjectiveScores, other: ObjectiveScores, k: int, seed: int) -> dict[str, object]:
    known = np.isfinite(one.utilities) & np.isfinite(other.utilities)
    pair: dict[str, object] = {"chosen_by": one.name, "used_on": other.name, "n": int(known.sum())}
    if not known.any():
        return pair
    mine, theirs = one.utilities[known], other.utilities[known]
    regret, of_top = regret_of_best(mine, theirs), regret_of_top(mine, theirs, k, seed)
    best = float(theirs.max())
    shared = membership(mine, k) * membership(theirs, k)
    return pair | {
        "kendall_tau": kendall(mine, theirs),
        "overlap": float(shared.sum() / min(k, len(mine))),
        "chance": min(k / len(mine), 1.0),
        "best": best,
        "regret": regret,
        "best_of_top": best - of_top,
        "rank_of_top": 1 + int((theirs > best - of_top + 1e-12).sum()),
        "regret_noise": regret / other.noise if other.noise > 0 else np.nan,
        "regret_top_noise": of_top / other.noise if other.noise > 0 else np.nan,
    }
