"""The contract that every search space must satisfy, as a test class for pytest. Subclass it to test your own space.

::

    from robustnas.spaces.testing import SpaceContract

    class TestMySpace(SpaceContract):
        def create(self):
            return MySpace()

The class must be importable by its module's name, because one test runs it in a spawned process.
"""

from __future__ import annotations

import json
import multiprocessing
import pickle
from abc import ABC, abstractmethod
from functools import cached_property
from hashlib import sha256
from multiprocessing.queues import SimpleQueue
from typing import Any

import numpy as np

from robustnas.errors import InvalidInputError, SpaceTooLargeError
from robustnas.spaces.choice_space import ChoiceSpace
from robustnas.spaces.encoding import Encoding
from robustnas.spaces.enumerable_space import EnumerableSpace
from robustnas.spaces.listed_space import ListedSpace
from robustnas.spaces.search_space import COSTS
from robustnas.workers import replaced_environment


class SpaceContract(ABC):
    """The requirements on a search space; of one that is too large to be enumerated, arrays are those of a sample.

    Attributes:
        n_checked: Architectures, drawn at random, that are looked at one by one.
        seconds_in_another_process: How long the spawned process may take.
    """

    n_checked: int = 50
    seconds_in_another_process: float = 60.0

    @abstractmethod
    def create(self) -> EnumerableSpace[Any]:
        """Return the space."""

    @cached_property
    def space(self) -> EnumerableSpace[Any]:
        """The space, made once for each test."""
        return self.create()

    @cached_property
    def at_hand(self) -> EnumerableSpace[Any]:
        """The space, or those of its `architectures` that are looked at."""
        if self.space.is_enumerated:
            return self.space
        assert isinstance(self.space, ChoiceSpace), "a space that is not enumerated has to be a ChoiceSpace"
        return ListedSpace(self.space, self.architectures)

    @property
    def architectures(self) -> list[Any]:
        """Architectures of the space, drawn with a fixed seed."""
        rng = np.random.default_rng(0)
        return [self.space.sample(rng) for _ in range(self.n_checked)]

    def test_text_is_read_back(self) -> None:
        """An architecture is a hashable value that its text, its choices and a pickle give back."""
        space = self.space
        for architecture in self.architectures:
            assert space.parse(str(architecture)) == space.parse(architecture) == architecture
            assert space.from_choices(space.choices_of(architecture)) == architecture
            assert pickle.loads(pickle.dumps(architecture)) == architecture  # noqa: S301  our own
            assert len({architecture, space.parse(str(architecture))}) == 1
            assert "\n" not in str(architecture)

    def test_nonsense_is_refused(self) -> None:
        """What is no architecture is refused with an error of ours that says so."""
        for text in ("", "nonsense", None, 3.5, "index:-1", f"index:{self.space.size}", object(), "\ud800"):
            try:
                found = self.space.parse(text)
            except InvalidInputError:
                continue
            raise AssertionError(f"{text!r} was read as {found}; expected a NotationError")

    def test_indices_are_those_of_the_architectures(self) -> None:
        """Members are numbered, and the number gives the architecture back; there is none beyond the last."""
        for space in {id(space): space for space in (self.space, self.at_hand)}.values():
            for architecture in self.architectures:
                assert space.architecture(space.index(architecture)) == architecture
                assert architecture in space
            for index in (-1, space.size):
                try:
                    space.architecture(index)
                except InvalidInputError:
                    continue
                raise AssertionError(f"there is an architecture of index {index}; expected a NotationError")
        members = self.at_hand.members()
        assert len(members) == self.at_hand.n_members <= self.at_hand.size
        assert (np.diff(members) > 0).all()
        assert members[0] >= 0
        assert members[-1] < self.at_hand.size
        assert np.isin([self.at_hand.index(architecture) for architecture in self.architectures], members).all()

    def test_a_space_that_is_not_enumerated_says_so(self) -> None:
        """What lists every architecture is refused in words where there are too many."""
        if self.space.is_enumerated:
            return
        for name in ("members", "codes", "uids", "network_indices", "network_of_index"):
            try:
                getattr(self.space, name)()
            except SpaceTooLargeError:
                continue
            raise AssertionError(f"{name}() lists the architectures of {self.space!r}; expected a SpaceTooLargeError")

    def test_codes_are_the_places_of_the_options(self) -> None:
        """Row by row, codes are the places of the chosen options."""
        space, codes = self.at_hand, self.at_hand.codes()
        assert codes.shape == (space.size, len(space.choices))
        for architecture in self.architectures:
            own = space.choices_of(architecture)
            places = [options.index(own[name]) for name, options in space.choices.items()]
            assert codes[space.index(architecture)].tolist() == places
        assert codes.min() == 0
        assert (codes.max(axis=0) < [len(options) for options in space.choices.values()]).all()

    def test_canonical_architectures_stand_for_themselves(self) -> None:
        """The representative of a class is in the class, and every member of it has the same."""
        space = self.at_hand
        canonical = np.asarray(space.canonical_list())
        members = space.members()
        assert canonical.shape == (space.size,)
        np.testing.assert_array_equal(canonical[canonical[members]], canonical[members])
        for architecture in self.architectures:
            representative = space.canonical(architecture)
            assert space.canonical(representative) == representative
            assert space.index(representative) == canonical[space.index(architecture)]
            assert space.uid(representative) == space.uid(architecture)
            whole = self.space.canonical(architecture)
            assert self.space.canonical(whole) == whole
            assert self.space.uid(whole) == self.space.uid(architecture)

    def test_networks_are_the_classes_in_ascending_order_of_uid(self) -> None:
        """Rows, representatives and uids agree; nothing outside the space has a row."""
        space = self.at_hand
        rows, uids, indices = space.network_of_index(), space.uids(), space.network_indices()
        members = space.members()
        assert indices.shape == (space.n_networks,)
        np.testing.assert_array_equal(rows[indices], np.arange(space.n_networks))
        np.testing.assert_array_equal(indices[rows[members]], np.asarray(space.canonical_list())[members])
        assert (np.diff(uids[indices]) > 0).all()
        np.testing.assert_array_equal(uids[members], uids[indices][rows[members]])
        outside = np.setdiff1d(np.arange(space.size), members, assume_unique=True)
        assert (rows[outside] == -1).all()

    def test_neighbours_differ_in_one_choice(self) -> None:
        """Neighbours are in the space, differ in exactly one choice, and are neighbours of each other."""
        space = self.space
        lists = space.neighbour_lists()
        for architecture in self.architectures[:10]:
            index, near = space.index(architecture), space.neighbours(architecture)
            indices = [space.index(other) for other in near]
            assert sorted(indices) == sorted(lists[index])
            assert len(set(indices)) == len(indices)
            for other, place in zip(near, indices, strict=True):
                assert other in space
                assert len(space.choices_of(other).items() - space.choices_of(architecture).items()) == 1
                assert index in lists[place]

    def test_mutants_are_neighbours(self) -> None:
        """A mutant is a neighbour, any of them, or a random architecture where there is none."""
        space, rng = self.space, np.random.default_rng(0)
        for architecture in self.architectures[:10]:
            near = space.neighbours(architecture)
            found = {space.mutate(architecture, rng) for _ in range(20)}
            assert all(mutant in (near or [mutant]) and mutant in space for mutant in found)
            assert len(found) > 1 or len(near) == 1

    def test_samples_are_seeded_and_even(self) -> None:
        """A seed fixes the draws, and an option is drawn as often as members have it: within five deviations."""
        space, n = self.space, 400
        draws = [[space.index(space.sample(rng)) for _ in range(n)] for rng in map(np.random.default_rng, (1, 1, 2))]
        assert draws[0] == draws[1]
        assert draws[0] != draws[2]
        if not space.is_enumerated:  # nobody knows how often members have an option
            return
        codes = space.codes()
        inside, drawn = codes[space.members()], codes[draws[0]]
        for option in range(int(codes.max()) + 1):
            share = (inside == option).mean(axis=0)
            deviation = np.sqrt(n * share * (1 - share)) + 1
            assert (abs((drawn == option).sum(axis=0) - n * share) <= 5 * deviation).all()

    def test_encodings_have_a_row_for_every_index(self) -> None:
        """Every encoding has its name, and finite features of every member; the default is one of them, or several."""
        space = self.at_hand
        found = {name: make() for name, make in space.encodings.items()}
        assert set(space.default_encoding.split("+")) <= set(found)
        for name, encoding in found.items():
            assert isinstance(encoding, Encoding)
            assert encoding.name == name
            encoding.check_rows(space.size)
            assert np.isfinite(encoding.values[space.members()]).all()

    def test_costs_are_positive_where_there_are_any(self) -> None:
        """A cost is a positive number for every member, the same in every call."""
        for name in COSTS:
            try:
                column = self.at_hand.cost_column(name)
            except InvalidInputError:
                continue
            assert column.shape == (self.at_hand.size,)
            assert (column[self.at_hand.members()] > 0).all()
            np.testing.assert_array_equal(column, self.at_hand.cost_column(name))

    def test_arrays_cannot_be_changed_by_callers(self) -> None:
        """Facts are computed once for a process: no caller may change them."""
        for array in (self.at_hand.network_indices(), self.at_hand.network_of_index(), self.at_hand.uids()):
            assert not array.flags.writeable

    def test_another_process_has_the_same_space(self) -> None:
        """The pickle of the space opens the same one in a spawned process with another hash seed."""
        context = multiprocessing.get_context("spawn")
        queue: SimpleQueue[str] = context.SimpleQueue()
        with replaced_environment(PYTHONHASHSEED="4711"):
            process = context.Process(target=_send_facts, args=(pickle.dumps(self.space), queue))
            process.start()
        process.join(self.seconds_in_another_process)
        assert process.exitcode == 0, "the spawned process failed; the space must be importable by its module's name"
        assert queue.get() == _facts(self.space)


def _facts(space: EnumerableSpace[Any]) -> str:
    """Return a SHA-256 of what a space is."""
    choices = [[name, *map(str, options)] for name, options in space.choices.items()]
    content = sha256(json.dumps([space.name, choices, dict(space.digests)]).encode())
    if not space.is_enumerated:
        rng = np.random.default_rng(0)
        drawn = [space.sample(rng) for _ in range(50)]
        content.update(json.dumps([f"{architecture} {space.uid(architecture)}" for architecture in drawn]).encode())
        return content.hexdigest()
    for array in (space.members(), space.uids(), space.network_indices(), space.network_of_index()):
        content.update(np.ascontiguousarray(array, dtype=np.int64).tobytes())
    return content.hexdigest()


def _send_facts(pickled: bytes, queue: SimpleQueue[str]) -> None:
    queue.put(_facts(pickle.loads(pickled)))  # noqa: S301  our own
