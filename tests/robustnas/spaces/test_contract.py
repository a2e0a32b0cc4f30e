"""Every space passes the contract that others are given, and the contract finds what is wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from robustnas.arrays import IntArray
from robustnas.spaces import SPACES, EnumerableSpace, Subspace, open_space
from robustnas.spaces.testing import SpaceContract
from tests.robustnas.spaces.large import Large, listed
from tests.robustnas.spaces.test_choice_space import Small

pytestmark = pytest.mark.timeout(60)  # slow where processors are shared


class TestNASBench201(SpaceContract):
    def create(self) -> EnumerableSpace[Any]:
        return open_space("nasbench201")


class TestChoices(SpaceContract):
    def create(self) -> EnumerableSpace[Any]:
        return Small()


class TestWideResNets(SpaceContract):
    def create(self) -> EnumerableSpace[Any]:
        return open_space("wide-resnets")


class TestNASBench201Sizes(SpaceContract):
    def create(self) -> EnumerableSpace[Any]:
        return open_space("nasbench201-sizes")


class TestPart(SpaceContract):
    def create(self) -> EnumerableSpace[Any]:
        whole = Small()
        return Subspace(whole, np.arange(whole.size) % 3 > 0, split=True)


class TestLarge(SpaceContract):
    def create(self) -> EnumerableSpace[Any]:
        return Large()


class TestListed(SpaceContract):
    def create(self) -> EnumerableSpace[Any]:
        return listed()


class _Uneven(Small):
    def sample(self, rng: np.random.Generator) -> Any:
        return self.architecture(int(rng.integers(4)))


class _NoNeighbours(Small):
    def neighbours(self, architecture: Any) -> list[Any]:
        return [architecture]


class _OtherNumbers(Small):
    def uids(self) -> IntArray:
        return super().uids()[::-1].copy()


class _Forgetful(Small):
    def parse(self, text: Any) -> Any:
        return super().parse(text) if isinstance(text, str) and "=" in text else self.architecture(0)


@pytest.mark.parametrize(
    ("space", "test"),
    [
        (_Uneven, "samples_are_seeded_and_even"),
        (_NoNeighbours, "neighbours_differ_in_one_choice"),
        (_OtherNumbers, "networks_are_the_classes_in_ascending_order_of_uid"),
        (_OtherNumbers, "arrays_cannot_be_changed_by_callers"),
        (_Forgetful, "text_is_read_back"),
        (_Forgetful, "nonsense_is_refused"),
    ],
)
def test_the_contract_finds_what_is_wrong(space: type[Small], test: str) -> None:
    class Contract(SpaceContract):
        def create(self) -> EnumerableSpace[Any]:
            return space()

    with pytest.raises(AssertionError):
        getattr(Contract(), f"test_{test}")()


def test_every_registered_space_has_a_contract() -> None:
    tested = {part().space.name for part in SpaceContract.__subclasses__() if part.__module__ == __name__}
    assert {open_space(name).name for name in SPACES} <= tested
