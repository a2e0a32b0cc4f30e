"""The registry of search spaces, one line each, and spaces of the user's own by reference."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from robustnas.errors import InvalidInputError, RobustNASError, excerpt
from robustnas.reference import absolute_reference, is_reference, load_reference, user_code
from robustnas.registry import Registry
from robustnas.spaces.enumerable_space import EnumerableSpace

DEFAULT_SPACE = "nasbench201"


def _nasbench201() -> EnumerableSpace[Any]:
    from robustnas.spaces.nasbench201 import NASBENCH201

    return NASBENCH201


def _wide_resnets() -> EnumerableSpace[Any]:
    from robustnas.spaces.wide_resnets import WideResNets

    return WideResNets()


def _nasbench201_sizes() -> EnumerableSpace[Any]:
    from robustnas.spaces.nasbench201_sizes import NASBench201Sizes

    return NASBench201Sizes()


_OPENERS: dict[str, Callable[[], EnumerableSpace[Any]]] = {
    DEFAULT_SPACE: _nasbench201,
    "nasbench201-sizes": _nasbench201_sizes,
    "wide-resnets": _wide_resnets,
}

SPACES: Registry[Callable[[], EnumerableSpace[Any]]] = Registry("search space", _OPENERS, "robustnas.spaces")
"""Search spaces by name: functions that return the space, or classes; each is called once."""


_OPENED: dict[int, tuple[Any, EnumerableSpace[Any], str]] = {}
"""By id: what makes a space, kept alive, with the space and a name that opens it."""


def open_space(name: str = DEFAULT_SPACE) -> EnumerableSpace[Any]:
    """Return a search space by name or reference, always the same object.

    Args:
        name: A name in `SPACES`, or a reference such as ``my_spaces.py:WideResNets`` to a class of spaces, a space, or
            a function that returns one.

    Raises:
        InvalidInputError: There is no space of this name, or what is registered or referred to is none.

    >>> open_space("nasbench201").n_networks
    6466
    """
    if is_reference(name):
        return _referenced(name)
    opener = SPACES.find(name)
    if id(opener) not in _OPENED:
        _keep(opener, _made(name, opener, "a function that returns a space"), name)
    return _OPENED[id(opener)][1]


def find_space(name: str) -> EnumerableSpace[Any] | None:
    """Return a search space by name or reference, None where it is not there."""
    if name not in SPACES and not is_reference(name):
        return None
    try:
        return open_space(name)
    except RobustNASError:
        return None


def opened_as(space: EnumerableSpace[Any]) -> str | None:
    """Return the name or reference that opens a space, in any process; None if none was used for it.

    >>> opened_as(open_space("nasbench201"))
    'nasbench201'
    """
    names = (name for _, opened, name in _OPENED.values() if opened is space)
    return next(names, None)


def recorded_name(space: EnumerableSpace[Any]) -> str:
    """Return what records call a space: what opens it, where users may change it, else its name."""
    whole: EnumerableSpace[Any] = getattr(space, "whole", space) if space.digests else space
    if not whole.is_enumerated and whole is not space:  # its indices are others
        return f"{space.name} (listed)"
    return opened_as(whole) or space.name if whole.digests else space.name


def _referenced(name: str) -> EnumerableSpace[Any]:
    source = load_reference("search space", name)
    if id(source) not in _OPENED:
        expected = "a class of spaces, a space, or a function that returns one"
        found = source if isinstance(source, EnumerableSpace) else _made(name, source, expected)
        _keep(source, found, absolute_reference(name))
    return _OPENED[id(source)][1]


def _made(name: str, opener: Any, expected: str) -> EnumerableSpace[Any]:
    found: Any = None
    if callable(opener):
        with user_code({f"search space {name!r}": opener}):
            found = opener()
    if not isinstance(found, EnumerableSpace):
        raise InvalidInputError(f"search space {excerpt(name)} is {excerpt(opener)}; expected {expected}")
    return found


def _keep(source: Any, space: EnumerableSpace[Any], name: str) -> None:
    _OPENED[id(source)] = source, space, name
