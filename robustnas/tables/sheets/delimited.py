"""Rows of delimited text: CSV and its relatives."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

from robustnas.errors import DataError
from robustnas.spaces import EnumerableSpace
from robustnas.tables.sheets.sheet import Sheet

_DELIMITERS = (",", "\t", ";")


def read_delimited(path: Path, content: bytes, space: EnumerableSpace[Any]) -> Sheet:  # noqa: ARG001
    """Read CSV; the delimiter is found in the first line.

    Raises:
        DataError: It is no such text; names the line.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: is not UTF-8 text: {error.reason} at byte {error.start}") from None
    header_line = text.partition("\n")[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(_DELIMITERS, key=header_line.count), strict=True)
    try:
        rows = [(reader.line_num, row) for row in reader if row]
    except csv.Error as error:
        raise DataError(f"{path}, line {reader.line_num}: is not CSV: {error}") from None
    if not rows:
        raise DataError(f"{path}: is empty; expected a header line and rows")
    header = _header(path, [name.strip() for name in rows[0][1]])
    for line, row in rows[1:]:
        if len(row) != len(header):
            raise DataError(f"{path}, line {line}: has {len(row)} fields; expected {len(header)}, as in the header")
    columns = {name: [row[i] for _, row in rows[1:]] for i, name in enumerate(header) if name}
    return Sheet(str(path), columns, [f"line {line}" for line, _ in rows[1:]])


def _header(path: Path, names: list[str]) -> list[str]:
    """Check the header; columns without a name (row numbers written by pandas) are dropped later."""
    named = [name for name in names if name]
    if twice := next((name for name in named if named.count(name) > 1), None):
        raise DataError(f"{path}, line 1: column {twice!r} occurs twice")
    return names
