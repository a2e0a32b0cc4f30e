"""Regrets: what it costs to choose networks by one objective and use them under another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from experiments.paper.correlations.rank_correlations import kendall
from experiments.paper.design.top_overlap import membership
from experiments.paper.objective_scores import ObjectiveScores
from robustnas.arrays import FloatArray
from robustnas.checks import whole_number


def transfer_regrets(objectives: Sequence[ObjectiveScores], k: int = 10, seed: int = 0) -> pd.DataFrame:
    """Return, for every ordered pair of objectives, how well a choice by the first does under the second.

    Args:
        objectives: Accuracies over all networks.
        k: How many of the best by the first are measured under the second, the best of them being used.
        seed: Breaks ties at the k-th place.

    Returns:
        Columns chosen_by, used_on, kendall_tau, regret (of the best by the first, the mean over ties, in natural units)
        and regret_top (of the best of k); regret_noise and regret_top_noise in noise floors of the second.
    """
    rows = []
    for first in objectives:
        for second in objectives:
            known = np.isfinite(first.scores) & np.isfinite(second.scores)
            mine, theirs = first.utilities[known], second.utilities[known]
            regret, top = regret_of_best(mine, theirs), regret_of_top(mine, theirs, k, seed)
            rows.append(
                {
                    "chosen_by": first.name,
                    "used_on": second.name,
                    "kendall_tau": kendall(mine, theirs),
                    "regret": regret,
                    "regret_noise": _in_noise(regret, second),
                    "regret_top": top,
                    "regret_top_noise": _in_noise(top, second),
                }
            )
    return pd.DataFrame(rows)


def regret_of_best(mine: FloatArray, theirs: FloatArray) -> float:
    """Return how far the best by one utility is from the best by another, on average over ties.

    >>> regret_of_best(np.array([2.0, 2.0, 1.0]), np.array([0.0, 1.0, 3.0]))
    2.5
    """
    return max(0.0, float(theirs.max() - np.average(theirs, weights=membership(mine, 1))))


def regret_of_top(mine: FloatArray, theirs: FloatArray, k: int, seed: int = 0) -> float:
    """Return the regret of the best, by another utility, of the k best by one; ties are broken at random.

    >>> regret_of_top(np.array([3.0, 2.0, 1.0]), np.array([0.0, 2.0, 3.0]), 2)
    1.0
    """
    k = whole_number("k", k, at_least=1)
    order = np.lexsort((np.random.default_rng(seed).random(len(mine)), -mine))
    return float(theirs.max() - theirs[order[:k]].max())


def _in_noise(regret: float, objective: ObjectiveScores) -> float:
    return regret / objective.noise if objective.noise > 0 else float("nan")
