"""Statistics over a cell's paths: what an attack's gradient, or a corruption, encounters on its way through the cell.

Accuracy under attack depends on which operations *every* path contains (a path without pooling or convolution is a
shortcut for small perturbations), on depth and on the receptive field, rather than on the position of an operation.
"""

from __future__ import annotations

import numpy as np

from robustnas.arrays import FloatArray, IntArray
from robustnas.spaces.encoding import Encoding
from robustnas.spaces.nasbench201.encodings.structure import (
    MAX_DEPTH,
    SHORT_NAMES,
    WORKING_OPERATIONS,
    live_paths,
    path_counts,
    path_depths,
    path_ends,
)
from robustnas.spaces.nasbench201.operations import Operation

Columns = dict[str, FloatArray]

_NO_PATH = 99  # deeper than any path: never the minimum if there is a live path


def path_statistics() -> Encoding:
    """Return statistics over all live paths; functional twins have equal rows.

    Columns: the number of paths; minimum, maximum and mean per path of each working operation, of convolutions, of
    depth (working operations) and of the receptive field's growth in pixels; how many paths lack each; how many have
    depth 1, 2 and 3; how many begin and end with each operation; the fewest convolutions on a shortest path. A cell
    without a live path has zeros.
    """
    columns: Columns = {"paths": live_paths().sum(axis=1)}
    for name, counts in _quantities().items():
        columns |= _over_paths(name, counts)
    columns |= robustness_columns() | _ends()
    names = tuple(f"path-statistics:{name}" for name in columns)
    return Encoding("path-statistics", np.stack(list(columns.values()), axis=1).astype(float), names, (len(names),))


def robustness_columns() -> Columns:
    """Return paths by depth, and the fewest convolutions on a shortest path, each of shape (15625,)."""
    live, depths = live_paths(), path_depths()
    columns: Columns = {
        f"paths_of_depth_{depth}": ((depths == depth) & live).sum(axis=1) for depth in range(1, MAX_DEPTH + 1)
    }
    reachable = np.where(live, depths, _NO_PATH)
    shortest = live & (reachable == reachable.min(axis=1, keepdims=True))
    fewest = np.where(shortest, _convolutions(), _NO_PATH).min(axis=1)
    columns["convs_on_shortest_path"] = np.where(live.any(axis=1), fewest, 0)
    return columns


def receptive_field() -> IntArray:
    """Return by how many pixels each path widens the receptive field, shape (15625, 4): 2 per 3x3 operation."""
    counts = path_counts()
    return np.asarray(2 * (counts[..., Operation.CONV_3X3] + counts[..., Operation.AVG_POOL_3X3]))


def _convolutions() -> IntArray:
    return np.asarray(path_counts()[..., [Operation.CONV_1X1, Operation.CONV_3X3]].sum(axis=-1))


def _quantities() -> dict[str, IntArray]:
    """Return what is counted on each path, each of shape (15625, 4)."""
    counts = {SHORT_NAMES[op]: path_counts()[..., op] for op in WORKING_OPERATIONS}
    return counts | {"conv": _convolutions(), "depth": path_depths(), "field": receptive_field()}


def _over_paths(name: str, counts: IntArray) -> Columns:
    live = live_paths()
    n_paths = live.sum(axis=1)
    columns = {
        f"min_{name}": np.where(live, counts, _NO_PATH).min(axis=1),
        f"max_{name}": np.where(live, counts, -1).max(axis=1),
        f"mean_{name}": (counts * live).sum(axis=1) / np.maximum(n_paths, 1),
    }
    columns = {key: np.where(n_paths > 0, values, 0) for key, values in columns.items()}
    if name != "field":  # without it: only 1x1 convolutions and skips, which other columns show
        columns[f"paths_without_{name}"] = ((counts == 0) & live).sum(axis=1)
    return columns


def _ends() -> Columns:
    return {
        f"paths_{end}_{SHORT_NAMES[op]}": ((operations == op) & live_paths()).sum(axis=1)
        for end, operations in zip(("from", "to"), path_ends(), strict=True)
        for op in WORKING_OPERATIONS
    }
