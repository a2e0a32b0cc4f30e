from __future__ import annotations

import numpy as np
import pytest

from robustnas.errors import InvalidInputError, NotationError
from robustnas.spaces import GrowingSpace, ListedSpace, encoding
from tests.robustnas.spaces.large import Large, listed

WHOLE = Large()
SOME = [WHOLE.sample(np.random.default_rng(seed)) for seed in range(4)]


def test_architectures_are_numbered_as_they_are_listed() -> None:
    space = ListedSpace(WHOLE, [*SOME, SOME[0]], "four")
    assert (space.name, space.size, space.n_members) == ("four", 4, 4)
    assert [space.index(one) for one in SOME] == [0, 1, 2, 3]
    assert space.parse("index:2") == space.parse(str(SOME[2])) == SOME[2]
    other = WHOLE.sample(np.random.default_rng(9))
    assert other not in space
    with pytest.raises(NotationError, match="is none of the 4 architectures of four here"):
        space.parse(str(other))
    with pytest.raises(NotationError, match="unknown choice 'depth'"):
        space.parse("depth=4")


def test_the_first_of_a_network_represents_it() -> None:
    one, other = SOME[0].replaced(c2=0, c3=5), SOME[0].replaced(c2=0, c3=6)
    space = ListedSpace(WHOLE, [SOME[1], one, other])
    assert list(space.canonical_list()) == [0, 1, 1]
    assert space.n_networks == 2
    assert space.network_of_index().tolist() == [0, 1, 1]
    assert space.canonical(other) == one


def test_facts_are_those_of_the_architectures() -> None:
    space = listed()
    rows = encoding("choices", space=space).values
    assert rows.shape == (space.size, 132)
    assert rows[:, :120].sum(axis=1).tolist() == [12] * space.size
    np.testing.assert_array_equal(encoding("own", space=space).values, space.codes())
    np.testing.assert_array_equal(space.cost_column("params"), 1 + space.codes().sum(axis=1))
    near = space.neighbour_lists()
    assert any(near)
    assert all(i in near[j] for i in range(space.size) for j in near[i])


def test_a_growing_space_numbers_in_order_of_appearance() -> None:
    space = GrowingSpace(WHOLE)
    assert (space.size, space.codes().shape, space.cost_column("params").shape) == (0, (0, 12), (0,))
    assert [space.index(one) for one in (SOME[2], SOME[0], SOME[2])] == [0, 1, 0]
    assert space.codes().shape == (2, 12)
    assert space.reachable is WHOLE
    assert space.uid(SOME[0]) == WHOLE.uid(SOME[0])
    with pytest.raises(NotationError, match=r"its valid\(\) says so"):
        space.index(SOME[0].replaced(c0=1, c1=1))
    with pytest.raises(InvalidInputError):
        space.index("nonsense")  # type: ignore[arg-type]  # what it tests
    assert space.listed().architectures == (SOME[2], SOME[0])
