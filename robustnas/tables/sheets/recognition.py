"""What looks like an architecture."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from numbers import Integral, Real
from typing import Any

from robustnas.errors import NotationError, excerpt
from robustnas.spaces import EnumerableSpace

_WHOLE = re.compile(r"[0-9]{1,15}\.0{1,20}|[0-9]\.[0-9]{1,20}e\+0[0-9]", re.IGNORECASE)  # as numpy and pandas write ids
_NUMBER = re.compile(r"[0-9.]+(?:e\+[0-9]+)?", re.IGNORECASE)


def plain_text(value: object) -> object:
    """Return a whole number as its text, and anything else unchanged: what an architecture is read from."""
    if isinstance(value, str):  # the most frequent
        return value
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value) if isinstance(value, Integral) and not isinstance(value, bool) else value


def architecture_index(value: object, space: EnumerableSpace[Any]) -> int:
    """Return the space index of an architecture in any notation; whole numbers are read as their text.

    Raises:
        NotationError: It is not an architecture; spaces of others may raise any ValueError or TypeError.
    """
    text = plain_text(value)
    if text is None or isinstance(text, bool | Real):
        raise NotationError(f"cannot read {excerpt(value)} as an architecture")
    if isinstance(text, str) and _WHOLE.fullmatch(text.strip()):
        text = str(int(float(text)))
    return space.index(space.parse(text))


def is_architecture(value: object, space: EnumerableSpace[Any]) -> bool:
    """Return whether a value is an architecture and not just a number."""
    try:
        architecture_index(value, space)
    except (ValueError, TypeError):  # InvalidInputError is a ValueError; spaces of others may raise plain ones
        return False
    return not _NUMBER.fullmatch(str(value).strip())


def spells_choices(texts: Iterable[str], space: EnumerableSpace[Any]) -> bool:
    """Return whether as many texts as an architecture has choices are options of them."""
    options = {str(option) for options in space.choices.values() for option in options}
    return sum(text in options for text in texts) >= len(space.choices)


def names_architectures(columns: Mapping[str, Sequence[object]], space: EnumerableSpace[Any]) -> bool:
    """Return whether a column holds architectures, or some columns together do: by their first values.

    Text of six digits is one, whatever its convention; six digits as a number are one in a column that is called like a
    convention.
    """
    firsts = {name: values[0] for name, values in columns.items() if len(values)}
    for name, value in firsts.items():
        may_be_digits = isinstance(value, str) or name.lower() in space.notations
        if is_architecture(value, space) or (may_be_digits and space.readings(plain_text(value))):
            return True
    return spells_choices((value.strip() for value in firsts.values() if isinstance(value, str)), space)
