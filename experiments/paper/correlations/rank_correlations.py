"""Rank correlations: Kendall's tau between the rankings that metrics give the networks."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from robustnas.arrays import FloatArray
from robustnas.metric import CORRUPTIONS, SEVERITIES, Metric
from robustnas.tables.database.database import DatabaseTable
from surrogates.metrics import kendall_tau

_LEAST_CLUSTERED = 3
TOP_SHARES = (1.0, 0.5, 0.1)
"""The shares of networks, best first by clean accuracy, among which clean accuracy is compared with others."""


def kendall(first: FloatArray, second: FloatArray) -> float:
    """Return Kendall's tau-b over the networks that both know; NaN if fewer than two, or if one does not vary.

    >>> round(kendall(np.array([1.0, 2.0, 3.0, np.nan]), np.array([10.0, 30.0, 20.0, 0.0])), 3)
    0.333
    """
    return correlation(first, second, kendall_tau)


def correlation(first: FloatArray, second: FloatArray, measure: Callable[[FloatArray, FloatArray], float]) -> float:
    """Return a measure of `surrogates.metrics` over the networks that both know; NaN as for `kendall`."""
    known = np.isfinite(first) & np.isfinite(second)
    a, b = first[known], second[known]
    return measure(a, b) if len(a) > 1 and np.ptp(a) and np.ptp(b) else math.nan


def metric_columns(table: DatabaseTable) -> dict[str, FloatArray]:
    """Return every metric of a table over the networks, by name: clean, attacks by eps, corruptions by severity."""
    return {str(metric): table.network_column(metric) for metric in table.metrics}


def mean_corruptions(table: DatabaseTable) -> dict[str, FloatArray]:
    """Return each corruption's accuracy, mean over its five severities, by its name; only what is held whole."""
    found = {}
    for name in CORRUPTIONS:
        metrics = [Metric(name, float(severity)) for severity in SEVERITIES]
        if set(table.metrics).issuperset(metrics):
            found[name] = np.mean([table.network_column(metric) for metric in metrics], axis=0)
    return found


def tau_matrix(columns: Mapping[str, FloatArray]) -> pd.DataFrame:
    """Return Kendall's tau between every two columns: square, symmetric, 1 on the diagonal where a column varies."""
    names, values = list(columns), list(columns.values())
    matrix = np.full((len(names), len(names)), np.nan)
    for i in range(len(names)):
        matrix[i, i] = 1.0 if np.ptp(values[i][np.isfinite(values[i])]) else np.nan
        for j in range(i):
            matrix[i, j] = matrix[j, i] = kendall(values[i], values[j])
    return pd.DataFrame(matrix, index=pd.Index(names, name="metric"), columns=names)


def clean_against(
    clean: FloatArray, others: Mapping[str, FloatArray], shares: Sequence[float] = TOP_SHARES
) -> pd.DataFrame:
    """Return tau between clean accuracy and other scores, among all networks and among the best by clean accuracy.

    Ties at the border are all included.

    Returns:
        Columns metric, share, n (networks), kendall_tau.
    """
    rows = []
    for share in shares:
        chosen = clean >= np.nanquantile(clean, 1.0 - share)
        for name, scores in others.items():
            tau = kendall(clean[chosen], scores[chosen])
            rows.append({"metric": name, "share": share, "n": int(chosen.sum()), "kendall_tau": tau})
    return pd.DataFrame(rows, columns=["metric", "share", "n", "kendall_tau"])


def clustered(matrix: FloatArray) -> list[int]:
    """Return an order of the rows of a matrix of tau in which those that agree stand together.

    It is that of the leaves of average-linkage clustering by 1 - tau, ordered so that neighbours are as near as they
    can be (Bar-Joseph et al. 2001); as they are if there are fewer than three.

    Args:
        matrix: Symmetric, shape (n, n); what is unknown counts as 0.

    >>> clustered(np.array([[1.0, 0.0, 0.9], [0.0, 1.0, 0.1], [0.9, 0.1, 1.0]])) in ([0, 2, 1], [1, 2, 0])
    True
    """
    from scipy.cluster.hierarchy import leaves_list, linkage
    from scipy.spatial.distance import squareform

    if len(matrix) < _LEAST_CLUSTERED:
        return list(range(len(matrix)))
    distances = 1.0 - np.nan_to_num(matrix)
    np.fill_diagonal(distances, 0.0)
    tree = linkage(squareform(np.maximum(distances, 0.0), checks=False), "average", optimal_ordering=True)
    order = [int(leaf) for leaf in leaves_list(tree)]
    return order if order[0] <= order[-1] else order[::-1]


def blocks_clustered(matrix: pd.DataFrame) -> list[str]:
    """Return the metrics of a matrix of tau, blocks of one attack or corruption that agree together; levels rise.

    Args:
        matrix: Square, named by metrics in the grammar of objectives.
    """
    kinds = [Metric.parse(str(name)).kind for name in matrix.columns]
    names = list(dict.fromkeys(kinds))
    means = np.full((len(names), len(names)), np.nan)
    values, places = np.nan_to_num(matrix.to_numpy(dtype=float)), {kind: i for i, kind in enumerate(names)}
    for kind, i in places.items():
        for other, j in places.items():
            rows, columns = ([k for k, name in enumerate(kinds) if name == one] for one in (kind, other))
            means[i, j] = values[np.ix_(rows, columns)].mean()
    ordered = [names[i] for i in clustered(means)]
    return [str(name) for kind in ordered for name, of in zip(matrix.columns, kinds, strict=True) if of == kind]
