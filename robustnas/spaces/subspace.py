"""A subspace: the networks of a search space that a mask keeps, searched like any other space."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from robustnas.arrays import FloatArray, IntArray, read_only
from robustnas.errors import InvalidInputError
from robustnas.spaces.encoding import Encoding
from robustnas.spaces.enumerable_space import EnumerableSpace
from robustnas.spaces.lazy_sequence import LazySequence
from robustnas.spaces.search_space import Architecture

if TYPE_CHECKING:
    from torch import nn


class Subspace(EnumerableSpace[Architecture]):
    """The networks of a space that a mask keeps.

    Indices, text forms, encodings and costs are those of the whole space, so columns of tables can be used unchanged.
    Only the networks that are kept have rows, and neighbours outside the subspace are omitted.

    Args:
        whole: The space to take a part of.
        mask: Which architectures to keep, boolean, shape (size,); a network is kept if its representative is.
            Alternatively which networks, shape (n_networks,), by row.
        name: Name of the subspace; that of the whole space if None.
        split: Whether a mask of architectures may keep a part of a network's: exactly those of the mask, since costs
            may differ between the architectures of one network. A network is represented by its canonical
            representative if that is kept, else by the first of its architectures that is.

    Raises:
        InvalidInputError: The mask has another shape or type, or keeps nothing.

    >>> from robustnas.spaces import open_space
    >>> whole = open_space("nasbench201")
    >>> small = Subspace(whole, whole.cost_column("params") < 100_000)
    >>> small.n_networks < whole.n_networks, small.size == whole.size
    (True, True)
    """

    def __init__(
        self,
        whole: EnumerableSpace[Architecture],
        mask: NDArray[np.bool_],
        name: str | None = None,
        *,
        split: bool = False,
    ) -> None:
        rows, inside = _kept(whole, np.asarray(mask), split=split)
        self.whole = whole
        self._inside = inside
        self.name = name or whole.name
        self.size = whole.size
        self.n_networks = int(rows.sum())
        self._kept = np.flatnonzero(rows)

    @property
    def choices(self) -> Mapping[str, tuple[Any, ...]]:
        """The choices of the whole space."""
        return self.whole.choices

    @property
    def encodings(self) -> Mapping[str, Callable[[], Encoding]]:
        """The encodings of the whole space."""
        return self.whole.encodings

    @property
    def default_encoding(self) -> str:
        """The default encoding of the whole space."""
        return self.whole.default_encoding

    @property
    def digests(self) -> Mapping[str, str]:
        """The digests of the whole space."""
        return self.whole.digests

    @property
    def notations(self) -> tuple[str, ...]:
        """The conventions of the whole space."""
        return self.whole.notations

    def readings(self, text: Any) -> Mapping[str, Architecture]:
        """Return what a text is under each of the `notations`; it may lie outside."""
        return self.whole.readings(text)

    def from_choices(self, options: Mapping[str, Any]) -> Architecture:
        """Return the architecture with the given option for each choice; it may lie outside."""
        return self.whole.from_choices(options)

    def choices_of(self, architecture: Architecture) -> dict[str, Any]:
        """Return an architecture's option for every choice."""
        return self.whole.choices_of(architecture)

    def parse(self, text: Any) -> Architecture:
        """Read an architecture in any notation; it may lie outside."""
        return self.whole.parse(text)

    def index(self, architecture: Architecture) -> int:
        """Return the index of an architecture in the whole space."""
        return self.whole.index(architecture)

    def architecture(self, index: int) -> Architecture:
        """Return the architecture of an index of the whole space."""
        return self.whole.architecture(index)

    def members(self) -> IntArray:
        """Return the indices of the architectures in the subspace."""
        return self._members

    def canonical_list(self) -> Sequence[int]:
        """Return the index of the representative of every index: of networks outside, that of the whole space."""
        return self._canonical_list

    def network_indices(self) -> IntArray:
        """Return the indices of the representatives of the networks in the subspace, by row."""
        return self._network_indices

    def network_of_index(self) -> IntArray:
        """Return the row of every index, shape (size,); -1 for those outside."""
        return self._network_of_index

    def uids(self) -> IntArray:
        """Return the uid of every index, as in the whole space."""
        return self.whole.uids()

    def neighbour_lists(self) -> Sequence[list[int]]:
        """Return, for every index, the indices of its neighbours in the subspace."""
        return self._neighbour_lists

    def neighbours(self, architecture: Architecture) -> list[Architecture]:
        """Return the neighbours in the subspace."""
        return [self.architecture(index) for index in self.neighbour_lists()[self.index(architecture)]]

    def sample(self, rng: np.random.Generator) -> Architecture:
        """Draw an architecture of the subspace uniformly."""
        return self.architecture(int(self._members[rng.integers(len(self._members))]))

    def mutate(self, architecture: Architecture, rng: np.random.Generator) -> Architecture:
        """Return a random neighbour in the subspace or, if there is none, a random architecture of the subspace."""
        near = self.neighbours(architecture)
        return near[int(rng.integers(len(near)))] if near else self.sample(rng)

    def twin_labels(self) -> IntArray | None:
        """Return the functional class of each network in the subspace."""
        labels = self.whole.twin_labels()
        return None if labels is None else read_only(labels[self._kept])

    def cost_column(self, name: str, skeleton: Any = None) -> FloatArray:
        """Return a cost for every index of the whole space."""
        return self.whole.cost_column(name, skeleton)

    def skeleton(self, dataset: str) -> Any:
        """Return the size of the networks of a dataset."""
        return self.whole.skeleton(dataset)

    def build(self, architecture: Architecture, n_classes: int, in_channels: int, **sizes: int) -> nn.Module:
        """Return the network of an architecture, untrained."""
        return self.whole.build(architecture, n_classes, in_channels, **sizes)

    @cached_property
    def _network_indices(self) -> IntArray:
        indices = self.whole.network_indices()[self._kept]
        members, first = np.unique(self._network_of_index[self._members], return_index=True)
        assert len(members) == len(indices)
        return read_only(np.where(self._inside[indices], indices, self._members[first]))

    @cached_property
    def _network_of_index(self) -> IntArray:
        return read_only(np.where(self._inside, self._row_of_index, -1))

    @cached_property
    def _row_of_index(self) -> IntArray:
        """The row of every index whose network is kept, whether the index itself is or not; -1 for the others."""
        rows = np.full(self.whole.n_networks, -1, dtype=np.int64)
        rows[self._kept] = np.arange(self.n_networks)
        of_whole = self.whole.network_of_index()
        return np.where(of_whole >= 0, rows[of_whole], -1)

    @cached_property
    def _canonical_list(self) -> Sequence[int]:
        of_whole = self.whole.canonical_list()
        if self._inside[self.whole.network_indices()[self._kept]].all():
            return of_whole
        rows = self._row_of_index
        found: list[int] = np.where(rows >= 0, self._network_indices[rows], of_whole).tolist()
        return found

    @cached_property
    def _members(self) -> IntArray:
        return read_only(np.flatnonzero(self._network_of_index >= 0))

    @cached_property
    def _neighbour_lists(self) -> LazySequence[list[int]]:
        inside: list[bool] = (self._network_of_index >= 0).tolist()
        of_whole = self.whole.neighbour_lists()
        return LazySequence(lambda index: [near for near in of_whole[index] if inside[near]], self.size)


def _kept(
    whole: EnumerableSpace[Any], mask: NDArray[Any], *, split: bool
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which networks of a space a mask keeps, by row, and which architectures, by index."""
    if mask.dtype != np.bool_ or mask.shape not in ((whole.size,), (whole.n_networks,)):
        raise InvalidInputError(
            f"the mask of a subspace has shape {mask.shape} and type {mask.dtype}; expected booleans, one per "
            f"architecture ({whole.size}) or one per network ({whole.n_networks})"
        )
    of_index = whole.network_of_index()
    by_network = mask.shape == (whole.n_networks,)
    rows = mask.copy() if by_network else mask[whole.network_indices()]
    if split and not by_network:
        rows[of_index[mask & (of_index >= 0)]] = True
    if not rows.any():
        raise InvalidInputError(f"the mask of a subspace of {whole.name} keeps no network; expected at least one")
    inside = (of_index >= 0) & (mask if split and not by_network else rows[of_index])
    return rows, inside
