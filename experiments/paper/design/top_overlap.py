"""Top overlap: how many of the best networks for one objective are among the best for another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from experiments.paper.objective_scores import ObjectiveScores
from robustnas.arrays import FloatArray
from robustnas.checks import whole_number

TOP_K = (10, 50, 100)


def top_overlap(objectives: Sequence[ObjectiveScores], ks: Sequence[int] = TOP_K) -> pd.DataFrame:
    """Return the expected share of the k best networks that two objectives have in common.

    Where the k-th place is tied (accuracies have three decimals), ties are broken at random, for each objective on its
    own; an objective has all in common with itself.

    Returns:
        Columns k, first, second, overlap (0 to 1) and chance (what two random orders would have in common); both orders
        of each pair, and each objective with itself.
    """
    rows = []
    for k in ks:
        members = [membership(entry.utilities, k) for entry in objectives]
        for first, mine in zip(objectives, members, strict=True):
            for second, theirs in zip(objectives, members, strict=True):
                shared = 1.0 if first is second else float((mine * theirs).sum() / mine.sum())
                chance = 1.0 if first is second else k / len(mine)
                pair = {"k": k, "first": first.name, "second": second.name}
                rows.append({**pair, "overlap": shared, "chance": min(chance, 1.0)})
    return pd.DataFrame(rows)


def membership(utilities: FloatArray, k: int) -> FloatArray:
    """Return the probability of each network to be among the k best if ties are broken at random; it sums to k.

    Args:
        utilities: Shape (n,), larger is better; NaN is never among them.
        k: At least 1; more than there are known counts as all.

    >>> membership(np.array([3.0, 2.0, 2.0, 1.0]), 2).tolist()
    [1.0, 0.5, 0.5, 0.0]
    """
    k = whole_number("k", k, at_least=1)
    known = np.isfinite(utilities)
    ordered = np.sort(utilities[known])[::-1]
    if not len(ordered):
        return np.zeros(len(utilities))
    last = ordered[min(k, len(ordered)) - 1]
    above, tied = known & (utilities > last), known & (utilities == last)
    share = (min(k, len(ordered)) - above.sum()) / tied.sum()
    return np.where(above, 1.0, np.where(tied, share, 0.0))
