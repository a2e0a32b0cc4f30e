"""Network size: accuracy against the number of parameters, in bins of equally many networks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from experiments.paper.correlations.rank_correlations import correlation, kendall
from experiments.paper.objective_scores import ObjectiveScores
from robustnas.arrays import FloatArray
from robustnas.spaces.nasbench201 import space
from robustnas.spaces.nasbench201.cost import all_parameters
from robustnas.tables.table import Table, skeleton_of
from surrogates.metrics import spearman

QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)
_MOST_BINS = 10


def size_bins(table: Table, objectives: Sequence[ObjectiveScores], n_bins: int = _MOST_BINS) -> pd.DataFrame:
    """Return quantiles of scores in bins of the number of parameters.

    The bins hold about equally many networks; as the space has 28 sizes only, a size is never divided.

    Returns:
        Columns objective, low, high (parameters, both included), median_params, n, q10, q25, q50, q75, q90, best
        (natural units).
    """
    params = network_parameters(table)
    bins = _bins(params, n_bins)
    rows = []
    for entry in objectives:
        for b in range(int(bins.max()) + 1):
            inside = (bins == b) & np.isfinite(entry.scores)
            if inside.any():
                size = {"low": params[inside].min(), "high": params[inside].max()}
                rows.append({"objective": entry.name, **size, **_spread(params[inside], entry.scores[inside])})
    return pd.DataFrame(rows)


def size_correlations(table: Table, objectives: Sequence[ObjectiveScores]) -> pd.DataFrame:
    """Return how scores go with the number of parameters: columns objective, kendall_tau, spearman, n."""
    params, rows = network_parameters(table), []
    for entry in objectives:
        tau, rho = kendall(params, entry.scores), correlation(params, entry.scores, spearman)
        n = int(np.isfinite(entry.scores).sum())
        rows.append({"objective": entry.name, "kendall_tau": tau, "spearman": rho, "n": n})
    return pd.DataFrame(rows)


def network_parameters(table: Table) -> FloatArray:
    """Return the number of parameters of every network as it was trained, shape (6466,)."""
    return np.asarray(all_parameters(skeleton_of(table))[space.network_indices()], dtype=float)


def _bins(params: FloatArray, n_bins: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    edges = np.unique(np.quantile(params, np.linspace(0, 1, n_bins + 1)[1:-1], method="inverted_cdf"))
    place = np.searchsorted(edges, params, side="left")
    return np.unique(place, return_inverse=True)[1].astype(np.int64)


def _spread(params: FloatArray, scores: FloatArray) -> dict[str, float]:
    quantiles = dict(zip((f"q{100 * q:.0f}" for q in QUANTILES), np.quantile(scores, QUANTILES), strict=True))
    return {
        "median_params": float(np.median(params)),
        "n": len(scores),
        **{name: float(value) for name, value in quantiles.items()},
        "best": float(scores.max()),
    }
