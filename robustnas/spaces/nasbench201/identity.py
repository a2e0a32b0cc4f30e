"""Canonical identity: which of the 15,625 cells the robustness database treats as the same network.

The rule is the database's own: node 0 is written "0"; every later node as the sorted list of its incoming terms,
joined by "+", where a term is "#" if the operation is none or the source node's string is exactly "#", the source's
string itself if the operation is skip_connect, else "(source)@operation". Two cells are the same network if their
node 3 strings are equal. This gives 6,466 classes, each identified by its smallest database id, the *uid*.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from robustnas.arrays import IntArray, read_only
from robustnas.spaces.nasbench201.numbering import N_CELLS, id_of_index, index_of_id
from robustnas.spaces.nasbench201.operations import OPERATION_LABELS

N_NETWORKS = 6466
"""Number of canonical classes, that is, of networks that the database evaluated."""


@cache
def canonical_strings() -> tuple[str, ...]:
    """Return the string of node 3 for every cell, by space index.

    Nodes 1 and 2 have only 5 and 125 forms, so the strings are built along the prefix tree of the space.
    """
    strings: list[str] = []
    for node1 in _terms("0"):
        for from0 in _terms("0"):
            for from1 in _terms(node1):
                strings.extend(_output_strings("0", node1, "+".join(sorted((from0, from1)))))
    return tuple(strings)


@cache
def uids() -> IntArray:
    """Return the uid of every cell by space index, shape (15625,), read-only."""
    return read_only(networks()[network_of_index()])


@cache
def networks() -> IntArray:
    """Return the 6,466 uids in ascending order, shape (6466,), read-only; the row order of every table."""
    ids = id_of_index()
    smallest = np.full(N_NETWORKS, N_CELLS, dtype=np.int64)
    np.minimum.at(smallest, _class_labels(), ids)
    return read_only(np.sort(smallest))


@cache
def network_of_index() -> IntArray:
    """Return the row (0 to 6465, in ascending order of uid) of every cell by space index, shape (15625,), read-only."""
    labels = _class_labels()
    smallest = np.full(N_NETWORKS, N_CELLS, dtype=np.int64)
    np.minimum.at(smallest, labels, id_of_index())
    row_of_label = np.empty(N_NETWORKS, dtype=np.int64)
    row_of_label[np.argsort(smallest)] = np.arange(N_NETWORKS)
    return read_only(row_of_label[labels])


@cache
def canonical_indices() -> IntArray:
    """Return the space index of every cell's canonical representative (the cell whose id is the uid), (15625,)."""
    return read_only(index_of_id()[uids()])


@cache
def network_indices() -> IntArray:
    """Return the space indices of the 6,466 canonical representatives, in ascending order of uid, read-only."""
    return read_only(index_of_id()[networks()])


@cache
def _class_labels() -> IntArray:
    label: dict[str, int] = {}
    labels = [label.setdefault(string, len(label)) for string in canonical_strings()]
    assert len(label) == N_NETWORKS
    return read_only(np.array(labels, dtype=np.int64))


def _terms(source: str) -> tuple[str, ...]:
    """Return the terms that a source node contributes under the five operations, in order of their codes."""
    if source == "#":
        return ("#",) * len(OPERATION_LABELS)
    return ("#", source, *(f"({source})@{label}" for label in OPERATION_LABELS[2:]))


def _output_strings(*nodes: str) -> list[str]:
    first, second, third = (_terms(node) for node in nodes)
    return ["+".join(sorted((a, b, c))) for a in first for b in second for c in third]
