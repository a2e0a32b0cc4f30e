"""Forward substitution in place, for many columns: what a posterior over all candidates spends most of its time on."""

from __future__ import annotations

import numpy as np
from scipy.linalg.blas import dtrsm

from robustnas.arrays import FloatArray

_BLOCK = 64  # rows at a time: the rest of the work is a product of matrices, which BLAS does faster than substitution


def solve_lower(factor: FloatArray, rows: FloatArray) -> None:
    """Replace rows by inv(factor) rows.

    Args:
        factor: Lower triangular, shape (n, n).
        rows: Shape (n, n_columns), float64, contiguous; overwritten.

    >>> rows = np.array([[2.0, 4.0], [1.0, 5.0]])
    >>> solve_lower(np.array([[2.0, 0.0], [1.0, 3.0]]), rows)
    >>> rows.tolist()
    [[1.0, 2.0], [0.0, 1.0]]
    """
    assert rows.dtype == np.float64
    assert rows.flags.c_contiguous, "BLAS would solve for a copy"
    for start in range(0, len(rows), _BLOCK):
        block = slice(start, start + _BLOCK)
        if start:
            rows[block] -= factor[block, :start] @ rows[:start]
        corner = factor[block, block].copy()
        # BLAS counts by columns, so that it sees every array transposed
        dtrsm(1.0, corner.T, rows[block].T, side=1, overwrite_b=1)
