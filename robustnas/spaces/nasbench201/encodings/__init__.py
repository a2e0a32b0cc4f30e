"""Encodings: cells as rows of numbers, for surrogates and distances. Vectorised over the whole space, and cached.

>>> from robustnas.spaces.nasbench201 import space
>>> from robustnas.spaces.nasbench201.encodings import encoding
>>> features = encoding("path+path-statistics")
>>> features.values[space.indices(["#13433", "#0"])].shape
(2, 74)
"""

from robustnas.spaces.nasbench201.encodings.encoding import Encoding, join
from robustnas.spaces.nasbench201.encodings.registry import ENCODINGS, encoding

__all__ = ["ENCODINGS", "Encoding", "encoding", "join"]
