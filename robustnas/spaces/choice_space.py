"""Search spaces of one's own: a few choices, and a function that builds the network."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import product
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robustnas.arrays import FloatArray, IntArray, read_only
from robustnas.errors import InvalidInputError, NotationError, ObjectiveError, excerpt
from robustnas.reference import class_digests, user_code
from robustnas.spaces.choice_architecture import ChoiceArchitecture, Option
from robustnas.spaces.choice_encodings import choice_encodings
from robustnas.spaces.choice_notation import chosen, index_of_text, read_architecture
from robustnas.spaces.declared_choices import choices_digest, declared_choices
from robustnas.spaces.encoding import Encoding
from robustnas.spaces.enumerable_space import EnumerableSpace
from robustnas.spaces.neighbour_lists import NeighbourLists
from robustnas.spaces.search_space import COSTS

MOST_ARCHITECTURES = 2**20
"""The most architectures that a space may have: all of them are enumerated."""

BoolArray = NDArray[np.bool_]


class ChoiceSpace(EnumerableSpace[ChoiceArchitecture]):
    """A search space that is one option for each of a few choices. Subclass it; the docstring is the space's title.

    A subclass gives `choices`, and `build` if its networks are to be trained. The other methods are optional:

    - ``valid(architecture)`` returns whether options go together;
    - ``canonical(architecture)`` returns the representative of the architectures that are the same network;
    - ``cost(architecture)`` returns ``{"params": ..., "flops": ...}``;
    - ``encode(architecture)`` returns numbers, as many for each, which are the encoding ``own``.

    They are called once for every architecture, when they are first needed, and have to be functions of the
    architecture alone.

    Attributes:
        choices: The options of every choice, by its name: numbers, in order, or names.
        name: The space's name; that of the class if there is none.

    Raises:
        InvalidInputError: Choices that are empty, repeated or neither numbers nor names, or too many architectures.

    >>> class Stages(ChoiceSpace):
    ...     choices = {"depth": (1, 2, 4), "width": (8, 16)}
    ...     def valid(self, architecture):
    ...         return architecture.depth * architecture.width <= 32
    >>> space = Stages()
    >>> space
    <Stages: 5 architectures, 5 networks>
    >>> space.parse("width=16, depth=2") in space, space.neighbours(space.parse("depth=2,width=16"))
    (True, [<depth=1,width=16>, <depth=2,width=8>])
    """

    choices: Mapping[str, tuple[Option, ...]] = {}
    name = ""
    default_encoding = "choices"

    def __init__(self) -> None:
        self.name = self.name or type(self).__name__
        self.choices = declared_choices(self.name, self.choices)
        sizes = [len(options) for options in self.choices.values()]
        self.size = prod(sizes)
        if self.size > MOST_ARCHITECTURES:
            raise InvalidInputError(
                f"{self.name} has {self.size:,} architectures; expected at most {MOST_ARCHITECTURES:,}, as all of them "
                "are enumerated: leave out options, or fix some choices"
            )
        self._steps = [prod(sizes[place + 1 :]) for place in range(len(sizes))]
        self._places = [{option: place for place, option in enumerate(options)} for options in self.choices.values()]

    def valid(self, architecture: ChoiceArchitecture) -> bool:  # noqa: ARG002  here all are
        """Return whether an architecture belongs to the space."""
        return True

    def canonical(self, architecture: ChoiceArchitecture) -> ChoiceArchitecture:
        """Return the representative of all architectures that are the same network; itself if there are no others."""
        return architecture

    def cost(self, architecture: ChoiceArchitecture) -> Mapping[str, float]:  # noqa: ARG002
        """Return costs of `robustnas.spaces.COSTS` by name.

        Raises:
            ObjectiveError: The space does not define them.
        """
        raise ObjectiveError(f"the space {self.name} has no costs; define cost(self, architecture), which returns them")

    def encode(self, architecture: ChoiceArchitecture) -> Sequence[float]:
        """Return features of an architecture, as many for each; the encoding ``own``."""
        raise NotImplementedError

    @property
    def title(self) -> str:
        """The first line of the docstring of the class; its name if there is none."""
        own = type(self).__doc__ if type(self) is not ChoiceSpace else None
        return (own or self.name).strip().partition("\n")[0]

    @property
    def digests(self) -> dict[str, str]:
        """SHA-256 of the choices, and of the user's own source files that the space is made of, by name."""
        return {"choices": choices_digest(self.choices), **class_digests(type(self))}

    def from_choices(self, options: Mapping[str, Any]) -> ChoiceArchitecture:
        """Return the architecture with the given option for each choice; it need not be valid."""
        return chosen(options, self.choices, dict(options))

    def choices_of(self, architecture: ChoiceArchitecture) -> dict[str, Option]:
        """Return an architecture's option for every choice."""
        return dict(architecture)

    def parse(self, text: Any) -> ChoiceArchitecture:
        """Read an architecture in any notation of `robustnas.spaces.choice_notation`.

        Raises:
            NotationError: It cannot be read, or is not valid.
        """
        index = index_of_text(text)
        found = read_architecture(text, self.choices) if index is None else self.architecture(index)
        if not self._is_valid[self.index(found)]:
            raise NotationError(f"{found} is not in the space {self.name}: its valid() says so")
        return found

    def index(self, architecture: ChoiceArchitecture) -> int:
        """Return the index: the options' places as the digits of a number, the last choice running fastest."""
        if not isinstance(architecture, ChoiceArchitecture) or architecture.names != tuple(self.choices):
            raise InvalidInputError(f"{excerpt(architecture)} is no architecture of the space {self.name}; parse it")
        try:
            places = [place[option] for place, option in zip(self._places, architecture.options, strict=True)]
        except KeyError as error:
            raise InvalidInputError(f"{architecture}: {error} is no option of the space {self.name}") from None
        return sum(step * place for step, place in zip(self._steps, places, strict=True))

    def architecture(self, index: int) -> ChoiceArchitecture:
        """Return the architecture of an index."""
        if not 0 <= index < self.size:
            raise NotationError(f"{excerpt(index)} is not an index of {self.name}; expected 0 to {self.size - 1}")
        options = []
        for step, choice in zip(self._steps, self.choices.values(), strict=True):
            place, index = divmod(index, step)
            options.append(choice[place])
        return ChoiceArchitecture(tuple(self.choices), tuple(options))

    def codes(self) -> NDArray[np.signedinteger[Any]]:
        """Return the place of the option of each choice for every index, shape (size, n_choices)."""
        return self._codes

    def members(self) -> IntArray:
        """Return the indices of the valid architectures."""
        return self._members

    def canonical_list(self) -> list[int]:
        """Return the index of the representative of every index; that of an invalid one is itself."""
        return self._canonical_list

    def network_indices(self) -> IntArray:
        """Return the indices of the representatives, ascending."""
        return self._network_indices

    def network_of_index(self) -> IntArray:
        """Return the row of every index, -1 where it is not valid."""
        return self._network_of_index

    def uids(self) -> IntArray:
        """Return the index of the representative of every index."""
        return self._canonical_indices

    def neighbour_lists(self) -> Sequence[list[int]]:
        """Return the valid neighbours of every index, choice by choice."""
        return self._neighbour_lists

    def neighbours(self, architecture: ChoiceArchitecture) -> list[ChoiceArchitecture]:
        """Return the valid architectures that differ in exactly one choice."""
        return [self.architecture(index) for index in self._neighbour_lists[self.index(architecture)]]

    def sample(self, rng: np.random.Generator) -> ChoiceArchitecture:
        """Draw a valid architecture uniformly."""
        return self.architecture(int(self._members[rng.integers(len(self._members))]))

    def mutate(self, architecture: ChoiceArchitecture, rng: np.random.Generator) -> ChoiceArchitecture:
        """Return a random valid neighbour; a random architecture if there is none."""
        near = self._neighbour_lists[self.index(architecture)]
        return self.architecture(near[int(rng.integers(len(near)))]) if near else self.sample(rng)

    @property
    def encodings(self) -> Mapping[str, Callable[[], Encoding]]:
        """The encodings of `choice_encodings`, and ``own`` if `encode` is defined."""
        own = {"own": self._own_encoding} if self._defines("encode") else {}
        return {**choice_encodings(self.choices, self.codes), **own}

    def cost_column(self, name: str, skeleton: Any = None) -> FloatArray:  # noqa: ARG002  `cost` knows no sizes
        """Return a cost for every index, as `cost` gives it; NaN where an architecture is not valid."""
        if name not in COSTS or not self._defines("cost"):
            self.cost(self.architecture(0)) if name in COSTS else super().cost_column(name)
        if name not in self._costs:
            raise ObjectiveError(f"cost() of the space {self.name} returns no {excerpt(name)}")
        return self._costs[name]

    @cached_property
    def n_networks(self) -> int:  # type: ignore[override]  # computed when asked for
        """Number of networks."""
        return len(self._network_indices)

    @cached_property
    def _codes(self) -> NDArray[np.signedinteger[Any]]:
        sizes = tuple(len(options) for options in self.choices.values())
        kind = np.int8 if max(sizes) <= np.iinfo(np.int8).max else np.int32
        return read_only(np.ascontiguousarray(np.indices(sizes, dtype=kind).reshape(len(sizes), -1).T))

    @cached_property
    def _is_valid(self) -> BoolArray:
        """Which indices are valid, shape (size,)."""
        if not self._defines("valid"):
            return read_only(np.ones(self.size, dtype=np.bool_))
        found = [self._checked_valid(index, answer) for index, answer in self._ask_all("valid", range(self.size))]
        if not any(found):
            raise InvalidInputError(f"the space {self.name} is empty: its valid() refuses every architecture")
        return read_only(np.array(found, dtype=np.bool_))

    @cached_property
    def _canonical_indices(self) -> IntArray:
        """The index of the representative of every index, shape (size,)."""
        found = np.arange(self.size)
        if self._defines("canonical"):
            for index, answer in self._ask_all("canonical", self._members.tolist()):
                found[index] = self._checked_representative(index, answer)
            differs = np.flatnonzero(found[found] != found)
            if len(differs):
                first = self.architecture(int(differs[0]))
                once, twice = self.canonical(first), self.canonical(self.canonical(first))
                raise InvalidInputError(
                    f"canonical() of the space {self.name} takes {first} to {once}, and that to {twice}; expected a "
                    "representative that stands for itself"
                )
        return read_only(found)

    @cached_property
    def _canonical_list(self) -> list[int]:
        plain: list[int] = self._canonical_indices.tolist()
        return plain

    @cached_property
    def _members(self) -> IntArray:
        return read_only(np.flatnonzero(self._is_valid))

    @cached_property
    def _network_indices(self) -> IntArray:
        if not self._defines("canonical"):
            return self._members
        return read_only(np.unique(self._canonical_indices[self._members]))

    @cached_property
    def _network_of_index(self) -> IntArray:
        rows = np.full(self.size, -1)
        rows[self._network_indices] = np.arange(self.n_networks)
        return read_only(np.where(self._is_valid, rows[self._canonical_indices], -1))

    @cached_property
    def _neighbour_lists(self) -> NeighbourLists:
        return NeighbourLists(self._near, self.size)

    def _near(self, index: int) -> list[int]:
        found = []
        for step, choice in zip(self._steps, self._places, strict=True):
            own = index // step % len(choice)
            found += [index + (place - own) * step for place in range(len(choice)) if place != own]
        return [near for near in found if self._is_valid[near]]

    @cached_property
    def _costs(self) -> dict[str, FloatArray]:
        """The columns of the costs that `cost` returns, by name."""
        columns: dict[str, FloatArray] = {}
        for index, answer in self._ask_all("cost", self._members.tolist()):
            if not isinstance(answer, Mapping):
                raise ObjectiveError(f"{self._said('cost', index, answer)} numbers by name: {', '.join(COSTS)}")
            for name, value in answer.items():
                columns.setdefault(name, np.full(self.size, np.nan))[index] = value
        return {name: read_only(column) for name, column in columns.items()}

    def _own_encoding(self) -> Encoding:
        rows = np.full((self.size, 0), np.nan)
        for index, answer in self._ask_all("encode", self._members.tolist()):
            values = np.asarray(answer, dtype=np.float64).ravel()
            if not rows.shape[1]:
                rows = np.full((self.size, len(values)), np.nan)
            if len(values) != rows.shape[1] or not len(values) or not np.isfinite(values).all():
                raise InvalidInputError(f"{self._said('encode', index, answer)} as many finite numbers for each")
            rows[index] = values
        names = tuple(f"own:{place}" for place in range(rows.shape[1]))
        return Encoding("own", rows, names, (len(names),))

    def _ask_all(self, method: str, indices: Sequence[int]) -> Iterator[tuple[int, Any]]:
        """Yield what a method of the subclass says of architectures; their indices ascend."""
        ask, names, options = getattr(self, method), tuple(self.choices), list(self.choices.values())
        wanted, architectures = iter(indices), enumerate(product(*options))
        with user_code({f"{method}() of the space {self.name}": type(self)}):
            for index in wanted:
                place, chosen_options = next(architectures)
                while place < index:
                    place, chosen_options = next(architectures)
                yield index, ask(ChoiceArchitecture(names, chosen_options))

    def _checked_valid(self, index: int, answer: object) -> bool:
        if not isinstance(answer, bool | np.bool_):
            raise InvalidInputError(f"{self._said('valid', index, answer)} True or False")
        return bool(answer)

    def _checked_representative(self, index: int, answer: object) -> int:
        if not isinstance(answer, ChoiceArchitecture):
            raise InvalidInputError(f"{self._said('canonical', index, answer)} an architecture")
        found = self.index(answer)
        if not self._is_valid[found]:
            raise InvalidInputError(f"{self._said('canonical', index, answer)} one that is valid")
        return found

    def _said(self, method: str, index: int, answer: object) -> str:
        return f"{method}({self.architecture(index)}) of the space {self.name} returned {excerpt(answer)}; expected"

    def _defines(self, method: str) -> bool:
        return getattr(type(self), method) is not getattr(ChoiceSpace, method)

    def __getstate__(self) -> dict[str, Any]:
        """Return what is sent to other processes: what can be computed is left out."""
        return {name: value for name, value in vars(self).items() if not _is_cached(type(self), name)}

    def __reduce_ex__(self, protocol: Any) -> Any:
        from robustnas.spaces.registry import open_space, opened_as

        name = opened_as(self)
        return super().__reduce_ex__(protocol) if name is None else (open_space, (name,))


def _is_cached(owner: type, name: str) -> bool:
    return isinstance(getattr(owner, name, None), cached_property)
