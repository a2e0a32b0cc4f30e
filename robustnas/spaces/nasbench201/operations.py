"""The edges of a cell and their possible operations."""

from __future__ import annotations

from enum import IntEnum

EDGES: tuple[tuple[int, int], ...] = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
"""Edges (source node, target node) in the order of the arch string; node 0 is the input, node 3 the output."""


class Operation(IntEnum):
    """An operation on an edge; its code is its position in NAS-Bench-201's own list."""

    NONE = 0
    SKIP_CONNECT = 1
    CONV_1X1 = 2
    CONV_3X3 = 3
    AVG_POOL_3X3 = 4

    @property
    def label(self) -> str:
        """Return the name used in arch strings, such as ``nor_conv_3x3``."""
        return OPERATION_LABELS[self]


OPERATION_LABELS: tuple[str, ...] = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
