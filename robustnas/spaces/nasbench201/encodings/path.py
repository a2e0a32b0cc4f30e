"""The path encoding (White, Neiswanger and Savani, 2020, "BANANAS"), with skips contracted."""

from __future__ import annotations

from itertools import product

import numpy as np

from robustnas.spaces.encoding import Encoding
from robustnas.spaces.nasbench201.encodings.structure import (
    MAX_DEPTH,
    PATHS,
    SHORT_NAMES,
    WORKING_OPERATIONS,
    live_paths,
)
from robustnas.spaces.nasbench201.numbering import N_CELLS, all_operations
from robustnas.spaces.nasbench201.operations import Operation

N_WORKING = len(WORKING_OPERATIONS)


def path() -> Encoding:
    """Return how many live paths spell each of the 1 + 3 + 9 + 27 words of working operations.

    The original encoding records whether a path exists and keeps skips as a letter. Counting distinguishes two equal
    branches from one, and contracting skips gives functional twins equal rows.
    """
    words = [word for depth in range(MAX_DEPTH + 1) for word in product(WORKING_OPERATIONS, repeat=depth)]
    values = np.zeros((N_CELLS, len(words)))
    for column, live in zip(_word_columns(), live_paths().T, strict=True):
        np.add.at(values, (np.arange(N_CELLS), column), live)
    names = tuple("path:" + (">".join(SHORT_NAMES[op] for op in word) or "identity") for word in words)
    return Encoding("path", values, names, (len(names),))


def _word_columns() -> list[np.ndarray[tuple[int, ...], np.dtype[np.int64]]]:
    """Return each path's column, shape (15625,): words sorted by length, then as numbers in base 3."""
    ops = all_operations().astype(np.int64)
    first_of_depth = np.cumsum([0] + [N_WORKING**depth for depth in range(MAX_DEPTH)])
    columns = []
    for edges in PATHS:
        code, depth = np.zeros((2, N_CELLS), dtype=np.int64)
        for edge in edges:
            working = ops[:, edge] > Operation.SKIP_CONNECT
            code = np.where(working, code * N_WORKING + ops[:, edge] - Operation.CONV_1X1, code)
            depth = depth + working
        columns.append(first_of_depth[depth] + code)
    return columns
