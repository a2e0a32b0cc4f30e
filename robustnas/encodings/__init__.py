"""Encodings: cells as rows of numbers, for surrogates and distances. Vectorised over the whole space, and cached.

>>> from robustnas import space
>>> from robustnas.encodings import encoding
>>> features = encoding("path+path-statistics")
>>> features.values[space.indices(["#13433", "#0"])].shape
(2, 74)
"""

from robustnas.encodings.encoding import Encoding, join
from robustnas.encodings.registry import ENCODINGS, encoding

__all__ = ["ENCODINGS", "Encoding", "encoding", "join"]
