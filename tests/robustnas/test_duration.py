from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from robustnas.duration import duration_text, parse_duration
from robustnas.errors import InvalidInputError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("20 h", 72_000), ("90 min", 5400), ("3600 s", 3600), ("2 d", 172_800), ("1.5h", 5400), (" .5 Hours ", 1800)],
)
def test_units(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("same", [("20 h", "1200 min", "72000 s"), ("1 d", "24 h"), ("90 min", "1.5 h")])
def test_one_text_for_every_way_to_write_a_duration(same: tuple[str, ...]) -> None:
    assert len({duration_text(parse_duration(text)) for text in same}) == 1


@given(st.floats(min_value=1e-3, max_value=1e12))
def test_texts_are_read_back(seconds: float) -> None:
    assert parse_duration(duration_text(seconds)) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "20",
        "h",
        "0 h",
        "-1 h",
        "nan h",
        "inf h",
        "1e3 h",
        "20 lightyears",
        "20 h 5 min",
        "٣ h",
        20,
        None,
        True,
        [1],
    ],
)
def test_what_is_no_duration_is_refused(text: object) -> None:
    with pytest.raises(InvalidInputError, match=r"budget is .*; expected a duration such as '20 h'"):
        parse_duration(text, "budget")


def test_a_long_value_is_not_repeated_whole() -> None:
    with pytest.raises(InvalidInputError) as caught:
        parse_duration("9" * 5000 + " h")
    assert len(str(caught.value)) < 250
