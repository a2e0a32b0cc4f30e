"""Enumerable search spaces: every architecture has an index, and facts about all of them are arrays."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from robustnas.arrays import FloatArray, IntArray
from robustnas.errors import ObjectiveError, excerpt
from robustnas.spaces.search_space import Architecture, SearchSpace

if TYPE_CHECKING:
    from robustnas.spaces.encoding import Encoding


class EnumerableSpace(SearchSpace[Architecture]):
    """A search space whose architectures are numbered from 0 to ``size - 1``.

    Tables hold a column of ``size`` numbers per metric. Architectures that are the same network form a class. The
    classes are the *networks*, in ascending order of their `uid`, with *rows* 0 to ``n_networks - 1``. Arrays are
    computed once per process and are read-only.

    A subspace (`robustnas.spaces.Subspace`) uses the indices of the space that it is part of: `size` is the same, while
    `members` and `network_indices` are shorter.

    Attributes:
        size: Number of indices.
        n_networks: Number of networks.
    """

    size: int
    n_networks: int

    @property
    def is_enumerated(self) -> bool:
        """Whether every architecture is known. Of a space that is too large for that, only what is asked is.

        Its indices, neighbours and canonical representatives are at hand one by one; what lists all architectures
        raises `SpaceTooLargeError`.
        """
        return True

    @property
    def reachable(self) -> EnumerableSpace[Any]:
        """The space that a search proposes from: itself; of architectures that were met so far, the whole one."""
        return self

    @abstractmethod
    def index(self, architecture: Architecture) -> int:
        """Return the index of an architecture, 0 to ``size - 1``."""

    @abstractmethod
    def architecture(self, index: int) -> Architecture:
        """Return the architecture of an index.

        Raises:
            NotationError: The index is out of range.
        """

    @abstractmethod
    def members(self) -> IntArray:
        """Return the indices of the architectures that belong to the space, ascending."""

    @abstractmethod
    def canonical_list(self) -> Sequence[int]:
        """Return the index of the canonical representative of every index, as plain integers; do not modify."""

    @abstractmethod
    def network_indices(self) -> IntArray:
        """Return the indices of the networks' canonical representatives by row, shape (n_networks,)."""

    @abstractmethod
    def network_of_index(self) -> IntArray:
        """Return the network's row for every index, shape (size,); -1 for indices outside a subspace."""

    @abstractmethod
    def uids(self) -> IntArray:
        """Return the number that identifies the network in records, for every index, shape (size,)."""

    @abstractmethod
    def neighbour_lists(self) -> Sequence[list[int]]:
        """Return the indices of the neighbours of every index, as plain integers; do not modify."""

    @property
    @abstractmethod
    def encodings(self) -> Mapping[str, Callable[[], Encoding]]:
        """The space's own encodings, by name."""

    @property
    @abstractmethod
    def default_encoding(self) -> str:
        """The default encoding of surrogates."""

    @property
    def notations(self) -> tuple[str, ...]:
        """The conventions that read some texts differently, by the names that `readings` calls them; () if none do."""
        return ()

    def readings(self, text: Any) -> Mapping[str, Architecture]:  # noqa: ARG002  here every text has one meaning
        """Return what a text is under each of the `notations`; {} for a text that they read alike.

        `parse` reads such a text in the first of the `notations`; tables of users must say which one theirs is in.
        """
        return {}

    @property
    def digests(self) -> Mapping[str, str]:
        """SHA-256 of what the space is made of, by name, where users may change that between runs; else {}."""
        return {}

    def twin_labels(self) -> IntArray | None:
        """Return a label per network, equal for networks that compute the same function, shape (n_networks,).

        The spread of scores within a label is training noise. None if the space has no such labels.
        """
        return None

    def cost_column(self, name: str, skeleton: Any = None) -> FloatArray:  # noqa: ARG002  there are none here
        """Return a cost of `robustnas.spaces.COSTS` for every index, shape (size,).

        Args:
            name: ``params`` or ``flops``.
            skeleton: The size of the networks in the space's own terms; its default if None.

        Raises:
            ObjectiveError: The space does not define this cost.
        """
        raise ObjectiveError(f"the space {self.name} has no costs, so no {excerpt(name)}")

    def skeleton(self, dataset: str) -> Any:  # noqa: ARG002  a space without costs has one size
        """Return the size of the networks of a dataset in the space's own terms, for `cost_column`."""
        return None

    def canonical(self, architecture: Architecture) -> Architecture:
        """Return the representative of the architecture's class: the only key for caching and de-duplication."""
        return self.architecture(self.canonical_list()[self.index(architecture)])

    def uid(self, architecture: Architecture) -> int:
        """Return the number that identifies the architecture's network in records."""
        return int(self.uids()[self.index(architecture)])

    def indices(self, architectures: Iterable[Any]) -> IntArray:
        """Return the indices of architectures in any notation, shape (n,)."""
        return np.array([self.index(self.parse(text)) for text in architectures], dtype=np.int64)

    def codes(self) -> NDArray[np.signedinteger[Any]]:
        """Return the position of the chosen option among the options of each choice, shape (size, n_choices)."""
        sizes = tuple(len(options) for options in self.choices.values())
        return np.indices(sizes, dtype=np.int8).reshape(len(sizes), -1).T

    def code(self, architecture: Architecture) -> NDArray[np.signedinteger[Any]]:
        """Return the row of `codes` of an architecture, shape (n_choices,); it may lie outside of a part of a space."""
        found: NDArray[np.signedinteger[Any]] = self.codes()[self.index(architecture)]
        return found

    def __contains__(self, architecture: Architecture) -> bool:
        """Return whether an architecture belongs to the space; all do, except in a subspace."""
        return bool(self.network_of_index()[self.index(architecture)] >= 0)

    def shares_indices(self, other: EnumerableSpace[Any]) -> bool:
        """Return whether an index means the same choices in another space, so that columns of both fit together."""
        return self.size == other.size and dict(self.choices) == dict(other.choices)

    @property
    def n_members(self) -> int:
        """Number of architectures that belong to the space."""
        return len(self.members())

    def __repr__(self) -> str:
        return f"<{self.name}: {self.n_members:,} architectures, {self.n_networks:,} networks>"
