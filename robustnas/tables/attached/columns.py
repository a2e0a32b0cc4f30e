"""Numbers by architecture: from the rows of a sheet to columns over a search space."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np

from robustnas.arrays import FloatArray, IntArray
from robustnas.errors import DataError, unknown_name
from robustnas.spaces import EnumerableSpace, open_space
from robustnas.tables.attached.joined_key import join_key
from robustnas.tables.sheets.recognition import architecture_index, is_architecture
from robustnas.tables.sheets.sheet import Sheet

KEY_COLUMNS: tuple[str, ...] = (
    "net",
    "net_str",
    "arch",
    "arch_str",
    "architecture",
    "cell",
    "nb201-string",
    "nb201_string",
    "uid",
    "id",
)
"""Names of columns that hold architectures, preferred ones first; case does not matter."""

_NUMBERS = ("uid", "id")  # these also name plain row numbers, so they need not agree with another key
_MISSING = ("", "nan", "na", "n/a", "null", "none")


@dataclass(frozen=True)
class SheetColumns:
    """The numbers of a sheet.

    Attributes:
        columns: Values by space index, shape (space.size,), NaN where missing.
        indices: The space index of each row.
        origin: The name in the sheet of each column.
        key: The column the architectures were read from; empty where the rows are keyed.
        ignored: Columns that hold no numbers.
        notes: What is worth saying about how the sheet was read, one sentence each.
    """

    columns: dict[str, FloatArray]
    indices: IntArray
    origin: dict[str, str]
    key: str
    ignored: tuple[str, ...]
    notes: tuple[str, ...] = ()


def column_name(text: str) -> str:
    """Return a name made of letters, digits and underscores.

    >>> column_name("gpu latency (ms)")
    'gpu_latency_ms'
    """
    return re.sub(r"\W+", "_", text, flags=re.ASCII).strip("_") or "column"


def read_columns(
    sheet: Sheet,
    key: str | None = None,
    space: EnumerableSpace[Any] | None = None,
    *,
    rename: Callable[[str], str] = column_name,
) -> SheetColumns:
    """Read the numeric columns of a sheet.

    A column is numeric if more of its cells are numbers than are not; then each of the others must be missing (empty,
    nan, null).

    Args:
        sheet: The rows.
        key: The column of architectures, in any notation (integers are those of the space's text form: database ids
            in NAS-Bench-201), or the columns of their choices, separated by commas, as in `join_key`; None to find it.
        space: The search space; NAS-Bench-201 if None.
        rename: Gets the name of a column and returns the one that it goes by.

    Raises:
        DataError: No key or no numbers, an unknown or repeated architecture, or a cell that is not a number; names the
            line or row.
    """
    space = space or open_space()
    sheet, key = join_key(sheet, key, space)
    keys = _keys(sheet, key, space)
    indices = _indices(sheet, keys, space)
    columns, origin, ignored = _numbers(sheet, indices, keys, space.size, rename)
    return SheetColumns(columns, indices, origin, keys[0] if keys else "", ignored, sheet.notes)


def filled(values: FloatArray, space: EnumerableSpace[Any]) -> FloatArray:
    """Return a column with the mean of the known members of its class where an architecture has no number."""
    networks = space.network_of_index()
    known = np.isfinite(values) & (networks >= 0)
    count = np.bincount(networks[known], minlength=space.n_networks)
    total = np.bincount(networks[known], weights=values[known], minlength=space.n_networks)
    mean = np.divide(total, count, out=np.full(space.n_networks, np.nan), where=count > 0)
    return np.where(np.isfinite(values), values, np.where(networks >= 0, mean[networks], np.nan))


def key_columns(sheet: Sheet, space: EnumerableSpace[Any]) -> list[str]:
    """Return the columns that hold architectures, the one to use first."""
    named = {column.lower(): column for column in sheet.columns}
    keys = [named[name] for name in KEY_COLUMNS if name in named]
    return keys or [column for column, values in sheet.columns.items() if is_architecture(values[0], space)][:1]


def number(value: object) -> float | None:
    """Return a value as a number, NaN where it is missing, None if it is not a number."""
    if isinstance(value, str):
        value = value.strip()
        if value.lower() in _MISSING:
            return math.nan
    elif value is None:
        return math.nan
    elif isinstance(value, bool) or not isinstance(value, Real):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


def _keys(sheet: Sheet, key: str | None, space: EnumerableSpace[Any]) -> list[str]:
    """Return the columns that hold architectures, the one to use first; none if the rows are keyed."""
    if sheet.keys is not None:
        if key is not None:
            raise DataError(f"{sheet.name}: is keyed by cell and has no column {key!r}; leave --key out")
        return []
    if key is not None:
        if key not in sheet.columns:
            raise DataError(f"{sheet.name}: {unknown_name('column', key, sheet.columns)}")
        return [key]
    if keys := key_columns(sheet, space):
        return keys
    raise DataError(f"{sheet.name}: no column of architectures among {', '.join(sheet.columns)}; {sheet.advice}")


def _indices(sheet: Sheet, keys: Sequence[str], space: EnumerableSpace[Any]) -> IntArray:
    """Return the space index of every row, each a different one."""
    values: Sequence[object] = sheet.columns[keys[0]] if keys else sheet.keys or ()
    indices = _parsed(sheet, values, keys[0] if keys else "", space)
    first: dict[int, int] = {}
    for row, index in enumerate(indices.tolist()):
        if first.setdefault(index, row) != row:
            also = sheet.places[first[index]]
            raise DataError(f"{sheet.where(row)}: {space.architecture(index)} occurs twice, first in {also}")
    for other in keys[1:]:
        if other.lower() not in _NUMBERS:
            _check_same(sheet, keys[0], other, indices, space)
    return indices


def _parsed(sheet: Sheet, values: Sequence[object], column: str, space: EnumerableSpace[Any]) -> IntArray:
    indices = np.empty(len(values), dtype=np.int64)
    for row, value in enumerate(values):
        try:
            indices[row] = architecture_index(value, space)
        except (ValueError, TypeError) as error:
            of = f"column {column!r}: " if column else ""
            raise DataError(f"{sheet.where(row)}: {of}{error}") from None
    return indices


def _check_same(sheet: Sheet, key: str, other: str, indices: IntArray, space: EnumerableSpace[Any]) -> None:
    differ = np.flatnonzero(_parsed(sheet, sheet.columns[other], other, space) != indices)
    if len(differ):
        row = int(differ[0])
        raise DataError(
            f"{sheet.where(row)}: columns {key!r} and {other!r} name different cells; choose one with --key"
        )


def _numbers(
    sheet: Sheet, indices: IntArray, keys: Sequence[str], size: int, rename: Callable[[str], str]
) -> tuple[dict[str, FloatArray], dict[str, str], tuple[str, ...]]:
    """Return the numeric columns by space index, their names in the sheet, and the names of the others."""
    columns: dict[str, FloatArray] = {}
    origin: dict[str, str] = {}
    ignored = []
    for column in sheet.columns:
        if column in keys or column in sheet.labels or (keys and column.lower() in KEY_COLUMNS):
            continue
        values = _column(sheet, column)
        if values is None:
            ignored.append(column)
            continue
        name = rename(column)
        if name in origin:
            raise DataError(f"{sheet.name}: columns {origin[name]!r} and {column!r} would both be called {name!r}")
        origin[name] = column
        columns[name] = np.full(size, np.nan)
        columns[name][indices] = values
    if not columns:
        raise DataError(f"{sheet.name}: no column of numbers; it has {', '.join(sheet.columns) or 'none'}")
    return columns, origin, tuple(ignored)


def _column(sheet: Sheet, column: str) -> FloatArray | None:
    """Return a column's numbers, NaN where missing; None if at least as many of its cells are not numbers."""
    found = [number(value) for value in sheet.columns[column]]
    wrong = [row for row, value in enumerate(found) if value is None]
    values = np.array([np.nan if value is None else value for value in found])
    if int((~np.isnan(values)).sum()) <= len(wrong):
        return None
    infinite = np.flatnonzero(np.isinf(values)).tolist()
    for row in sorted([*wrong, *infinite])[:1]:
        value = sheet.columns[column][row]
        raise DataError(f"{sheet.where(row)}: {value!r} in column {column!r}; expected a finite number, or nothing")
    return values
