"""Cell effects: what each operation adds on each edge, on average, by an additive model of all cells."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from robustnas.arrays import FloatArray, IntArray
from robustnas.errors import InvalidInputError
from robustnas.spaces.nasbench201.encodings.structure import SHORT_NAMES, live_paths
from robustnas.spaces.nasbench201.numbering import N_CELLS, N_EDGES, N_OPERATIONS, all_operations
from robustnas.spaces.nasbench201.operations import EDGES
from robustnas.spaces.nasbench201.twins import twin_labels

_NORMAL_95 = 1.959964

EDGE_NAMES = tuple(f"{_source}→{_target}" for _source, _target in EDGES)


class CellEffects(NamedTuple):
    """An additive model of one score.

    Attributes:
        frame: One row per edge and operation: edge, operation, effect (natural units of the score), standard_error,
            low and high (95 % interval).
        r2: The share of the variance over cells that the model explains.
    """

    frame: pd.DataFrame
    r2: float

    @property
    def matrix(self) -> FloatArray:
        """The effects, shape (6 edges, 5 operations)."""
        return self.frame["effect"].to_numpy(dtype=float).reshape(N_EDGES, N_OPERATIONS)


def cell_effects(scores: FloatArray) -> CellEffects:
    """Fit score = mean + one effect per edge and operation by least squares over the cells.

    The reference is the average operation: on each edge the five effects sum to zero. Every known cell counts once;
    where all are known, the design is balanced, and an effect is the mean over the cells with the operation there, less
    the mean over all. Cells of one function share a network or nearly so: standard errors are clustered by function
    (Liang and Zeger 1986). As the whole space is measured, they tell how much an effect depends on the other edges and
    on chance in training, as if its functions were a sample.

    Args:
        scores: By space index, shape (15625,); NaN where unknown.

    Raises:
        InvalidInputError: Another shape, or fewer cells known than the model has coefficients.

    >>> only_first_edge = all_operations()[:, 0].astype(float)
    >>> cell_effects(only_first_edge).matrix.round(6)[0].tolist()
    [-2.0, -1.0, 0.0, 1.0, 2.0]
    """
    if np.shape(scores) != (N_CELLS,):
        raise InvalidInputError(f"scores have shape {np.shape(scores)}; expected ({N_CELLS},), one per cell")
    known = np.isfinite(scores)
    design, y = _design()[known], np.asarray(scores, dtype=np.float64)[known]
    if len(y) <= design.shape[1]:
        raise InvalidInputError(f"{len(y)} cells have a score; expected more than {design.shape[1]}")
    inverse = np.asarray(np.linalg.pinv(design.T @ design), dtype=np.float64)
    coefficients = inverse @ design.T @ y
    residuals = y - design @ coefficients
    covariance = _clustered(design * residuals[:, None], twin_labels()[known], inverse)
    variance = float(((y - y.mean()) ** 2).sum())
    r2 = 1.0 - float((residuals**2).sum()) / variance if variance else 0.0
    return CellEffects(_frame(coefficients, covariance), r2)


def connected(scores: FloatArray) -> FloatArray:
    """Return scores by space index with NaN for cells that carry nothing from input to output: they can only guess."""
    return np.where(live_paths().any(axis=1), scores, np.nan)


def _design() -> FloatArray:
    """Return the intercept and sum-to-zero codes, shape (15625, 25): the last operation of an edge is -1 everywhere."""
    codes = _sum_codes()[all_operations()]
    return np.hstack([np.ones((N_CELLS, 1)), codes.reshape(N_CELLS, -1)])


def _sum_codes() -> FloatArray:
    return np.vstack([np.eye(N_OPERATIONS - 1), -np.ones(N_OPERATIONS - 1)])


def _clustered(gradients: FloatArray, clusters: IntArray, inverse: FloatArray) -> FloatArray:
    """Return the cluster-robust covariance of least squares, shape (25, 25)."""
    sums = np.zeros((int(clusters.max()) + 1, gradients.shape[1]))
    np.add.at(sums, clusters, gradients)
    n = len(np.unique(clusters))
    return np.asarray(inverse @ (sums.T @ sums) @ inverse * n / max(n - 1, 1))


def _frame(coefficients: FloatArray, covariance: FloatArray) -> pd.DataFrame:
    spread = np.hstack([np.zeros((N_EDGES * N_OPERATIONS, 1)), np.kron(np.eye(N_EDGES), _sum_codes())])
    effects = spread @ coefficients
    errors = np.sqrt(np.maximum(np.einsum("ij,jk,ik->i", spread, covariance, spread), 0.0))
    return pd.DataFrame(
        {
            "edge": np.repeat(EDGE_NAMES, N_OPERATIONS),
            "operation": np.tile(SHORT_NAMES, N_EDGES),
            "effect": effects,
            "standard_error": errors,
            "low": effects - _NORMAL_95 * errors,
            "high": effects + _NORMAL_95 * errors,
        }
    )
