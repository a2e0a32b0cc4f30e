"""The two numberings of the 15,625 cells: the space index and the database id.

The *space index* is the cell's operations read as a six-digit number in base 5, first edge first.
The *database id* is the number of the cell in NAS-Bench-201, also used by the robustness database.
NAS-Bench-201 (Dong and Yang, ICLR 2020) shuffled the enumerated space once with Python's Mersenne Twister, seeded with
88; the same shuffle is repeated here, so no table of ids is needed.
"""

from __future__ import annotations

import random
from functools import cache

import numpy as np
from numpy.typing import NDArray

from robustnas.arrays import IntArray, read_only

N_OPERATIONS = 5
N_EDGES = 6
N_CELLS: int = N_OPERATIONS**N_EDGES

_NASBENCH201_SHUFFLE_SEED = 88


@cache
def index_of_id() -> IntArray:
    """Return the space index of every database id, shape (15625,), read-only.

    >>> int(index_of_id()[0])
    13931
    """
    order = list(range(N_CELLS))
    random.Random(_NASBENCH201_SHUFFLE_SEED).shuffle(order)
    return read_only(np.array(order, dtype=np.int64))


@cache
def id_of_index() -> IntArray:
    """Return the database id of every space index, shape (15625,), read-only; the inverse of `index_of_id`."""
    ids = np.empty(N_CELLS, dtype=np.int64)
    ids[index_of_id()] = np.arange(N_CELLS)
    return read_only(ids)


@cache
def all_operations() -> NDArray[np.int8]:
    """Return the operation codes of every cell by space index, shape (15625, 6), values 0 to 4, read-only."""
    digits = np.indices((N_OPERATIONS,) * N_EDGES, dtype=np.int8)
    return read_only(digits.reshape(N_EDGES, N_CELLS).T.copy())
