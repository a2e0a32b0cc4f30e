"""Numbers by cell: from the rows of a sheet to columns over the 15,625 cells."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from robustnas.arrays import FloatArray, IntArray
from robustnas.errors import DataError, InvalidInputError, NotationError, unknown_name
from robustnas.spaces.nasbench201.cell import Cell
from robustnas.spaces.nasbench201.numbering import N_CELLS
from robustnas.tables.attached.sheet import Sheet

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
class CellColumns:
    """The numbers of a sheet.

    Attributes:
        columns: Values by space index, shape (15625,), NaN where missing; names hold letters, digits, underscores.
        key: The column the architectures were read from; empty where the file is keyed by cell.
        ignored: Columns that hold no numbers.
    """

    columns: dict[str, FloatArray]
    key: str
    ignored: tuple[str, ...]


def read_columns(sheet: Sheet, key: str | None = None) -> CellColumns:
    """Read the numeric columns of a sheet.

    A column is numeric if more of its cells are numbers than are not; then each of the others must be missing (empty,
    nan, null).

    Args:
        sheet: The rows.
        key: The column of architectures, in any notation (integers are database ids); None to find it.

    Raises:
        DataError: No key or no numbers, an unknown or repeated architecture, or a cell that is not a number; names the
            line or row.
    """
    keys = _keys(sheet, key)
    columns, ignored = _numbers(sheet, _cells(sheet, keys), keys)
    return CellColumns(columns, keys[0] if keys else "", ignored)


def _keys(sheet: Sheet, key: str | None) -> list[str]:
    """Return the columns that hold architectures, the one to use first; none if the file is keyed by cell."""
    if sheet.keys is not None:
        if key is not None:
            raise DataError(f"{sheet.path}: is keyed by cell and has no column {key!r}; leave --key out")
        return []
    if key is not None:
        if key not in sheet.columns:
            raise DataError(f"{sheet.path}: {unknown_name('column', key, sheet.columns)}")
        return [key]
    named = {column.lower(): column for column in sheet.columns}
    keys = [named[name] for name in KEY_COLUMNS if name in named]
    keys = keys or [column for column, values in sheet.columns.items() if _is_notation(values[0])][:1]
    if not keys:
        columns = ", ".join(sheet.columns)
        raise DataError(f"{sheet.path}: no column of architectures among {columns}; name it with --key COLUMN")
    return keys


def _is_notation(value: object) -> bool:
    """Return whether a value is an architecture and not just a number."""
    try:
        _cell(value)
    except (NotationError, InvalidInputError):
        return False
    return not str(value).strip().removesuffix(".0").isdigit()


def _cell(value: object) -> Cell:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if isinstance(value, str | list | tuple):
        return Cell.parse(value)
    raise NotationError(f"cannot read {value!r} as an architecture")


def _cells(sheet: Sheet, keys: Sequence[str]) -> IntArray:
    """Return the space index of every row, each a different one."""
    values: Sequence[object] = sheet.columns[keys[0]] if keys else sheet.keys or ()
    indices = _parsed(sheet, values, keys[0] if keys else "")
    first: dict[int, int] = {}
    for row, index in enumerate(indices.tolist()):
        if first.setdefault(index, row) != row:
            also = sheet.places[first[index]]
            raise DataError(f"{sheet.where(row)}: {Cell.from_index(index)} occurs twice, first in {also}")
    for other in keys[1:]:
        if other.lower() not in _NUMBERS:
            _check_same(sheet, keys[0], other, indices)
    return indices


def _parsed(sheet: Sheet, values: Sequence[object], column: str) -> IntArray:
    indices = np.empty(len(values), dtype=np.int64)
    for row, value in enumerate(values):
        try:
            indices[row] = _cell(value).index
        except InvalidInputError as error:
            of = f"column {column!r}: " if column else ""
            raise DataError(f"{sheet.where(row)}: {of}{error}") from None
    return indices


def _check_same(sheet: Sheet, key: str, other: str, indices: IntArray) -> None:
    differ = np.flatnonzero(_parsed(sheet, sheet.columns[other], other) != indices)
    if len(differ):
        row = int(differ[0])
        raise DataError(
            f"{sheet.where(row)}: columns {key!r} and {other!r} name different cells; choose one with --key"
        )


def _numbers(sheet: Sheet, indices: IntArray, keys: Sequence[str]) -> tuple[dict[str, FloatArray], tuple[str, ...]]:
    """Return the numeric columns by space index, and the names of the others."""
    columns: dict[str, FloatArray] = {}
    origin: dict[str, str] = {}
    ignored = []
    for column in sheet.columns:
        if column in keys or (keys and column.lower() in KEY_COLUMNS):
            continue
        values = _column(sheet, column)
        if values is None:
            ignored.append(column)
            continue
        name = re.sub(r"\W+", "_", column, flags=re.ASCII).strip("_") or "column"
        if name in origin:
            raise DataError(f"{sheet.path}: columns {origin[name]!r} and {column!r} would both be called {name!r}")
        origin[name] = column
        columns[name] = np.full(N_CELLS, np.nan)
        columns[name][indices] = values
    if not columns:
        raise DataError(f"{sheet.path}: no column of numbers; it has {', '.join(sheet.columns) or 'none'}")
    return columns, tuple(ignored)


def _column(sheet: Sheet, column: str) -> FloatArray | None:
    """Return a column's numbers, NaN where missing; None if at least as many of its cells are not numbers."""
    found = [_number(value) for value in sheet.columns[column]]
    wrong = [row for row, number in enumerate(found) if number is None]
    values = np.array([np.nan if number is None else number for number in found])
    if int((~np.isnan(values)).sum()) <= len(wrong):
        return None
    infinite = np.flatnonzero(np.isinf(values)).tolist()
    for row in sorted([*wrong, *infinite])[:1]:
        value = sheet.columns[column][row]
        raise DataError(f"{sheet.where(row)}: {value!r} in column {column!r}; expected a finite number, or nothing")
    return values


def _number(value: object) -> float | None:
    """Return a value as a number, NaN where it is missing, None if it is not a number."""
    if value is None:
        return math.nan
    if isinstance(value, str):
        text = value.strip()
        if text.lower() in _MISSING:
            return math.nan
        value = text
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None
