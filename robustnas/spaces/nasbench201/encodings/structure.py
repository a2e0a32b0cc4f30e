"""Building blocks of the encodings: the four paths from a cell's input to its output, for the whole space at once.

A path is *live* if no operation on it is none; an edge is live if it lies on a live path. Skips are identities, so the
word of a path is the sequence of its other operations. All arrays are by space index, cached and read-only.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from robustnas.arrays import FloatArray, IntArray, read_only
from robustnas.spaces.nasbench201.numbering import N_CELLS, N_EDGES, N_OPERATIONS, all_operations
from robustnas.spaces.nasbench201.operations import Operation
from robustnas.spaces.nasbench201.twins import twin_labels

BoolArray = NDArray[np.bool_]

PATHS: tuple[tuple[int, ...], ...] = ((3,), (0, 4), (1, 5), (0, 2, 5))
"""The edges, by their position in `EDGES`, of the four paths from input to output."""

MAX_DEPTH = max(len(path) for path in PATHS)

WORKING_OPERATIONS = (Operation.CONV_1X1, Operation.CONV_3X3, Operation.AVG_POOL_3X3)
"""The working operations, which change their input: neither none nor skip."""

SHORT_NAMES = ("none", "skip", "conv_1x1", "conv_3x3", "avg_pool_3x3")
"""Names of the operations in feature names, by code."""


@cache
def live_paths() -> BoolArray:
    """Return whether each path carries the input to the output, shape (15625, 4)."""
    ops = all_operations()
    return read_only(np.stack([(ops[:, path] != Operation.NONE).all(axis=1) for path in PATHS], axis=1))


@cache
def live_edges() -> BoolArray:
    """Return whether each edge lies on a live path, shape (15625, 6)."""
    uses = np.array([[edge in path for edge in range(N_EDGES)] for path in PATHS])
    return read_only(live_paths() @ uses)


@cache
def live_operations() -> IntArray:
    """Return the operations with those of dead edges replaced by none, shape (15625, 6)."""
    return read_only(np.where(live_edges(), all_operations(), Operation.NONE).astype(np.int64))


@cache
def path_counts() -> IntArray:
    """Return how often each operation occurs on each path, shape (15625, 4, 5)."""
    hot = np.eye(N_OPERATIONS, dtype=np.int64)[all_operations()]
    return read_only(np.stack([hot[:, path].sum(axis=1) for path in PATHS], axis=1))


@cache
def path_depths() -> IntArray:
    """Return the number of working operations on each path, shape (15625, 4)."""
    return read_only(path_counts()[..., list(WORKING_OPERATIONS)].sum(axis=-1))


@cache
def path_ends() -> tuple[IntArray, IntArray]:
    """Return the first and the last working operation of each path, skip if it has none, each (15625, 4)."""
    return _first_operation(reverse=False), _first_operation(reverse=True)


def functional_mean(values: FloatArray) -> FloatArray:
    """Return features averaged over functional twins, so that cells with the same function have equal rows.

    Args:
        values: Features by space index, shape (15625, d).
    """
    labels = twin_labels()
    sums = np.zeros((int(labels.max()) + 1, values.shape[1]))
    np.add.at(sums, labels, values)
    return np.asarray((sums / np.bincount(labels)[:, None])[labels])


def _first_operation(*, reverse: bool) -> IntArray:
    ops = all_operations()
    columns = []
    for path in PATHS:
        found = np.full(N_CELLS, Operation.SKIP_CONNECT, dtype=np.int64)
        for edge in path if reverse else path[::-1]:
            found = np.where(ops[:, edge] > Operation.SKIP_CONNECT, ops[:, edge], found)
        columns.append(found)
    return read_only(np.stack(columns, axis=1))
