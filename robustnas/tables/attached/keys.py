"""Which architecture each row of a sheet is about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from robustnas.arrays import IntArray
from robustnas.errors import DataError, excerpt, listing, unknown_name
from robustnas.spaces import EnumerableSpace
from robustnas.tables.attached.joined_key import join_key
from robustnas.tables.attached.notation import Notation, choose_notation
from robustnas.tables.sheets.recognition import architecture_index, is_architecture, plain_text
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
    "arch_index",
    "uid",
    "id",
)
"""Names of columns that hold architectures, preferred ones first; case does not matter."""

_NUMBERS = ("arch_index", "uid", "id")  # these also name plain row numbers, so they need not agree with another key


@dataclass(frozen=True)
class RowKeys:
    """The architectures of a sheet's rows.

    Attributes:
        sheet: The sheet, its key in one column if it was spread over several.
        columns: The columns that hold architectures, the one that was used first; none if the rows are keyed.
        indices: The space index of each row.
        notation: How six digits were read.
    """

    sheet: Sheet
    columns: list[str]
    indices: IntArray
    notation: Notation

    @property
    def column(self) -> str:
        """The column that was used; empty if the rows are keyed."""
        return self.columns[0] if self.columns else ""


def read_keys(
    sheet: Sheet, key: str | None, space: EnumerableSpace[Any], notation: str | None = None, dataset: str = ""
) -> RowKeys:
    """Return the architectures of a sheet's rows.

    Args:
        sheet: The rows.
        key: The column of architectures, or columns of choices separated by commas; None to find it.
        space: The search space.
        notation: The convention of six digits; None to find it in the sheet.
        dataset: The dataset, whose networks' costs help to find it.

    Raises:
        DataError: No key, a value that is not an architecture, columns that contradict each other, or digits that can
            be read in two ways and nothing that decides; names the line or row.
    """
    sheet, key = join_key(sheet, key, space)
    columns = _key_columns(sheet, key, space)
    values: Sequence[object] = sheet.columns[columns[0]] if columns else sheet.keys or ()
    column = columns[0] if columns else ""
    others = {name: found for name, found in sheet.columns.items() if name != column}
    chosen = choose_notation(sheet, column, values, others, space, notation, dataset)
    indices = _parsed(sheet, values, column, space, chosen.name)
    for other in columns[1:]:
        if other.lower() not in _NUMBERS:
            _check_same(sheet, column, other, indices, space, chosen.name)
    return RowKeys(sheet, columns, indices, chosen)


def key_columns(sheet: Sheet, space: EnumerableSpace[Any]) -> list[str]:
    """Return the columns that hold architectures, the one to use first."""
    named = {column.lower(): column for column in sheet.columns}
    keys = [named[name] for name in space.notations if name in named and _starts_with_one(sheet, named[name], space)]
    keys += [named[name] for name in KEY_COLUMNS if name in named]
    return keys or [column for column in sheet.columns if _starts_with_one(sheet, column, space)][:1]


def _starts_with_one(sheet: Sheet, column: str, space: EnumerableSpace[Any]) -> bool:
    first = sheet.columns[column][0]
    return is_architecture(first, space) or bool(space.readings(plain_text(first)))


def _key_columns(sheet: Sheet, key: str | None, space: EnumerableSpace[Any]) -> list[str]:
    """Return the columns that hold architectures, the one to use first; none if the rows are keyed."""
    if sheet.keys is not None:
        if key is not None:
            raise DataError(f"{sheet.name}: is keyed by cell and has no column {excerpt(key)}; leave --key out")
        return []
    if key is not None:
        if key not in sheet.columns:
            raise DataError(f"{sheet.name}: {unknown_name('column', key, sheet.columns)}")
        return [key]
    if keys := key_columns(sheet, space):
        return keys
    raise DataError(f"{sheet.name}: no column of architectures among {listing(sheet.columns)}; {sheet.advice}")


def _parsed(
    sheet: Sheet, values: Sequence[object], column: str, space: EnumerableSpace[Any], notation: str
) -> IntArray:
    indices = np.empty(len(values), dtype=np.int64)
    for row, value in enumerate(values):
        try:
            readings = space.readings(plain_text(value))
            indices[row] = space.index(readings[notation]) if readings else architecture_index(value, space)
        except (ValueError, TypeError) as error:
            of = f"column {excerpt(column)}: " if column else ""
            raise DataError(f"{sheet.where(row)}: {of}{error}") from None
    return indices


def _check_same(
    sheet: Sheet, key: str, other: str, indices: IntArray, space: EnumerableSpace[Any], notation: str
) -> None:
    convention = other.lower() if other.lower() in space.notations else notation or next(iter(space.notations), "")
    differ = np.flatnonzero(_parsed(sheet, sheet.columns[other], other, space, convention) != indices)
    if len(differ):
        row = int(differ[0])
        raise DataError(
            f"{sheet.where(row)}: columns {excerpt(key)} and {excerpt(other)} name different cells; choose one with "
            "--key"
        )
