"""Whether functional twins differ by noise: if so, their cells say nothing of which twin scores higher.

Accuracies of independent trainings are exchangeable within a group of twins. Latencies are not: of two cells that
compute the same function, the one with more operations is slower, training after training.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from robustnas.arrays import AnyArray, FloatArray, IntArray
from robustnas.spaces import EnumerableSpace
from robustnas.tables.noise import TwinDeviations

MOST_EXPLAINED = 0.05
"""Share of the twins' variance that may depend on the cells: noise does not."""

LEAST_SIGNIFICANCE = 0.01

_N_PERMUTATIONS = 199


def share_of_cells(twins: TwinDeviations, space: EnumerableSpace[Any]) -> float:
    """Return `explained_by_cells` where it is more than `MOST_EXPLAINED`, beyond chance; else 0: twins are noise."""
    share, p_value = explained_by_cells(twins, space)
    return share if share > MOST_EXPLAINED and p_value <= LEAST_SIGNIFICANCE else 0.0


def explained_by_cells(twins: TwinDeviations, space: EnumerableSpace[Any], seed: int = 0) -> tuple[float, float]:
    """Return the share of the twins' variance that their choices explain, and the p-value of it.

    The deviations from the groups' means are regressed on the one-hot choices of the cells, less their means. The share
    is R2 beyond its mean over random permutations within groups (an adjusted R2, negative by chance); the p-value is
    that of the permutation test, at least 1 / 200.

    Args:
        twins: Deviations, as `robustnas.tables.noise.twin_deviations` returns them.
        space: Whose networks they are.
        seed: Of the permutations.
    """
    order = np.argsort(twins.labels, kind="stable")
    labels, deviations = twins.labels[order], twins.deviations[order]
    total = float((deviations**2).sum())
    if total == 0.0:
        return 0.0, 1.0
    codes = space.codes()[space.network_indices()[twins.rows[order]]]
    basis = _orthonormal(_within(_one_hot(codes), labels))
    rng = np.random.default_rng(seed)
    orders = (np.lexsort((rng.random(len(labels)), labels)) for _ in range(_N_PERMUTATIONS))
    by_chance = np.array([_projected(basis, deviations[order]) for order in orders]) / total
    found = _projected(basis, deviations) / total
    share = (found - by_chance.mean()) / max(1.0 - by_chance.mean(), 1e-9)
    return float(share), float((1 + (by_chance >= found - 1e-12).sum()) / (_N_PERMUTATIONS + 1))


def _one_hot(codes: AnyArray) -> FloatArray:
    """Return the choices as columns of 0 and 1, the first option of each left out, shape (n, d)."""
    options = [(choice, option) for choice in range(codes.shape[1]) for option in range(1, int(codes.max()) + 1)]
    return np.stack([(codes[:, choice] == option).astype(float) for choice, option in options], axis=1)


def _within(columns: FloatArray, labels: IntArray) -> FloatArray:
    """Return columns less their means within groups of sorted labels."""
    groups, sizes = np.unique(labels, return_inverse=True, return_counts=True)[1:]
    means = np.stack([np.bincount(groups, weights=column) for column in columns.T], axis=1) / sizes[:, None]
    return np.asarray(columns - means[groups])


def _orthonormal(columns: FloatArray) -> FloatArray:
    """Return an orthonormal basis of what the columns span, shape (n, rank)."""
    basis, values, _ = np.linalg.svd(columns, full_matrices=False)
    return np.asarray(basis[:, values > 1e-9 * max(float(values[0]), 1e-300)])


def _projected(basis: FloatArray, values: FloatArray) -> float:
    return float(((basis.T @ values) ** 2).sum())
