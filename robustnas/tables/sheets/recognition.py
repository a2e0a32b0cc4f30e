"""What looks like an architecture."""

from __future__ import annotations

import re
from numbers import Integral, Real
from typing import Any

from robustnas.errors import NotationError, excerpt
from robustnas.spaces import EnumerableSpace

_WHOLE = re.compile(r"[0-9]{1,15}\.0{1,20}|[0-9]\.[0-9]{1,20}e\+0[0-9]", re.IGNORECASE)  # as numpy and pandas write ids
_NUMBER = re.compile(r"[0-9.]+(?:e\+[0-9]+)?", re.IGNORECASE)


def architecture_index(value: object, space: EnumerableSpace[Any]) -> int:
    """Return the space index of an architecture in any notation; whole numbers are read as their text.

    Raises:
        NotationError: It is none; spaces of others may raise any ValueError or TypeError.
    """
    if not isinstance(value, str):  # text is tried first: files of text are long
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if value is None or isinstance(value, bool) or (isinstance(value, Real) and not isinstance(value, Integral)):
            raise NotationError(f"cannot read {excerpt(value)} as an architecture")
        value = str(value) if isinstance(value, Integral) else value
    elif _WHOLE.fullmatch(value.strip()):
        value = str(int(float(value)))
    return space.index(space.parse(value))


def is_architecture(value: object, space: EnumerableSpace[Any]) -> bool:
    """Return whether a value is an architecture and not just a number."""
    try:
        architecture_index(value, space)
    except (ValueError, TypeError):  # InvalidInputError is a ValueError; spaces of others may raise plain ones
        return False
    return not _NUMBER.fullmatch(str(value).strip())
