"""Numbers by architecture: from the rows of a sheet to columns over a search space."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from robustnas.arrays import FloatArray, IntArray
from robustnas.errors import DataError, excerpt, listing
from robustnas.spaces import EnumerableSpace, open_space
from robustnas.tables.attached.duplicates import Repeats, check_duplicates, find_repeats, is_label
from robustnas.tables.attached.keys import KEY_COLUMNS, RowKeys, read_keys
from robustnas.tables.attached.missing_marks import missing_mark
from robustnas.tables.attached.numbers import ColumnNumbers, column_numbers, number
from robustnas.tables.column_facts import ColumnFacts
from robustnas.tables.sheets.recognition import plain_text
from robustnas.tables.sheets.sheet import Sheet


@dataclass(frozen=True)
class SheetColumn:
    """What is known of one column besides its numbers.

    Attributes:
        origin: Its name in the sheet.
        facts: Whether it was written with percent signs, and how its numbers differ where architectures are repeated.
        notes: How its values were read, as far as that is worth saying.
    """

    origin: str
    facts: ColumnFacts
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class SheetColumns:
    """The numbers of a sheet.

    Attributes:
        columns: Values by space index, shape (space.size,), NaN where missing.
        indices: The space index of each row.
        known: What is known of each column.
        key: The column the architectures were read from; empty where the rows are keyed.
        ignored: Columns that hold no numbers.
        notation: The convention in which six digits were read; empty where there were none.
        notes: What is worth saying about how the sheet was read, one sentence each; first how one row was.
    """

    columns: dict[str, FloatArray]
    indices: IntArray
    known: dict[str, SheetColumn]
    key: str
    ignored: tuple[str, ...]
    notation: str = ""
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
    notation: str | None = None,
    duplicates: str = "error",
    dataset: str = "",
    rename: Callable[[str], str] = column_name,
) -> SheetColumns:
    """Read the numeric columns of a sheet.

    See `column_numbers` for what a column of numbers is, `choose_notation` for how six digits are read.

    Args:
        sheet: The rows.
        key: The column of architectures, in any notation (integers are those of the space's text form: database ids
            in NAS-Bench-201), or the columns of their choices, separated by commas, as in `join_key`; None to find it.
        space: The search space; NAS-Bench-201 if None.
        notation: The convention of six digits, one of the space's `notations`; None to find it in the sheet.
        duplicates: What to do with rows that repeat an architecture, one of `DUPLICATES`.
        dataset: The dataset, the size of whose networks helps to find the notation.
        rename: Gets the name of a column and returns the one that it goes by.

    Raises:
        InvalidInputError: An unknown notation or way with duplicates.
        DataError: No key or no numbers, an unknown or repeated architecture, one that can be read in several ways, or a
            cell that is not a number; names the line or row.
    """
    space = space or open_space()
    check_duplicates(duplicates)
    keys = read_keys(sheet, key, space, notation, dataset)
    repeats = find_repeats(keys.sheet, keys.indices, duplicates, space)
    columns, found, ignored = _numbers(keys, repeats, space.size, rename)
    notes = [*_notes(keys, repeats, space), *keys.sheet.notes, *(note for one in found.values() for note in one.notes)]
    return SheetColumns(columns, keys.indices, found, keys.column, ignored, keys.notation.name, tuple(notes))


def filled(values: FloatArray, space: EnumerableSpace[Any]) -> FloatArray:
    """Return a column with the mean of the known members of its class where an architecture has no number."""
    networks = space.network_of_index()
    known = np.isfinite(values) & (networks >= 0)
    count = np.bincount(networks[known], minlength=space.n_networks)
    total = np.bincount(networks[known], weights=values[known], minlength=space.n_networks)
    mean = np.divide(total, count, out=np.full(space.n_networks, np.nan), where=count > 0)
    return np.where(np.isfinite(values), values, np.where(networks >= 0, mean[networks], np.nan))


def _numbers(
    keys: RowKeys, repeats: Repeats, size: int, rename: Callable[[str], str]
) -> tuple[dict[str, FloatArray], dict[str, SheetColumn], tuple[str, ...]]:
    """Return the numeric columns by space index, what is known of each, and the names of the others."""
    sheet = keys.sheet
    columns: dict[str, FloatArray] = {}
    found: dict[str, SheetColumn] = {}
    ignored = []
    for column in _candidates(keys, repeats):
        numbers = column_numbers(sheet, column)
        if numbers is None:
            ignored.append(column)
            continue
        name = rename(column)
        if name in found:
            raise DataError(
                f"{sheet.name}: columns {found[name].origin!r} and {column!r} would both be called {name!r}"
            )
        values, notes = _without_marks(column, numbers)
        facts = ColumnFacts(share=numbers.share, noise=repeats.noise(values))
        found[name] = SheetColumn(column, facts, notes)
        columns[name] = np.full(size, np.nan)
        columns[name][repeats.indices] = repeats.merged(values)
    if not columns:
        raise DataError(f"{sheet.name}: no column of numbers; {_no_numbers(sheet, ignored)}")
    return columns, found, tuple(ignored)


def _without_marks(column: str, numbers: ColumnNumbers) -> tuple[FloatArray, tuple[str, ...]]:
    """Return a column's numbers without those that mark missing ones, and its notes."""
    mark = missing_mark(numbers.values)
    if mark is None:
        return numbers.values, numbers.notes
    is_mark = numbers.values == mark
    n = int(is_mark.sum())
    rows = "1 row" if n == 1 else f"{n:,} rows"
    note = f"{column} is {mark:g} in {rows}, its only negative number: read as missing"
    return np.where(is_mark, np.nan, numbers.values), (*numbers.notes, note)


