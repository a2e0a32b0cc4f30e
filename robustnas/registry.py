"""Registries: implementations by name, those of installed packages included.

A package offers an implementation as an entry point (``robustnas.searchers``, ``.surrogates``, ``.encodings``,
``.datasets``, ``.attacks``, ``.spaces``, ``.executors``); in its pyproject.toml::

    [project.entry-points."robustnas.searchers"]
    annealing = "my_package.annealing:SimulatedAnnealing"
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, MutableMapping
from functools import cache
from importlib.metadata import entry_points
from typing import Any, TypeVar

from robustnas.errors import InvalidInputError, described, excerpt, unknown_name

Entry = TypeVar("Entry")


class Registry(MutableMapping[str, Entry]):
    """A dict of implementations by name. Entry points are loaded when it is first read.

    One that cannot be loaded is named in a warning, and so is one whose name is taken; neither keeps the others out.

    Args:
        kind: What an entry is, for messages, such as ``searcher``.
        entries: Those that come with RobustNAS.
        group: The group of entry points that adds to them.

    >>> colours = Registry("colour", {"red": 1, "green": 2})
    >>> colours["red"], sorted(colours)
    (1, ['green', 'red'])
    >>> colours.find("gren")
    Traceback (most recent call last):
        ...
    robustnas.errors.InvalidInputError: unknown colour 'gren'; did you mean 'green'? Known: green, red
    """

    def __init__(self, kind: str, entries: Mapping[str, Entry], group: str | None = None) -> None:
        self.kind = kind
        self._entries = dict(entries)
        self._group = group

    def find(self, name: object) -> Entry:
        """Return an entry.

        Raises:
            InvalidInputError: There is none of this name; names the nearest one.
        """
        entries = self._loaded()
        if not isinstance(name, str) or name not in entries:
            raise InvalidInputError(unknown_name(self.kind, name, entries))
        return entries[name]

    def __getitem__(self, name: str) -> Entry:
        return self._loaded()[name]

    def __setitem__(self, name: str, entry: Entry) -> None:
        self._loaded()[name] = entry

    def __delitem__(self, name: str) -> None:
        del self._loaded()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._loaded())

    def __len__(self) -> int:
        return len(self._loaded())

    def __or__(self, other: Mapping[str, Entry]) -> dict[str, Entry]:
        return {**self._loaded(), **other}

    def __repr__(self) -> str:
        return f"<{self.kind}: {', '.join(self)}>"

    def _loaded(self) -> dict[str, Entry]:
        group, self._group = self._group, None
        for point in _entry_points().select(group=group) if group else ():
            package = point.dist.name if point.dist else point.value
            if point.name in self._entries:
                _warn(
                    f"{package} registers the {self.kind} {excerpt(point.name)}, a name that is taken; it is left out"
                )
                continue
            try:
                self._entries[point.name] = point.load()
            except (Exception, SystemExit) as error:  # whatever another package raises must not keep the others out
                reason = described(error)
                _warn(f"the {self.kind} {excerpt(point.name)} of {package} cannot be loaded and is left out ({reason})")
        return self._entries


@cache
def _entry_points() -> Any:
    """Return all entry points of the environment: one scan serves every registry."""
    return entry_points()


class RegistryWarning(UserWarning):
    """An installed package registers something that cannot be used."""


def _warn(message: str) -> None:
    warnings.warn(message, RegistryWarning, stacklevel=4)
