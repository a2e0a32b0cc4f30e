"""The registry of search spaces, one line each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from robustnas.errors import InvalidInputError, excerpt
from robustnas.reference import user_code
from robustnas.registry import Registry
from robustnas.spaces.enumerable_space import EnumerableSpace

DEFAULT_SPACE = "nasbench201"


def _nasbench201() -> EnumerableSpace[Any]:
    from robustnas.spaces.nasbench201 import NASBENCH201

    return NASBENCH201


SPACES: Registry[Callable[[], EnumerableSpace[Any]]] = Registry(
    "search space", {DEFAULT_SPACE: _nasbench201}, "robustnas.spaces"
)
"""Search spaces by name: functions that return the space, always the same object."""


def open_space(name: str = DEFAULT_SPACE) -> EnumerableSpace[Any]:
    """Return a search space by name.

    Raises:
        InvalidInputError: There is no space of this name, or what is registered returns none.

    >>> open_space("nasbench201").n_networks
    6466
    """
    opener = SPACES.find(name)
    found: Any = None
    if callable(opener):
        with user_code({f"search space {name!r}": opener}):
            found = opener()
    if not isinstance(found, EnumerableSpace):
        raise InvalidInputError(
            f"search space {excerpt(name)} is {excerpt(opener)}; expected a function that returns a space"
        )
    return found
