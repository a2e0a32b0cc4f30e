"""Sizes that no memory holds, refused before anything is allocated: a system may promise memory that it has not."""

from __future__ import annotations

import os
from functools import cache

from robustnas.errors import EvaluationError
from robustnas.spaces.nasbench201.cell import Cell
from robustnas.spaces.nasbench201.cost import Skeleton
from robustnas.spaces.nasbench201.operations import Operation

KERNELS: dict[int, int] = {Operation.CONV_1X1: 1, Operation.CONV_3X3: 9}
"""Weights of a convolution per pair of channels."""

_MODULE_BYTES = 30_000  # of the Python objects of a cell


class DeviceMemoryError(EvaluationError):
    """A device has too little memory, even for the smallest batch."""


@cache
def machine_memory() -> int:
    """Return the bytes of memory of this machine; a very large number where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 2**62


def check_network(cell: Cell, skeleton: Skeleton, memory: int | None = None) -> None:
    """Refuse a network that does not fit into memory; arguments and errors as `check_size`."""
    size = f"{skeleton.n_cells:,} cells per stage of {skeleton.channels:,} channels and {skeleton.n_classes:,} classes"
    c, n = skeleton.channels, skeleton.n_cells
    per_cell = sum(KERNELS.get(op, 0) for op in cell.ops) * (1 + 4 + 16) * c * c
    weights = n * per_cell + (56 + 224) * c * c + 4 * c * skeleton.n_classes
    check_size(4 * weights + 3 * n * _MODULE_BYTES, f"the weights of {size}", memory)


def check_size(n_bytes: int, what: str, memory: int | None = None) -> None:
    """Refuse what does not fit into memory.

    Args:
        n_bytes: The bytes that it takes at least.
        what: What it is, in plural, for the message.
        memory: The memory of the device in bytes; that of the machine if None.

    Raises:
        DeviceMemoryError: It does not fit.

    >>> check_size(10**30, "the weights")
    Traceback (most recent call last):
        ...
    robustnas.evaluator.memory_size.DeviceMemoryError: the weights need 1e+21 GB of memory; there are ...
    """
    there = machine_memory() if memory is None else memory
    if n_bytes > there:
        raise DeviceMemoryError(f"{what} need {n_bytes / 1e9:.3g} GB of memory; there are {there / 1e9:.3g} GB")
