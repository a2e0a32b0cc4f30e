"""Searchers, surrogates and encodings of the caller's own, given as objects: they go by their names in this process.

What was defined in a notebook has no file that records could name, and worker processes do not have it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from robustnas.errors import InvalidInputError, excerpt
from robustnas.registry import Registry

_GIVEN: dict[tuple[str, str], str] = {}
"""By kind and name of what was given: the module that it is of."""


def named(given: Any, registry: Registry[Any]) -> str:
    """Return the name of a class or a function, which is registered under it; a text as it is.

    One that is defined anew replaces the one before.

    Raises:
        InvalidInputError: Its name is that of another one, or it is none of these.
    """
    if isinstance(given, str):
        return given
    if not (callable(given) and hasattr(given, "__name__")):
        raise InvalidInputError(f"{registry.kind} is {excerpt(given)}; expected a name, or what makes one: a class")
    known = next((name for name, entry in registry.items() if entry is given), None)
    if known is not None:
        return known
    name, kind = str(given.__name__), registry.kind
    if name in registry and _GIVEN.get((kind, name)) != given.__module__:
        raise InvalidInputError(f"there is a {kind} {excerpt(name)} already; expected one of another name")
    registry[name], _GIVEN[kind, name] = given, given.__module__
    return name


def of_this_process(names: Iterable[Any], registry: Registry[Any]) -> list[str]:
    """Return those names that were given to what this process alone has."""
    return [name for name in names if isinstance(name, str) and (registry.kind, name) in _GIVEN]


def checked_jobs(own: list[str], jobs: int | None, out: object, executor: object) -> int | None:
    """Return the number of workers: one, this process, where something is of this process alone.

    Raises:
        InvalidInputError: Others would have to have it, or records would have to name its source.
    """
    if not own:
        return jobs
    what, advice = excerpt(own[0]), f"write it to a file and name it as 'my_file.py:{own[0]}'"
    if out is not None:
        raise InvalidInputError(f"out is {excerpt(out)}, but records cannot name the source of {what}: {advice}")
    if executor is not None or jobs not in (None, 1):
        given = f"jobs is {jobs}" if executor is None else f"executor is {excerpt(executor)}"
        raise InvalidInputError(f"{given}, but {what} is of this process alone: leave that out, or {advice}")
    return 1
