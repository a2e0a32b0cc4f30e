"""Reading files as sheets: the reader is found by the file's suffix."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from robustnas.errors import DataError, DataNotFoundError
from robustnas.spaces import EnumerableSpace, open_space
from robustnas.tables.sheets.delimited import read_delimited
from robustnas.tables.sheets.objects import read_json
from robustnas.tables.sheets.parquet import read_parquet
from robustnas.tables.sheets.sheet import Sheet

SUFFIXES: tuple[str, ...] = (".csv", ".tsv", ".parquet", ".json")
"""The suffixes of files that can be read."""


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


def read_sheet(
    path: Path,
    content: bytes,
    dataset: str,
    datasets: Iterable[str] = (),
    space: EnumerableSpace[Any] | None = None,
) -> Sheet:
    """Read a file's content in the format that its suffix names.

    Args:
        path: The file's name, for its suffix and for messages.
        content: The file's content.
        dataset: The dataset to take from a JSON file that has several.
        datasets: Names that are those of datasets, and not of architectures, at the top of a JSON file.
        space: The search space, to tell architectures from names; NAS-Bench-201 if None.

    Raises:
        DataError: Naming the file, the place and what is wrong.
    """
    space = space or open_space()
    suffix = path.suffix.lower()
    if suffix in (".csv", ".tsv"):
        sheet = read_delimited(path, content, space)
    elif suffix == ".parquet":
        sheet = read_parquet(path, content)
    elif suffix == ".json":
        sheet = read_json(path, content, dataset, datasets, space)
    else:
        raise DataError(f"{path}: ends in {path.suffix or 'nothing'!r}; expected one of {', '.join(SUFFIXES)}")
    if not sheet.places:
        raise DataError(f"{path}: has no rows")
    return sheet
