"""The search space of NAS-Bench-201: 15,625 cells, 6,466 networks and their neighbours.

Facts about the whole space are arrays by space index, computed once per process and read-only.

>>> from robustnas.spaces.nasbench201 import space
>>> space.N_CELLS, space.N_NETWORKS
(15625, 6466)
>>> cell = space.parse("#0")
>>> len(space.neighbours(cell))
24
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

import numpy as np

from robustnas.arrays import IntArray, read_only
from robustnas.errors import InvalidInputError
from robustnas.spaces.nasbench201.cell import Architecture, Cell
from robustnas.spaces.nasbench201.identity import (
    N_NETWORKS,
    canonical_indices,
    canonical_strings,
    network_indices,
    network_of_index,
    networks,
    uids,
)
from robustnas.spaces.nasbench201.numbering import (
    N_CELLS,
    N_EDGES,
    N_OPERATIONS,
    all_operations,
    id_of_index,
    index_of_id,
)
from robustnas.spaces.nasbench201.operations import EDGES, OPERATION_LABELS, Operation

__all__ = [
    "EDGES",
    "N_CELLS",
    "N_EDGES",
    "N_NETWORKS",
    "N_OPERATIONS",
    "OPERATION_LABELS",
    "Operation",
    "all_operations",
    "canonical",
    "canonical_indices",
    "canonical_list",
    "canonical_strings",
    "cell",
    "edit_distance",
    "id_of_index",
    "index_of_id",
    "indices",
    "neighbour_indices",
    "neighbour_lists",
    "neighbours",
    "network_indices",
    "network_of_index",
    "networks",
    "parse",
    "sample",
    "uid",
    "uids",
]

parse = Cell.parse
cell = Cell.from_index


def canonical(cell: Cell) -> Cell:
    """Return the representative of the cell's class: the only key for caching and de-duplication.

    >>> canonical(Cell.parse("index:0")) == canonical(Cell.parse("index:1"))
    False
    """
    return Cell.from_index(canonical_list()[cell.index])


def uid(cell: Cell) -> int:
    """Return the uid, the smallest database id in the cell's class: the network that the database evaluated."""
    return int(uids()[cell.index])


def indices(archs: Iterable[Architecture]) -> IntArray:
    """Return the space indices of architectures in any notation, shape (n,)."""
    return np.array([Cell.parse(arch).index for arch in archs], dtype=np.int64)


def sample(rng: np.random.Generator, n: int | None = None, *, canonical: bool = False) -> Cell | list[Cell]:
    """Draw cells uniformly, without replacement.

    Args:
        rng: The only source of randomness.
        n: Number of cells; None for a single `Cell` instead of a list.
        canonical: Whether to draw from the 6,466 representatives instead of the 15,625 cells.

    Raises:
        InvalidInputError: `n` exceeds the number of cells.
    """
    pool = network_indices() if canonical else np.arange(N_CELLS)
    if n is None:
        return Cell.from_index(int(pool[rng.integers(len(pool))]))
    if not 0 <= n <= len(pool):
        raise InvalidInputError(f"cannot draw {n} distinct cells; expected 0 to {len(pool)}")
    return [Cell.from_index(int(i)) for i in rng.choice(pool, size=n, replace=False)]


@cache
def neighbour_indices() -> IntArray:
    """Return the 24 neighbours (one edge changed) of every cell, shape (15625, 24), read-only.

    Columns run over the six edges and, for each edge, over the four other operations in order of their codes.
    """
    ops = all_operations().astype(np.int64)
    place = N_OPERATIONS ** np.arange(N_EDGES - 1, -1, -1)
    other = np.array([[op for op in range(N_OPERATIONS) if op != own] for own in range(N_OPERATIONS)])
    change = (other[ops] - ops[:, :, None]) * place[None, :, None]
    return read_only((np.arange(N_CELLS)[:, None, None] + change).reshape(N_CELLS, -1))


def neighbours(cell: Cell) -> list[Cell]:
    """Return the 24 cells that differ from `cell` in exactly one operation."""
    return [Cell.from_index(int(i)) for i in neighbour_indices()[cell.index]]


def edit_distance(first: Cell, second: Cell) -> int:
    """Return the number of edges, 0 to 6, on which two cells have different operations.

    >>> edit_distance(Cell((0, 0, 0, 0, 0, 0)), Cell((0, 1, 0, 0, 0, 4)))
    2
    """
    return sum(a != b for a, b in zip(first.ops, second.ops, strict=True))


@cache
def canonical_list() -> list[int]:
    """Return `canonical_indices` as plain integers, for a search's inner loop; do not modify."""
    plain: list[int] = canonical_indices().tolist()
    return plain


@cache
def neighbour_lists() -> list[list[int]]:
    """Return `neighbour_indices` as plain integers, for a search's inner loop; do not modify."""
    plain: list[list[int]] = neighbour_indices().tolist()
    return plain
