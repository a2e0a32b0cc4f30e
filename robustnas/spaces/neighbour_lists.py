"""The neighbours of every architecture, found when they are asked for: a million lists would fill the memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import overload


class NeighbourLists(Sequence[list[int]]):
    """A sequence of lists that are made on first use and kept.

    Args:
        find: Returns the indices of the neighbours of an index.
        size: How many indices there are.

    >>> lists = NeighbourLists(lambda index: [index + 1], 3)
    >>> lists[1], len(lists)
    ([2], 3)
    """

    def __init__(self, find: Callable[[int], list[int]], size: int) -> None:
        self._find, self._size = find, size
        self._found: dict[int, list[int]] = {}

    @overload
    def __getitem__(self, index: int) -> list[int]: ...
    @overload
    def __getitem__(self, index: slice) -> list[list[int]]: ...

    def __getitem__(self, index: int | slice) -> list[int] | list[list[int]]:
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(self._size))]
        found = self._found.get(index)
        if found is None:
            if not 0 <= index < self._size:
                raise IndexError(f"{index} is no index; expected 0 to {self._size - 1}")
            found = self._found[index] = self._find(index)
        return found

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[list[int]]:
        return (self[index] for index in range(self._size))
