"""Search spaces of one's own: a few choices, and a function that builds the network."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from math import prod
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from robustnas.arrays import FloatArray, IntArray, read_only
from robustnas.errors import InvalidInputError, NotationError, ObjectiveError, excerpt
from robustnas.reference import class_digests
from robustnas.spaces.choice_architecture import ChoiceArchitecture, Option
from robustnas.spaces.choice_encodings import choice_encodings, own_encoding
from robustnas.spaces.choice_methods import (
    ask,
    ask_all,
    checked_costs,
    checked_features,
    checked_representative,
    checked_valid,
    unstable,
)
from robustnas.spaces.choice_notation import chosen, index_of_text, read_architecture
from robustnas.spaces.declared_choices import choices_digest, declared_choices
from robustnas.spaces.encoding import Encoding
from robustnas.spaces.enumerable_space import EnumerableSpace
from robustnas.spaces.large_choices import MOST_ARCHITECTURES, LargeChoices, count_text, too_large
from robustnas.spaces.lazy_sequence import LazySequence
from robustnas.spaces.search_space import COSTS

_MOST_KEPT = 2**16  # facts of a space that is not enumerated
BoolArray = NDArray[np.bool_]


class ChoiceSpace(EnumerableSpace[ChoiceArchitecture]):
    """A search space that is one option for each of a few choices. Subclass it; the docstring is the space's title.

    A subclass gives `choices`, and `build` if its networks are to be trained. The other methods are optional:

    - ``valid(architecture)`` returns whether options go together;
    - ``canonical(architecture)`` returns the representative of the architectures that are the same network;
    - ``cost(architecture)`` returns ``{"params": ..., "flops": ...}``;
    - ``encode(architecture)`` returns numbers, as many for each, which are the encoding ``own``.

    They have to be functions of the architecture alone. Up to 1,048,576 architectures a space is enumerated: they are
    called once for every one, when they are first needed. A larger space is `is_enumerated` no more: it is sampled,
    they are called for the architectures that are met, and what would list all of them raises `SpaceTooLargeError`.

    Attributes:
        choices: The options of every choice, by its name: numbers, in order, or names.
        name: The space's name; that of the class if there is none.

    Raises:
        InvalidInputError: Choices that are empty, repeated or neither numbers nor names.

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
        self._kept: Callable[[ChoiceArchitecture], bool] | None = None
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
    def is_enumerated(self) -> bool:
        """Whether every architecture is known: whether there are at most 1,048,576."""
        return self.size <= MOST_ARCHITECTURES

    def narrowed(self, keep: Callable[[ChoiceArchitecture], bool], name: str | None = None) -> Self:
        """Return the part of a space that is not enumerated for which a function returns True; see `Subspace` else.

        Args:
            keep: Says whether a valid architecture is kept.
            name: What errors call the part; as the space if None.
        """
        found = type(self).__new__(type(self))
        vars(found).update(self.__getstate__() | {"name": name or self.name, "_kept": keep})
        return found

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

    def __contains__(self, architecture: ChoiceArchitecture) -> bool:
        """Return whether an architecture is valid."""
        return bool(self._is_valid[self.index(architecture)])

    def uid(self, architecture: ChoiceArchitecture) -> int:
        """Return the index of the representative of an architecture."""
        return self.canonical_list()[self.index(architecture)]

    def codes(self) -> NDArray[np.signedinteger[Any]]:
        """Return the place of the option of each choice for every index, shape (size, n_choices)."""
        return self._codes

    def members(self) -> IntArray:
        """Return the indices of the valid architectures."""
        return self._members

    def canonical_list(self) -> Sequence[int]:
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
        if not self.is_enumerated:
            return self._large.sample(rng)
        return self.architecture(int(self._members[rng.integers(len(self._members))]))

    def samples(self, rng: np.random.Generator, n: int, tries: int) -> list[ChoiceArchitecture]:
        """Draw up to `n` architectures: where few are valid, those that `tries` draws find, but one at least."""
        if self.is_enumerated:
            return [self.sample(rng) for _ in range(n)]
        return self._large.samples(rng, n, tries) or [self.sample(rng)]

    def mutate(self, architecture: ChoiceArchitecture, rng: np.random.Generator) -> ChoiceArchitecture:
        """Return a random valid neighbour; a random architecture if there is none."""
        if not self.is_enumerated and (mutant := self._large.mutate(architecture, rng)):
            return mutant
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
        self._check_enumerated()
        sizes = tuple(len(options) for options in self.choices.values())
        kind = np.int8 if max(sizes) <= np.iinfo(np.int8).max else np.int32
        return read_only(np.ascontiguousarray(np.indices(sizes, dtype=kind).reshape(len(sizes), -1).T))

    def __repr__(self) -> str:
        if self.is_enumerated:
            return super().__repr__()
        return f"<{self.name}: {count_text(self.size)} architectures, not enumerated>"

    def _check_enumerated(self) -> None:
        if not self.is_enumerated:
            raise too_large(self.name, self.size)

    @cached_property
    def _large(self) -> LargeChoices:
        return LargeChoices(self, self._is_inside)

    def is_valid(self, architecture: ChoiceArchitecture) -> bool:
        """Return what `valid` says of an architecture, checked; of a part (`narrowed`), whether it leaves it or not."""
        return not self._defines("valid") or checked_valid(self, architecture, ask(self, "valid", architecture))

    def _is_inside(self, architecture: ChoiceArchitecture) -> bool:
        return self.is_valid(architecture) and (self._kept is None or self._kept(architecture))

    def representative(self, architecture: ChoiceArchitecture) -> ChoiceArchitecture:
        """Return what `canonical` says of a valid architecture, unchecked: quickly, for many candidates."""
        return ask(self, "canonical", architecture) if self._defines("canonical") else architecture

    def _canonical_one(self, index: int) -> int:
        """Return the index of the representative of one architecture of a space that is not enumerated."""
        architecture = self.architecture(index)
        if not self._defines("canonical") or not self.is_valid(architecture):
            return index
        answer = ask(self, "canonical", architecture)
        found = checked_representative(self, architecture, answer)
        if ask(self, "canonical", answer) != answer:
            raise unstable(self, architecture)
        return found

    @cached_property
    def _is_valid(self) -> Sequence[bool] | BoolArray:
        """Which indices are valid, shape (size,)."""
        if not self.is_enumerated:
            return LazySequence(lambda index: self._is_inside(self.architecture(index)), self.size, _MOST_KEPT)
        if not self._defines("valid"):
            return read_only(np.ones(self.size, dtype=np.bool_))
        said = ask_all(self, "valid", range(self.size))
        found = [checked_valid(self, architecture, answer) for _, architecture, answer in said]
        if not any(found):
            raise InvalidInputError(f"the space {self.name} is empty: its valid() refuses every architecture")
        return read_only(np.array(found, dtype=np.bool_))

    @cached_property
    def _canonical_indices(self) -> IntArray:
        """The index of the representative of every index, shape (size,)."""
        self._check_enumerated()
        found = np.arange(self.size)
        if self._defines("canonical"):
            for index, said, answer in ask_all(self, "canonical", self._members.tolist()):
                found[index] = checked_representative(self, said, answer)
            differs = np.flatnonzero(found[found] != found)
            if len(differs):
                raise unstable(self, self.architecture(int(differs[0])))
        return read_only(found)

    @cached_property
    def _canonical_list(self) -> Sequence[int]:
        if not self.is_enumerated:
            return LazySequence(self._canonical_one, self.size, _MOST_KEPT)
        plain: list[int] = self._canonical_indices.tolist()
        return plain

    @cached_property
    def _members(self) -> IntArray:
        self._check_enumerated()
        return read_only(np.flatnonzero(self._is_valid))

    @cached_property
    def _network_indices(self) -> IntArray:
        if not self._defines("canonical"):
            return self._members
        return read_only(np.unique(self._canonical_indices[self._members]))

    @cached_property
    def _network_of_index(self) -> IntArray:
        self._check_enumerated()
        rows = np.full(self.size, -1)
        rows[self._network_indices] = np.arange(self.n_networks)
        return read_only(np.where(self._is_valid, rows[self._canonical_indices], -1))

    @cached_property
    def _neighbour_lists(self) -> LazySequence[list[int]]:
        return LazySequence(self._near, self.size)

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
        for index, said, answer in ask_all(self, "cost", self._members.tolist()):
            for name, value in checked_costs(self, said, answer).items():
                columns.setdefault(name, np.full(self.size, np.nan))[index] = value
        return {name: read_only(column) for name, column in columns.items()}

    def _own_encoding(self) -> Encoding:
        rows: FloatArray | None = None
        for index, said, answer in ask_all(self, "encode", self._members.tolist()):
            values = checked_features(self, said, answer, None if rows is None else rows.shape[1])
            rows = np.full((self.size, len(values)), np.nan) if rows is None else rows
            rows[index] = values
        assert rows is not None  # a space has members
        return own_encoding(rows)

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
