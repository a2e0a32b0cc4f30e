from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest

from robustnas.errors import InvalidInputError, NotationError, SpaceTooLargeError, UserCodeError
from robustnas.spaces import ChoiceArchitecture, ChoiceSpace, ProductSpace, open_space
from robustnas.spaces.large_choices import count_text
from tests.robustnas.spaces.large import Large


def space_of(choices: Any, **methods: Any) -> ChoiceSpace:
    return type("Mine", (ChoiceSpace,), {"choices": choices, **methods})()


DIGITS = {f"c{place}": tuple(range(10)) for place in range(30)}


def test_indices_may_be_beyond_64_bits() -> None:
    space = space_of(DIGITS)
    assert space.size == 10**30
    assert repr(space) == "<Mine: about 1e30 architectures, not enumerated>"
    last = space.architecture(10**30 - 1)
    assert set(last.options) == {9}
    assert space.index(last) == space.uid(last) == 10**30 - 1
    assert space.parse(f"index:{10**30 - 1}") == last == space.parse(str(last))
    with pytest.raises(NotationError, match="is not an index of Mine"):
        space.parse(f"index:{10**30}")
    assert len(space.neighbours(last)) == 270


def test_what_lists_every_architecture_is_refused() -> None:
    space = Large()
    for fact in ("n_networks", "n_members"):
        with pytest.raises(SpaceTooLargeError, match=r"1,000,000,000,000 architectures, more than the 1,048,576"):
            getattr(space, fact)
    with pytest.raises(SpaceTooLargeError):
        space.encodings["choices"]()
    with pytest.raises(SpaceTooLargeError):
        space.cost_column("params")
    with pytest.raises(TypeError):
        len(space)  # type: ignore[arg-type]  # what it tests


def test_the_largest_space_that_is_enumerated() -> None:
    assert space_of({f"c{i}": (0, 1) for i in range(20)}).is_enumerated
    assert not space_of({f"c{i}": (0, 1) for i in range(21)}).is_enumerated


def test_mutants_are_valid_neighbours_each_as_likely() -> None:
    space, rng = space_of({"two": (0, 1), "one": ("only",), "many": range(2**20)}), np.random.default_rng(0)
    start = space.parse("two=0,one=only,many=7")
    assert space.mutate(start, rng).two == 0
    small = space_of({f"c{i}": (0, 1, 2) for i in range(13)}, valid=lambda self, one: one.c0 == 0)
    assert not small.is_enumerated
    start = small.sample(rng)
    found = Counter(str(small.mutate(start, rng)) for _ in range(2400))
    assert set(found) == {str(near) for near in small.neighbours(start)}
    assert len(found) == 24
    assert max(abs(n - 100) for n in found.values()) < 50


def test_valid_is_kept_to_by_rejection_until_nothing_is_left() -> None:
    space = space_of(DIGITS, valid=lambda self, one: one.c0 == one.c1 == 3)
    drawn = space.sample(np.random.default_rng(0))
    assert (drawn.c0, drawn.c1) == (3, 3)
    assert drawn in space
    assert drawn.replaced(c0=4) not in space
    with pytest.raises(NotationError, match=r"its valid\(\) says so"):
        space.parse(str(drawn.replaced(c0=4)))
    nothing = space_of(DIGITS, valid=lambda self, one: False)
    with pytest.raises(InvalidInputError, match="of 30,000 architectures drawn at random, none is valid"):
        nothing.sample(np.random.default_rng(0))


@pytest.mark.parametrize(
    ("methods", "message"),
    [
        ({"valid": lambda self, one: 1}, r"valid\(c0=.* returned 1; expected True or False"),
        ({"canonical": lambda self, one: "x"}, r"canonical\(c0=.* returned 'x'; expected an architecture"),
        (
            {"canonical": lambda self, one: one.replaced(c0=(one.c0 + 1) % 10)},
            "expected a representative that stands for itself",
        ),
    ],
)
def test_answers_are_checked(methods: Any, message: str) -> None:
    space = space_of(DIGITS, **methods)
    with pytest.raises(InvalidInputError, match=message):
        space.uid(space.sample(np.random.default_rng(0)))


def test_errors_of_methods_are_told_as_the_users() -> None:
    def valid(self: Any, architecture: ChoiceArchitecture) -> bool:
        raise ZeroDivisionError("mine")

    with pytest.raises(UserCodeError, match=r"valid\(\) of the space Mine: ZeroDivisionError: mine"):
        space_of(DIGITS, valid=valid).sample(np.random.default_rng(0))


def test_a_part_is_narrowed_by_a_function() -> None:
    whole = Large()
    part = whole.narrowed(lambda one: one.c5 == 3, "Large of threes")
    drawn = part.sample(np.random.default_rng(0))
    assert drawn.c5 == 3
    assert all(near.c5 == 3 for near in part.neighbours(drawn))
    assert drawn.replaced(c5=4) not in part
    assert drawn.replaced(c5=4) in whole
    assert part.index(drawn) == whole.index(drawn)
    outside = whole.narrowed(lambda one: one.c3 == 5)  # the representative of c2=0 has c3=0
    one = outside.sample(np.random.default_rng(0)).replaced(c2=0)
    assert outside.uid(one) == whole.uid(one)


def test_a_product_may_be_large() -> None:
    space = ProductSpace(open_space("nasbench201"), Large())
    drawn = space.sample(np.random.default_rng(0))
    assert drawn in space
    assert space.part(drawn, 1) in Large()
    same = drawn.replaced(c2=0, c3=7)
    assert space.canonical(same) == space.canonical(drawn.replaced(c2=0, c3=1))
    assert space.uid(same) == space.uid(space.canonical(same))
    invalid = drawn.replaced(c0=1, c1=1)
    assert invalid not in space


@pytest.mark.parametrize(
    ("count", "text"), [(7, "7"), (10**15, "about 1e15"), (2**70, "about 1e21"), (10**400, "about 1e400")]
)
def test_counts_in_words(count: int, text: str) -> None:
    assert count_text(count) == text
