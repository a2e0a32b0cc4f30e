"""Parameter validation: every error states the parameter's name, its value and what was expected in one sentence."""

from __future__ import annotations

import operator
import unicodedata
from collections.abc import Iterable, Mapping, Set
from contextlib import suppress
from itertools import islice
from typing import Any

from robustnas.errors import InvalidInputError, excerpt

LARGEST_INTEGER = 2**63 - 1
"""The largest integer accepted anywhere, seeds included: numpy, records and databases hold no larger one."""


def whole_number(name: str, value: object, *, at_least: int, at_most: int = LARGEST_INTEGER) -> int:
    """Return `value` if it is an integer in range; numpy integers count, booleans do not.

    Raises:
        InvalidInputError: The value is not; the message names the parameter, the value and what was expected.

    >>> whole_number("budget", 0, at_least=1)
    Traceback (most recent call last):
        ...
    robustnas.errors.InvalidInputError: budget is 0; expected an integer of at least 1
    """
    is_large = False
    with suppress(TypeError):  # arrays have an __index__ that raises
        number = operator.index(value)  # type: ignore[arg-type]  # it is what is checked
        if not isinstance(value, bool) and number >= at_least and number <= at_most:
            return number
        is_large = number > at_most
    bounds = f"from {at_least} to {at_most}" if is_large or at_most < LARGEST_INTEGER else f"of at least {at_least}"
    raise InvalidInputError(f"{name} is {excerpt(value)}; expected an integer {bounds}")


def written_number(name: str, text: str, *, at_least: int, at_most: int = LARGEST_INTEGER) -> int:
    """Return the integer that a text writes, if it is in range.

    Raises:
        InvalidInputError: It is none, or out of range; as `whole_number`.

    >>> written_number("size", "12", at_least=2)
    12
    """
    value: object = text
    with suppress(ValueError):  # no number, or one of thousands of digits
        value = int(text)
    return whole_number(name, value, at_least=at_least, at_most=at_most)


def has_control_characters(text: str) -> bool:
    """Return whether a text holds what terminals, tables and figures cannot show: line breaks, escapes, half letters.

    >>> has_control_characters("架构 🚀"), has_control_characters("two\\nlines")
    (False, True)
    """
    return any(unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") for letter in text)


def listed(value: object, most: int | None = None) -> list[Any]:
    """Return the entries of a list, an array, a generator or the like; none of what has no order, or is a text.

    >>> listed(range(3)), listed("abc"), listed({1, 2}), listed(None)
    ([0, 1, 2], [], [], [])
    """
    if not isinstance(value, Iterable) or isinstance(value, str | bytes | Mapping | Set):
        return []
    with suppress(TypeError):  # an array without dimensions
        return list(islice(value, most))
    return []
