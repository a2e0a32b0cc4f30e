"""Adjacency one-hot encoding: which operation is on which edge."""

from __future__ import annotations

import numpy as np

from robustnas.arrays import FloatArray
from robustnas.spaces.encoding import Encoding
from robustnas.spaces.nasbench201.encodings.structure import SHORT_NAMES, functional_mean, live_operations
from robustnas.spaces.nasbench201.numbering import N_CELLS, N_OPERATIONS, all_operations
from robustnas.spaces.nasbench201.operations import EDGES


def one_hot() -> Encoding:
    """Return six edges x five operations as 0 and 1; different cells of the same network have different rows."""
    values = _one_hot(all_operations())
    return Encoding("one-hot", values, _names("one-hot"), (values.shape[1],))


def functional() -> Encoding:
    """Return one-hot with dead edges as none, averaged over functional twins: the share of the cells computing
    this function that have the operation on the edge.
    """  # noqa: D205
    values = functional_mean(_one_hot(live_operations()))
    return Encoding("functional", values, _names("functional"), (values.shape[1],))


def _one_hot(ops: np.ndarray[tuple[int, ...], np.dtype[np.signedinteger]]) -> FloatArray:
    return np.asarray(np.eye(N_OPERATIONS)[ops].reshape(N_CELLS, -1))


def _names(encoding: str) -> tuple[str, ...]:
    return tuple(f"{encoding}:{source}>{target}={op}" for source, target in EDGES for op in SHORT_NAMES)
