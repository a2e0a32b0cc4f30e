"""The encodings of NAS-Bench-201: cells as feature vectors, computed for the whole space at once and cached.

>>> from robustnas.spaces import encoding
>>> from robustnas.spaces.nasbench201 import space
>>> features = encoding("path+path-statistics")
>>> features.values[space.indices(["#13433", "#0"])].shape
(2, 74)
"""

from __future__ import annotations

from collections.abc import Callable

from robustnas.spaces.encoding import Encoding
from robustnas.spaces.nasbench201.encodings.cost import cost
from robustnas.spaces.nasbench201.encodings.graph import graph
from robustnas.spaces.nasbench201.encodings.one_hot import functional, one_hot
from robustnas.spaces.nasbench201.encodings.path import path
from robustnas.spaces.nasbench201.encodings.path_statistics import path_statistics

__all__ = ["NASBENCH201_ENCODINGS"]

NASBENCH201_ENCODINGS: dict[str, Callable[[], Encoding]] = {
    "one-hot": one_hot,
    "functional": functional,
    "path": path,
    "path-statistics": path_statistics,
    "graph": graph,
    "cost": cost,
}
"""Encodings by name; all except ``one-hot`` give functional twins equal rows."""
