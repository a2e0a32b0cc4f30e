"""Sheets: rows of a user's file, keyed by architecture, read from CSV, Parquet or JSON.

JSON may be keyed by architecture, with or without a level of datasets above, and may nest numbers;
NAS-Bench-Suite-Zero and NAS-RobBench-201 write it so::

    {"cifar10": {"(4, 0, 3, 1, 4, 3)": {"synflow": {"score": 1.0, "time": 0.1}, "val_accuracy": 90.1}}}
    {"cifar10": {"13433": {"pgd": {"1": 0.3}}}}

A nested number becomes a column named for its path: ``synflow_time``. The last part is omitted where it is ``score`` or
has no siblings in the file: ``synflow``, ``pgd``. A list of row objects is read like a CSV file.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from robustnas.errors import DataError, DataNotFoundError

Path_: TypeAlias = tuple[str, ...]

SUFFIXES: tuple[str, ...] = (".csv", ".tsv", ".parquet", ".json")
"""The suffixes of files that can be read."""

_DELIMITERS = (",", "\t", ";")
_DOCUMENTED = 'expected {"<dataset>": {"<cell>": {"<column>": number}}} or a list of row objects'


@dataclass(frozen=True)
class Sheet:
    """The rows of a file or of a frame.

    Attributes:
        name: What messages call it: the file's path.
        columns: The values of each column, as found: text in CSV, anything in Parquet and JSON.
        places: The position of each row for messages, such as ``line 2``.
        keys: The architecture of each row if the rows are keyed (JSON objects); None if a column has them.
        advice: What to do where no column has architectures.
    """

    name: str
    columns: Mapping[str, Sequence[object]]
    places: Sequence[str]
    keys: Sequence[object] | None = None
    advice: str = "name it with --key COLUMN"

    def where(self, row: int) -> str:
        """Return name and place of a row, for messages."""
        return f"{self.name}, {self.places[row]}"


def read_bytes(path: Path) -> bytes:
    """Return the content of a file.

    Raises:
        DataNotFoundError: There is no such file.
        DataError: It cannot be read.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise DataNotFoundError(f"{path}: no such file") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error


def read_sheet(path: Path, content: bytes, dataset: str, datasets: Iterable[str] = ()) -> Sheet:
    """Read a file's content in the format that its suffix names.

    Args:
        path: The file's name, for its suffix and for messages.
        content: The file's content.
        dataset: The dataset to take from a JSON file that has several.
        datasets: Names that are those of datasets, and not of architectures, at the top of a JSON file.

    Raises:
        DataError: Naming the file, the place and what is wrong.
    """
    suffix = path.suffix.lower()
    if suffix in (".csv", ".tsv"):
        sheet = _read_csv(path, content)
    elif suffix == ".parquet":
        sheet = _read_parquet(path, content)
    elif suffix == ".json":
        sheet = _read_json(path, content, dataset, datasets)
    else:
        raise DataError(f"{path}: ends in {path.suffix or 'nothing'!r}; expected one of {', '.join(SUFFIXES)}")
    if not sheet.places:
        raise DataError(f"{path}: has no rows")
    return sheet


def _read_csv(path: Path, content: bytes) -> Sheet:
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


def _read_parquet(path: Path, content: bytes) -> Sheet:
    import pyarrow
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.read_table(pyarrow.BufferReader(content))
    except (pyarrow.ArrowException, OSError) as error:
        raise DataError(f"{path}: is not Parquet: {str(error).splitlines()[0]}") from None
    columns = {str(name): table.column(name).to_pylist() for name in table.column_names}
    return Sheet(str(path), columns, [f"row {row}" for row in range(1, table.num_rows + 1)])


def _read_json(path: Path, content: bytes, dataset: str, datasets: Iterable[str]) -> Sheet:
    try:
        value = json.loads(content, object_pairs_hook=lambda pairs: _object(pairs, path))
    except ValueError as error:
        raise DataError(f"{path}: is not JSON: {error}") from None
    except RecursionError:
        raise DataError(f"{path}: is nested too deep; {_DOCUMENTED}") from None
    if isinstance(value, list) and value and all(isinstance(row, dict) for row in value):
        return Sheet(str(path), _flat(value), [f"row {row}" for row in range(1, len(value) + 1)])
    if not isinstance(value, dict):
        raise DataError(f"{path}: holds a {type(value).__name__}; {_DOCUMENTED}")
    cells = _of_dataset(value, dataset, datasets, path)
    return Sheet(str(path), _flat(list(cells.values())), [f"entry {key!r}" for key in cells], list(cells))


def _object(pairs: list[tuple[str, Any]], path: Path) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise DataError(f"{path}: the key {twice!r} occurs twice in one object")
    return found


def _of_dataset(value: dict[str, Any], dataset: str, names: Iterable[str], path: Path) -> dict[str, Any]:
    """Return the object keyed by architecture, below the level of datasets if there is one."""
    plain = {_plain(name): name for name in (*names, dataset)}
    datasets = {plain[_plain(key)]: key for key in value if _plain(key) in plain}
    if datasets and dataset not in datasets:
        raise DataError(f"{path}: has no {dataset!r}; it has {', '.join(map(repr, value))}")
    cells = value[datasets[dataset]] if datasets else value
    if not isinstance(cells, dict):
        raise DataError(f"{path}: {dataset!r} holds a {type(cells).__name__}; {_DOCUMENTED}")
    return cells


def _plain(name: str) -> str:
    return name.lower().replace("-", "").replace("_", "")


def _flat(rows: Sequence[object]) -> dict[str, list[object]]:
    """Return the leaves of nested rows as columns, None where a row has none."""
    leaves = [dict(_leaves(row)) for row in rows]
    paths = tuple(dict.fromkeys(path for row in leaves for path in row))
    return {_column_name(path, paths): [row.get(path) for row in leaves] for path in paths}


def _leaves(value: object, path: Path_ = ()) -> Iterator[tuple[Path_, object]]:
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _leaves(item, (*path, str(name)))
    else:
        yield path, value


def _column_name(path: Path_, paths: Sequence[Path_]) -> str:
    if not path:
        return "value"
    parts = path
    alone = sum(other[: len(path) - 1] == path[:-1] for other in paths) == 1
    if len(path) > 1 and (path[-1] == "score" or alone):
        parts = path[:-1]
    return "_".join(parts)
