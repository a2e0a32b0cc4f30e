"""Search spaces: what can be searched.

>>> from robustnas.spaces import open_space
>>> space = open_space("nasbench201")
>>> cell = space.parse("#13433")
>>> space.uid(cell), len(space.neighbours(cell))
(13433, 24)
"""

from robustnas.spaces.encoding import Encoding, join
from robustnas.spaces.encodings import ENCODINGS, encoding, encoding_names
from robustnas.spaces.enumerable_space import EnumerableSpace
from robustnas.spaces.registry import DEFAULT_SPACE, SPACES, open_space
from robustnas.spaces.search_space import COSTS, SearchSpace
from robustnas.spaces.subspace import Subspace

__all__ = [
    "COSTS",
    "DEFAULT_SPACE",
    "ENCODINGS",
    "SPACES",
    "Encoding",
    "EnumerableSpace",
    "SearchSpace",
    "Subspace",
    "encoding",
    "encoding_names",
    "join",
    "open_space",
]
