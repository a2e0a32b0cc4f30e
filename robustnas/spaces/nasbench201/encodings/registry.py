"""The registry of encodings: one line each. The command line, plans, tests and docs read it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from robustnas.arrays import FloatArray
from robustnas.errors import InvalidInputError, unknown_name
from robustnas.spaces.nasbench201.encodings.cost import cost
from robustnas.spaces.nasbench201.encodings.encoding import Encoding, join
from robustnas.spaces.nasbench201.encodings.graph import graph
from robustnas.spaces.nasbench201.encodings.one_hot import functional, one_hot
from robustnas.spaces.nasbench201.encodings.path import path
from robustnas.spaces.nasbench201.encodings.path_statistics import path_statistics

ENCODINGS: dict[str, Callable[[], Encoding]] = {
    "one-hot": one_hot,
    "functional": functional,
    "path": path,
    "path-statistics": path_statistics,
    "graph": graph,
    "cost": cost,
}
"""Encodings by name; every one but ``one-hot`` gives functional twins equal rows."""


def encoding(name: str, table: Any = None) -> Encoding:
    """Return an encoding, or several side by side, over the whole space.

    Args:
        name: A name in `ENCODINGS`, several joined by ``+``, or columns attached to a table: one by its name
            (``hw.edgegpu_latency``) or all of one attachment (``hw.*``).
        table: The table whose attached columns are features; needed for names with a dot only.

    Raises:
        InvalidInputError: An unknown name, with the nearest known one, or a part named twice.

    >>> both = encoding("path+cost")
    >>> both.values.shape, both.groups, both.names[-1]
    ((15625, 46), (40, 6), 'cost:log10_flops')
    """
    if not isinstance(name, str) or not name.strip():
        raise InvalidInputError(f"encoding is {name!r}; expected a name such as 'path' or 'path+cost'")
    parts = tuple(part.strip() for part in name.split("+"))
    if any("." in part for part in parts):
        return join([_attached(part, table) if "." in part else _registered((part,)) for part in parts])
    return _registered(parts)


@lru_cache(maxsize=64)
def _registered(parts: tuple[str, ...]) -> Encoding:
    if len(parts) > 1:
        return join([_registered((part,)) for part in parts])
    try:
        build = ENCODINGS[parts[0]]
    except KeyError:
        raise InvalidInputError(unknown_name("encoding", parts[0], ENCODINGS)) from None
    return build()


def _attached(part: str, table: Any) -> Encoding:
    columns: Mapping[str, FloatArray] = table.attached_columns() if hasattr(table, "attached_columns") else {}
    prefix = part.removesuffix("*")
    whole = prefix != part
    chosen = {name: values for name, values in columns.items() if name == part or (whole and name.startswith(prefix))}
    if not chosen:
        raise InvalidInputError(unknown_name("encoding", part, [*ENCODINGS, *columns]))
    return Encoding(part, np.stack(list(chosen.values()), axis=1).astype(float), tuple(chosen), (len(chosen),))
