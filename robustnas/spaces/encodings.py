"""Encodings by name: a space's own, those that installed packages add for any space, and attached columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from robustnas.arrays import FloatArray
from robustnas.errors import InvalidInputError, excerpt, unknown_name
from robustnas.reference import is_reference, load_reference, user_code
from robustnas.registry import Registry
from robustnas.spaces.encoding import Encoding, join
from robustnas.spaces.enumerable_space import EnumerableSpace
from robustnas.spaces.registry import open_space

ENCODINGS: Registry[Callable[[EnumerableSpace[Any]], Encoding]] = Registry("encoding", {}, "robustnas.encodings")
"""Encodings for any space, by name: functions of the space. Each space also has its own (`space.encodings`)."""


def encoding(name: str, table: Any = None, *, space: EnumerableSpace[Any] | None = None) -> Encoding:
    """Return an encoding, or several concatenated, over a whole space.

    Args:
        name: A name in `space.encodings` or in `ENCODINGS`, your own function of the space, such as
            ``my_file.py:my_encoding`` (`robustnas.reference`), or columns attached to a table: one by its name
            (``hw.edgegpu_latency``) or all of one attachment (``hw.*``); or several of these joined by ``+``.
        table: The table whose attached columns are used as features; needed only for names with a dot.
        space: The space; if None, the table's, or NAS-Bench-201 without a table.

    Raises:
        InvalidInputError: A name is unknown (names the nearest known one), or a part is given twice.

    >>> both = encoding("path+cost")
    >>> both.values.shape, both.groups, both.names[-1]
    ((15625, 46), (40, 6), 'cost:log10_flops')
    """
    if not isinstance(name, str) or not name.strip():
        raise InvalidInputError(f"encoding is {excerpt(name)}; expected a name such as 'path' or 'path+cost'")
    chosen = space or getattr(table, "space", None) or open_space()
    parts = tuple(part.strip() for part in name.split("+"))
    if not any("." in part or is_reference(part) for part in parts):
        return _registered(chosen, parts)
    return join([_part(part, table, chosen) for part in parts])


def _part(part: str, table: Any, space: EnumerableSpace[Any]) -> Encoding:
    if is_reference(part):
        return _own(load_reference("encoding", part), space, part)
    return _attached(part, table, space) if "." in part else _registered(space, (part,))


@lru_cache(maxsize=16)
def _own(function: Any, space: EnumerableSpace[Any], part: str) -> Encoding:
    found = None
    if callable(function):
        with user_code({f"encoding {part!r}": function}):
            found = function(space)
    if not isinstance(found, Encoding):
        raise InvalidInputError(
            f"encoding {excerpt(part)} is {excerpt(function)}; expected a function of a space, to an Encoding"
        )
    found.check_rows(space.size)
    return found


def encoding_names(space: EnumerableSpace[Any] | None = None) -> list[str]:
    """Return the names of all encodings of a space, NAS-Bench-201 if None; attached columns aside."""
    return [*(space or open_space()).encodings, *ENCODINGS]


@lru_cache(maxsize=64)
def _registered(space: EnumerableSpace[Any], parts: tuple[str, ...]) -> Encoding:
    if len(parts) > 1:
        return join([_registered(space, (part,)) for part in parts])
    name = parts[0]
    if name in space.encodings:
        return space.encodings[name]()
    if name not in ENCODINGS:
        raise InvalidInputError(unknown_name("encoding", name, encoding_names(space)))
    return _own(ENCODINGS[name], space, name)


def _attached(part: str, table: Any, space: EnumerableSpace[Any]) -> Encoding:
    columns: Mapping[str, FloatArray] = table.attached_columns() if hasattr(table, "attached_columns") else {}
    prefix = part.removesuffix("*")
    whole = prefix != part
    chosen = {name: values for name, values in columns.items() if name == part or (whole and name.startswith(prefix))}
    if not chosen:
        raise InvalidInputError(unknown_name("encoding", part, [*encoding_names(space), *columns]))
    return Encoding(part, np.stack(list(chosen.values()), axis=1).astype(float), tuple(chosen), (len(chosen),))
