"""Some architectures of a space that is too large to be enumerated, listed: a space that is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from robustnas.arrays import FloatArray, IntArray, read_only
from robustnas.errors import NotationError, ObjectiveError, excerpt
from robustnas.spaces.choice_architecture import ChoiceArchitecture, Option
from robustnas.spaces.choice_encodings import choice_encodings, own_encoding
from robustnas.spaces.choice_methods import ask, checked_costs, checked_features
from robustnas.spaces.choice_notation import index_of_text
from robustnas.spaces.choice_space import ChoiceSpace
from robustnas.spaces.encoding import Encoding
from robustnas.spaces.enumerable_space import EnumerableSpace
from robustnas.spaces.lazy_sequence import LazySequence
from robustnas.spaces.search_space import COSTS

if TYPE_CHECKING:
    from torch import nn


_NEAREST = 10
_MET = 50  # architectures that `GrowingSpace.meet` draws


class ListedSpace(EnumerableSpace[ChoiceArchitecture]):
    """The architectures of a list, numbered in its order: those of a table, or candidates.

    The first of a network's architectures represents it. A mutant is a neighbour in the list, or one of the nearest.

    Args:
        whole: The space that they are of, enumerated or not.
        architectures: Which; those that repeat count once.
        name: Its name; that of the whole space if None.

    Raises:
        InvalidInputError: One is not of the space.

    >>> class Large(ChoiceSpace):
    ...     choices = {f"digit{place}": range(10) for place in range(12)}
    >>> whole, rng = Large(), np.random.default_rng(0)
    >>> listed = ListedSpace(whole, [whole.sample(rng) for _ in range(100)])
    >>> listed, listed.codes().shape
    (<Large: 100 architectures, 100 networks>, (100, 12))
    """

    def __init__(
        self, whole: ChoiceSpace, architectures: Iterable[ChoiceArchitecture], name: str | None = None
    ) -> None:
        self.whole, self.name = whole, name or whole.name
        self._architectures: list[ChoiceArchitecture] = []
        self._place: dict[ChoiceArchitecture, int] = {}
        self._canonical: list[int] = []
        self._first: dict[ChoiceArchitecture, int] = {}
        self._costs: dict[int, Mapping[str, float]] = {}
        self._computed: dict[str, tuple[int, Any]] = {}
        self.sizes, self.normalised = whole.sizes, whole.normalised
        for architecture in architectures:
            self._add(architecture)

    def _add(self, architecture: ChoiceArchitecture) -> int:
        """Append an architecture and return its index; that which it has if it is there already."""
        if architecture in self._place:
            return self._place[architecture]
        network = self.whole.representative(architecture)
        place = self._place[architecture] = len(self._architectures)
        self._architectures.append(architecture)
        self._canonical.append(self._first.setdefault(network, place))
        return place

    @property
    def size(self) -> int:  # type: ignore[override]  # it may grow
        """Number of architectures."""
        return len(self._architectures)

    @property
    def n_networks(self) -> int:  # type: ignore[override]
        """Number of networks."""
        return len(self._first)

    @property
    def architectures(self) -> Sequence[ChoiceArchitecture]:
        """The architectures by index."""
        return tuple(self._architectures)

    @property
    def choices(self) -> Mapping[str, tuple[Option, ...]]:
        """The choices of the whole space."""
        return self.whole.choices

    @property
    def encodings(self) -> Mapping[str, Callable[[], Encoding]]:
        """The encodings of the whole space, of the architectures listed."""
        own = {"own": self._own_encoding} if "own" in self.whole.encodings else {}
        return {**choice_encodings(self.choices, self.codes), **own}

    @property
    def default_encoding(self) -> str:
        """The default encoding of the whole space."""
        return self.whole.default_encoding

    @property
    def digests(self) -> Mapping[str, str]:
        """The digests of the whole space."""
        return self.whole.digests

    def from_choices(self, options: Mapping[str, Any]) -> ChoiceArchitecture:
        """Return the architecture with the given option for each choice; it need not be listed."""
        return self.whole.from_choices(options)

    def choices_of(self, architecture: ChoiceArchitecture) -> dict[str, Option]:
        """Return an architecture's option for every choice."""
        return self.whole.choices_of(architecture)

    def parse(self, text: Any) -> ChoiceArchitecture:
        """Read an architecture of the list.

        Raises:
            NotationError: It cannot be read, or is not in the list.
        """
        index = index_of_text(text)
        found = self.whole.parse(text) if index is None else self.architecture(index)
        return self._architectures[self.index(found)]

    def index(self, architecture: ChoiceArchitecture) -> int:
        """Return the place in the list.

        Raises:
            NotationError: It is not in the list.
        """
        if architecture not in self._place:
            self.whole.index(architecture)  # what is none of the whole space either
            raise NotationError(f"{architecture} is none of the {self.size:,} architectures of {self.name} here")
        return self._place[architecture]

    def architecture(self, index: int) -> ChoiceArchitecture:
        """Return the architecture of an index."""
        if not 0 <= index < self.size:
            raise NotationError(f"{excerpt(index)} is not an index of {self.name}; expected 0 to {self.size - 1}")
        return self._architectures[index]

    def __contains__(self, architecture: ChoiceArchitecture) -> bool:
        """Return whether an architecture is listed."""
        return architecture in self._place

    def codes(self) -> NDArray[np.signedinteger[Any]]:
        """Return the place of the option of each choice for every index, shape (size, n_choices)."""
        found: NDArray[np.signedinteger[Any]] = self._once("codes", lambda: self._coded(self._architectures))
        return found

    def members(self) -> IntArray:
        """Return all indices."""
        found: IntArray = self._once("members", lambda: np.arange(self.size))
        return found

    def canonical_list(self) -> Sequence[int]:
        """Return the index of the representative of every index."""
        return self._canonical

    def network_indices(self) -> IntArray:
        """Return the indices of the representatives, ascending."""
        found: IntArray = self._once("networks", lambda: np.array(list(self._first.values()), dtype=np.int64))
        return found

    def network_of_index(self) -> IntArray:
        """Return the row of every index."""
        found: IntArray = self._once(
            "rows", lambda: np.searchsorted(self.network_indices(), self.uids()).astype(np.int64)
        )
        return found

    def uids(self) -> IntArray:
        """Return the index of the representative of every index."""
        found: IntArray = self._once("uids", lambda: np.array(self._canonical, dtype=np.int64))
        return found

    def neighbour_lists(self) -> Sequence[list[int]]:
        """Return the listed neighbours of every index."""
        found: Sequence[list[int]] = self._once("neighbours", lambda: LazySequence(self._near, self.size))
        return found

    def neighbours(self, architecture: ChoiceArchitecture) -> list[ChoiceArchitecture]:
        """Return the architectures of the list that differ in exactly one choice."""
        if architecture in self._place:
            return [self._architectures[near] for near in self.neighbour_lists()[self._place[architecture]]]
        return [self._architectures[near] for near in np.flatnonzero(self._distances(architecture) == 1).tolist()]

    def code(self, architecture: ChoiceArchitecture) -> NDArray[np.signedinteger[Any]]:
        """Return the place of the option of each choice, shape (n_choices,); the architecture need not be listed."""
        found: NDArray[np.signedinteger[Any]] = self._coded([architecture])[0]
        return found

    def sample(self, rng: np.random.Generator) -> ChoiceArchitecture:
        """Draw an architecture of the list uniformly."""
        return self._architectures[int(rng.integers(self.size))]

    def mutate(self, architecture: ChoiceArchitecture, rng: np.random.Generator) -> ChoiceArchitecture:
        """Return a random neighbour in the list, or one of the ten nearest if there is none: lists may be sparse."""
        if near := self.neighbours(architecture):
            return near[int(rng.integers(len(near)))]
        distances = self._distances(architecture)
        order = np.lexsort((rng.random(self.size), distances))
        others = order[distances[order] > 0][:_NEAREST]
        return self._architectures[int(rng.choice(others))] if len(others) else self.sample(rng)

    def _distances(self, architecture: ChoiceArchitecture) -> IntArray:
        """Return in how many choices each architecture differs from one."""
        found: IntArray = (self.codes() != self.code(architecture)).sum(axis=1)
        return found

    def cost_column(self, name: str, skeleton: Any = None) -> FloatArray:  # noqa: ARG002  `cost` knows no sizes
        """Return a cost for every index, as the whole space's `cost` gives it."""
        if name not in COSTS:
            return super().cost_column(name)
        if not self.size:  # does the space say this cost at all?
            ListedSpace(self.whole, [self.whole.sample(np.random.default_rng(0))]).cost_column(name)
        return read_only(np.array([self._cost(index, name) for index in range(self.size)]))

    def build(self, architecture: ChoiceArchitecture, n_classes: int, in_channels: int, **sizes: int) -> nn.Module:
        """Return the network of an architecture, untrained."""
        return self.whole.build(architecture, n_classes, in_channels, **sizes)

    def skeleton(self, dataset: str) -> Any:
        """Return the size of the networks of a dataset."""
        return self.whole.skeleton(dataset)

    def _cost(self, index: int, name: str) -> float:
        architecture = self._architectures[index]
        if index not in self._costs:
            self._costs[index] = checked_costs(self.whole, architecture, ask(self.whole, "cost", architecture))
        if name not in self._costs[index]:
            raise ObjectiveError(f"cost() of the space {self.name} returns no {excerpt(name)}")
        return float(self._costs[index][name])

    def _coded(self, architectures: Sequence[ChoiceArchitecture]) -> NDArray[np.int32]:
        places = [{option: place for place, option in enumerate(options)} for options in self.choices.values()]
        rows = [
            [place[option] for place, option in zip(places, architecture.options, strict=True)]
            for architecture in architectures
        ]
        return np.array(rows, dtype=np.int32).reshape(len(architectures), len(places))

    def _own_encoding(self) -> Encoding:
        rows: list[FloatArray] = []
        for architecture in self._architectures:
            answer = ask(self.whole, "encode", architecture)
            rows.append(checked_features(self.whole, architecture, answer, len(rows[0]) if rows else None))
        return own_encoding(np.array(rows))

    def _near(self, index: int) -> list[int]:
        found: list[int] = np.flatnonzero(self._distances(self._architectures[index]) == 1).tolist()
        return found

    def _once(self, name: str, make: Callable[[], Any]) -> Any:
        """Return what is made of the list as it is now; made anew when it has grown."""
        size, found = self._computed.get(name, (-1, None))
        if size != self.size:
            found = make()
            if isinstance(found, np.ndarray):
                read_only(found)
            self._computed[name] = self.size, found
        return found


