"""Rows of Parquet, Feather and Arrow files."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from robustnas.errors import DataError, excerpt
from robustnas.tables.sheets.nested import flat
from robustnas.tables.sheets.sheet import Sheet

_INDEX = re.compile(r"__index_level_\d+__")


def read_parquet(path: Path, content: bytes) -> Sheet:
    """Read Parquet.

    Raises:
        DataError: It is not Parquet, or damaged.
    """
    import pyarrow.parquet

    return _read(path, content, "Parquet", lambda source: pyarrow.parquet.ParquetFile(source).read())


def read_feather(path: Path, content: bytes) -> Sheet:
    """Read Feather, which is an Arrow file, or a stream of Arrow.

    Raises:
        DataError: It is neither, or damaged.
    """
    import pyarrow.feather
    import pyarrow.ipc

    if content.startswith((b"ARROW1", b"FEA1")):
        return _read(path, content, "Feather", pyarrow.feather.read_table)
    return _read(path, content, "Arrow", lambda source: pyarrow.ipc.open_stream(source).read_all())


def _read(path: Path, content: bytes, form: str, read: Callable[[Any], Any]) -> Sheet:
    import pyarrow

    try:
        table = read(pyarrow.BufferReader(content))
        names = [str(name) for name in table.column_names]
        values = [table.column(place).to_pylist() for place in range(len(names))]
    except (pyarrow.ArrowException, OSError, ValueError, OverflowError, MemoryError, KeyError) as error:
        lines = str(error).splitlines() or ["it is damaged"]
        raise DataError(f"{path}: is not {form}, or damaged: {lines[0]}") from None
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise DataError(f"{path}: column {excerpt(twice)} occurs twice; rename one")
    columns = _without_structures(dict(zip(names, values, strict=True)))
    labels = frozenset(filter(_INDEX.fullmatch, columns))
    return Sheet(str(path), columns, [f"row {row}" for row in range(1, table.num_rows + 1)], labels=labels)


def _without_structures(columns: dict[str, list[Any]]) -> dict[str, Sequence[object]]:
    """Return columns with one for each member of a structure."""
    plain: dict[str, Sequence[object]] = {}
    for name, values in columns.items():
        structured = any(isinstance(value, dict) for value in values)
        plain.update(flat([{name: value} for value in values]) if structured else {name: values})
    return plain
