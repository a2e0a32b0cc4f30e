"""Products of search spaces: an architecture is one of each, and every choice stays what it was."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from robustnas.arrays import IntArray, read_only
from robustnas.errors import InvalidInputError
from robustnas.spaces.choice_architecture import ChoiceArchitecture
from robustnas.spaces.choice_space import BoolArray, ChoiceSpace
from robustnas.spaces.enumerable_space import EnumerableSpace


class ProductSpace(ChoiceSpace):
    """The architectures that combine one of each of some spaces. Subclass it for `build` and costs.

    The choices are those of the parts, one after the other. An architecture is valid if its parts are, and two are one
    network if their parts are.

    Args:
        parts: The spaces, whose indices count choices like digits, the last one fastest, as `EnumerableSpace.codes` has
            them by default.

    Raises:
        InvalidInputError: Two parts have a choice of one name.

    >>> from robustnas.spaces import ChoiceSpace, open_space
    >>> class Size(ChoiceSpace):
    ...     choices = {"channels": (8, 16)}
    >>> ProductSpace(open_space("nasbench201"), Size())
    <ProductSpace: 31,250 architectures, 12,932 networks>
    """

    def __init__(self, *parts: EnumerableSpace[Any]) -> None:
        names = [name for part in parts for name in part.choices]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise InvalidInputError(f"two parts of a product have a choice {twice!r}; expected different names")
        self.parts = parts
        self.choices = {name: options for part in parts for name, options in part.choices.items()}
        super().__init__()

    def part(self, architecture: ChoiceArchitecture, place: int) -> Any:
        """Return what an architecture is in one of the parts, counted from 0."""
        part = self.parts[place]
        return part.from_choices({name: architecture[name] for name in part.choices})

    def part_indices(self) -> Sequence[IntArray]:
        """Return, for each part, the index in it of every index, shape (size,)."""
        return np.unravel_index(np.arange(self.size), [part.size for part in self.parts])

    def is_valid(self, architecture: ChoiceArchitecture) -> bool:
        """Return whether all parts of an architecture are valid."""
        return all(self.part(architecture, place) in part for place, part in enumerate(self.parts))

    @cached_property
    def _is_valid(self) -> Sequence[bool] | BoolArray:
        if not self.is_enumerated:
            return super()._is_valid
        valid = np.ones(self.size, dtype=np.bool_)
        for part, indices in zip(self.parts, self.part_indices(), strict=True):
            valid &= part.network_of_index()[indices] >= 0
        return read_only(valid)

    @cached_property
    def _canonical_indices(self) -> IntArray:
        pairs = zip(self.parts, self.part_indices(), strict=True)
        canonical = tuple(np.asarray(part.canonical_list())[indices] for part, indices in pairs)
        found: IntArray = np.ravel_multi_index(canonical, [part.size for part in self.parts]).astype(np.int64)
        return read_only(found)

    def canonical(self, architecture: ChoiceArchitecture) -> ChoiceArchitecture:
        """Return the representative: that of every part."""
        if not self.is_enumerated:
            options: dict[str, Any] = {}
            for place, part in enumerate(self.parts):
                options |= part.choices_of(part.canonical(self.part(architecture, place)))
            return self.from_choices(options)
        return self.architecture(int(self._canonical_indices[self.index(architecture)]))