def _no_numbers(sheet: Sheet, ignored: Sequence[str]) -> str:
    """Return which columns a sheet has, and a value of the first one that may hold numbers and does not."""
    columns = f"it has {listing(sheet.columns) or 'none'}"
    if not ignored:
        return columns
    values = sheet.columns[ignored[0]]
    row = next((row for row, value in enumerate(values) if number(value) is None), 0)
    return f"{columns}, and {excerpt(ignored[0])} has {excerpt(values[row])} in {sheet.places[row]}"


def _candidates(keys: RowKeys, repeats: Repeats) -> list[str]:
    """Return the columns that may hold numbers."""
    sheet = keys.sheet
    taken = {*keys.columns, *sheet.labels, *_labels(keys, repeats)}
    named = KEY_COLUMNS if keys.columns else ()
    return [column for column in sheet.columns if column not in taken and column.lower() not in named]


def _labels(keys: RowKeys, repeats: Repeats) -> list[str]:
    """Return the columns that only tell repeated rows apart."""
    return [column for column in keys.sheet.columns if is_label(column)] if repeats.any else []


def _notes(keys: RowKeys, repeats: Repeats, space: EnumerableSpace[Any]) -> list[str]:
    """Return how architectures were read, on the example of one row, and which rows and columns were left out."""
    sheet = keys.sheet
    notes = [_example(keys, space)]
    if repeats.any:
        notes.append(repeats.note(sheet))
    if labels := _labels(keys, repeats):
        notes.append(f"left out, as rows are taken together: {listing(labels)}")
    others = [name for name in sheet.columns if name.lower() in KEY_COLUMNS and name != keys.column and keys.columns]
    if others:
        notes.append(f"left out, as they name cells or rows: {listing(others)}")
    return notes


def _example(keys: RowKeys, space: EnumerableSpace[Any]) -> str:
    """Return one row as it was read: one that depends on the notation, if any does."""
    sheet, chosen = keys.sheet, keys.notation
    values: Sequence[object] = sheet.columns[keys.column] if keys.columns else sheet.keys or ()
    written, cell = str(plain_text(values[chosen.row])).strip(), str(space.architecture(int(keys.indices[chosen.row])))
    read = cell if written == cell else f"{excerpt(written).strip(chr(39))} is {cell}"
    how = f", in the notation {chosen.name} ({chosen.reason})" if chosen.name else ""
    return f"{sheet.places[chosen.row]} as read: {read}{how}"
