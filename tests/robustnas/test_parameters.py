from __future__ import annotations

import datetime
import math
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Optional

import annotated_types
import numpy as np
import pytest

from robustnas.errors import InvalidInputError
from robustnas.parameters import checked_parameters, constructor_parameters

if TYPE_CHECKING:
    from nowhere import Missing


class Order(Enum):
    FIRST = "first"
    LAST = "last"


class Base:
    def __init__(self, rng: object, *, space: object = None, n_objectives: int = 1) -> None: ...


class Middle(Base):
    def __init__(self, rng: object, *, storage: str | None = None, **problem: Any) -> None: ...


class Leaf(Middle):
    def __init__(
        self,
        rng: object,
        *,
        n: int = 1,
        share: float = 0.5,
        flag: bool = False,
        order: Order = Order.FIRST,
        mode: Literal["fast", "slow"] = "fast",
        sizes: tuple[int, ...] = (),
        pair: tuple[int, float] = (1, 1.0),
        names: Sequence[str] = (),
        weights: Mapping[str, float] | None = None,
        file: Path = Path(),
        either: int | str = 1,
        old: Optional[int] = None,  # noqa: UP045 - plans of others have it
        state: int | np.random.RandomState | None = None,
        even: Annotated[int, annotated_types.MultipleOf(2)] = 2,
        function: Callable[[float], float] = math.sqrt,
        missing: Missing | None = None,
        nothing=None,
        **study: Any,
    ) -> None: ...


def check(**parameters: Any) -> dict[str, Any]:
    return checked_parameters("searcher 'leaf'", Leaf, parameters, reserved=("space", "rng"), n_positional=1)


@pytest.mark.parametrize(
    ("name", "value", "fitted"),
    [
        ("n", 3, 3),
        ("n", 1e3, 1000),
        ("n", np.int64(3), 3),
        ("share", 1, 1),
        ("share", 0.25, 0.25),
        ("order", "last", Order.LAST),
        ("mode", "slow", "slow"),
        ("sizes", [3, 4], (3, 4)),
        ("pair", [3, 0.5], (3, 0.5)),
        ("names", ["a", "b"], ["a", "b"]),
        ("weights", {"a": 1.5}, {"a": 1.5}),
        ("weights", None, None),
        ("file", "here.txt", Path("here.txt")),
        ("either", "text", "text"),
        ("old", None, None),
        ("state", 5, 5),
        ("even", 4, 4),
        ("function", math.exp, math.exp),
        ("missing", object, object),
        ("nothing", datetime.date(2026, 1, 1), datetime.date(2026, 1, 1)),
        ("storage", "sqlite:///a.db", "sqlite:///a.db"),
    ],
)
def test_what_an_annotation_allows_is_taken(name: str, value: object, fitted: object) -> None:
    found = check(**{name: value})[name]
    assert found == fitted
    assert type(found) is type(fitted)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("n", "3", "n is '3'; expected an integer"),
        ("n", True, "n is True; expected an integer"),
        ("n", 2.5, "n is 2.5; expected an integer"),
        ("n", 10**20, "n is 100000000000000000000; expected an integer of at most 64 bits"),
        pytest.param("n", 10**5000, "n is an integer of 5,001 digits; expected an integer of at most 64", id="long"),
        ("nothing", 2**63, "nothing is 9223372036854775808; expected an integer of at most 64 bits"),
        ("n", datetime.date(2026, 1, 1), "n is datetime.date(2026, 1, 1); expected an integer"),
        ("share", math.nan, "share is nan; expected a finite number"),
        ("share", "much", "share is 'much'; expected a number"),
        ("flag", 1, "flag is 1; expected true or false"),
        ("order", "middle", "order is 'middle'; expected 'first' or 'last'"),
        ("mode", "medium", "mode is 'medium'; expected 'fast' or 'slow'"),
        ("sizes", 3, "sizes is 3; expected a list"),
        ("sizes", [3, "x"], "sizes is [3, 'x']; expected an integer at [1]"),
        ("pair", [3], "pair is [3]; expected one more entry at [1]"),
        ("names", "ab", "names is 'ab'; expected a list"),
        ("weights", {"a": "b"}, "weights is {'a': 'b'}; expected a number"),
        ("weights", [1], "weights is [1]; expected a table"),
        ("file", 5, "file is 5; expected a text"),
        ("either", 0.5, "either is 0.5; expected an integer or a text"),
        ("old", "x", "old is 'x'; expected an integer"),
        ("even", 3, "even is 3; expected a multiple of 2"),
        ("storage", 5, "storage is 5; expected a text"),
        ("storage", "a\udcff", "expected valid Unicode"),
        pytest.param("storage", "x" * 5000, None, id="a long text"),
    ],
)
def test_other_types_are_refused_in_one_sentence(name: str, value: object, expected: str | None) -> None:
    if expected is None:
        assert check(**{name: value}) == {name: value}
        return
    with pytest.raises(InvalidInputError) as caught:
        check(**{name: value})
    assert str(caught.value).startswith("searcher 'leaf': ")
    assert expected in str(caught.value)
    assert len(str(caught.value)) < 300


def test_names_of_every_base_class_count() -> None:
    known, is_open = constructor_parameters(Leaf, n_positional=1)
    assert {"n", "storage", "space", "n_objectives"} <= set(known)
    assert not {"self", "rng", "study", "problem"} & set(known)
    assert not is_open


@pytest.mark.parametrize("name", ["space", "rng"])
def test_what_the_caller_sets_cannot_be_a_parameter(name: str) -> None:
    with pytest.raises(InvalidInputError, match=f"searcher 'leaf': {name} cannot be set as a parameter; its own"):
        check(**{name: 1})


def test_unknown_names_are_refused_with_the_nearest() -> None:
    with pytest.raises(InvalidInputError, match=r"unknown parameter 'storag'; did you mean 'storage'\?"):
        check(storag="x")


def test_a_constructor_that_takes_anything_is_given_anything() -> None:
    class Anything:
        def __init__(self, **settings: Any) -> None: ...

    assert checked_parameters("it", Anything, {"a": 1, "b": [2]}) == {"a": 1, "b": [2]}


def test_a_class_without_constructor_has_no_parameters() -> None:
    class Bare: ...

    with pytest.raises(InvalidInputError, match="unknown parameter 'a'"):
        checked_parameters("it", Bare, {"a": 1})


def test_annotations_that_cannot_be_hashed_are_checked() -> None:
    class Own:
        def __init__(self, n: Annotated[int, {"unit": "epochs"}] = 1) -> None: ...

    assert checked_parameters("it", Own, {"n": 3}) == {"n": 3}
    with pytest.raises(InvalidInputError, match="n is 'many'; expected an integer"):
        checked_parameters("it", Own, {"n": "many"})
