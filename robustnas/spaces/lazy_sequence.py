"""A fact of every architecture, found when it is asked for: a million lists of neighbours would fill the memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Generic, TypeVar, overload

Fact = TypeVar("Fact")


class LazySequence(Sequence[Fact], Generic[Fact]):
    """A sequence of facts that are found on first use and kept.

    Args:
        find: Returns the fact of an index.
        size: How many indices there are; may be beyond what ``len`` can return.
        most: Facts that are kept at once; all if None.

    >>> lists = LazySequence(lambda index: [index + 1], 3)
    >>> lists[1], len(lists)
    ([2], 3)
    """

    def __init__(self, find: Callable[[int], Fact], size: int, most: int | None = None) -> None:
        self._find, self._size, self._most = find, size, most
        self._found: dict[int, Fact] = {}

    @overload
    def __getitem__(self, index: int) -> Fact: ...
    @overload
    def __getitem__(self, index: slice) -> list[Fact]: ...

    def __getitem__(self, index: int | slice) -> Fact | list[Fact]:
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(self._size))]
        if index in self._found:
            return self._found[index]
        if not 0 <= index < self._size:
            raise IndexError(f"{index} is no index; expected 0 to {self._size - 1}")
        if len(self._found) == self._most:
            self._found.clear()
        found = self._found[index] = self._find(index)
        return found

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[Fact]:
        return (self[index] for index in range(self._size))
