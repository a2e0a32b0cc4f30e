"""Search spaces: what can be searched.

>>> from robustnas.spaces import open_space
>>> space = open_space("nasbench201")
>>> cell = space.parse("#13433")
>>> space.uid(cell), len(space.neighbours(cell))
(13433, 24)
"""

from robustnas.spaces.choice_architecture import ChoiceArchitecture
from robustnas.spaces.choice_space import ChoiceSpace
from robustnas.spaces.encoding import Encoding, join
from robustnas.spaces.encodings import ENCODINGS, encoding, encoding_names
from robustnas.spaces.enumerable_space import EnumerableSpace
from robustnas.spaces.listed_space import GrowingSpace, ListedSpace
from robustnas.spaces.product_space import ProductSpace
from robustnas.spaces.registry import DEFAULT_SPACE, SPACES, find_space, open_space, recorded_name
from robustnas.spaces.search_space import COSTS, SearchSpace
from robustnas.spaces.subspace import Subspace

__all__ = [
    "COSTS",
    "DEFAULT_SPACE",
    "ENCODINGS",
    "SPACES",
    "ChoiceArchitecture",
    "ChoiceSpace",
    "Encoding",
    "EnumerableSpace",
    "GrowingSpace",
    "ListedSpace",
    "ProductSpace",
    "SearchSpace",
    "Subspace",
    "encoding",
    "encoding_names",
    "find_space",
    "join",
    "open_space",
    "recorded_name",
]