class GrowingSpace(ListedSpace):
    """The architectures of a space that were met so far, numbered in order of appearance: what a search has seen.

    To ask for the `index` of another valid one makes it appear. Arrays are of the present size.

    Args:
        whole: The space.
    """

    def __init__(self, whole: ChoiceSpace) -> None:
        super().__init__(whole, ())

    @property
    def reachable(self) -> ChoiceSpace:
        """The whole space."""
        return self.whole

    def index(self, architecture: ChoiceArchitecture) -> int:
        """Return the number of an architecture; the next one if it is new.

        Raises:
            NotationError: It is not valid.
        """
        if architecture in self._place:
            return self._place[architecture]
        if architecture not in self.whole:
            raise NotationError(f"{architecture} is not in the space {self.name}: its valid() says so")
        return self._add(architecture)

    def parse(self, text: Any) -> ChoiceArchitecture:
        """Read an architecture in any notation of the whole space."""
        return self.whole.parse(text)

    def __contains__(self, architecture: ChoiceArchitecture) -> bool:
        """Return whether an architecture belongs to the whole space."""
        return architecture in self.whole

    def uid(self, architecture: ChoiceArchitecture) -> int:
        """Return the number of the architecture's network in the whole space."""
        return self.whole.uid(architecture)

    def meet(self) -> None:
        """Let some random architectures appear, always the same: to see, for one, about how large costs are."""
        for architecture in self.whole.samples(np.random.default_rng(0), _MET, 20 * _MET):
            self.index(architecture)

    def listed(self) -> ListedSpace:
        """Return the architectures met so far, as a space that grows no more."""
        return ListedSpace(self.whole, self._architectures, self.name)
