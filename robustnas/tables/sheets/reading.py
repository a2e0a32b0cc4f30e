"""Reading files as sheets: the reader is found by the file's suffix."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from robustnas.errors import DataError, DataNotFoundError, excerpt
from robustnas.spaces import EnumerableSpace, open_space
from robustnas.tables.sheets import compression
from robustnas.tables.sheets.arrays import read_npy, read_npz
from robustnas.tables.sheets.arrow import read_feather, read_parquet
from robustnas.tables.sheets.conversion import REFUSED, conversion
from robustnas.tables.sheets.delimited import read_delimited
from robustnas.tables.sheets.json import read_json, read_json_lines
from robustnas.tables.sheets.objects import ObjectReader
from robustnas.tables.sheets.pickles import read_pickle, read_torch
from robustnas.tables.sheets.sheet import Sheet

_DELIMITED = (".csv", ".tsv", ".txt", ".dat")
_ARROW: dict[str, Callable[[Path, bytes], Sheet]] = {
    ".parquet": read_parquet,
    ".pq": read_parquet,
    ".feather": read_feather,
    ".arrow": read_feather,
}
_OBJECTS: dict[str, Callable[[Path, bytes, ObjectReader], Sheet]] = {
    ".json": read_json,
    ".js": read_json,
    ".jsonl": read_json_lines,
    ".ndjson": read_json_lines,
    ".npy": read_npy,
    ".npz": read_npz,
    ".pkl": read_pickle,
    ".pickle": read_pickle,
    ".pt": read_torch,
    ".pth": read_torch,
}

SUFFIXES: tuple[str, ...] = (*_DELIMITED, *_ARROW, *_OBJECTS)
"""The suffixes of files that can be read; one of `compression.SUFFIXES` may follow."""


def is_table_name(path: Path) -> bool:
    """Return whether a file's name is that of a table, one that has to be converted included.

    >>> is_table_name(Path("t.csv.gz")), is_table_name(Path("t.xlsx")), is_table_name(Path("t.pdf"))
    (True, True, False)
    """
    return compression.plain_name(path).suffix.lower() in (*SUFFIXES, *REFUSED)


def table_stem(path: Path) -> str:
    """Return a file's name without its suffixes: ``t`` of ``t.csv.gz``."""
    return compression.plain_name(path).stem


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
    """Read a file's content in the format that its suffix names, and unpack it if it is compressed.

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
    plain, content = compression.unpacked(path, content)
    suffix = plain.suffix.lower()
    if suffix in _DELIMITED:
        sheet = read_delimited(path, content, space)
    elif suffix in _ARROW:
        sheet = _ARROW[suffix](path, content)
    elif suffix in _OBJECTS:
        sheet = _OBJECTS[suffix](path, content, _objects(path, suffix, dataset, datasets, space))
    elif suffix in REFUSED:
        raise DataError(f"{path}: {suffix} is not read; {conversion(path)}")
    else:
        expected = f"expected one of {', '.join(SUFFIXES)}, which may be compressed, as in .csv.gz"
        raise DataError(f"{path}: ends in {excerpt(plain.suffix or 'nothing')}; {expected}")
    if not sheet.places:
        raise DataError(f"{path}: has no rows")
    return sheet


def _objects(
    path: Path, suffix: str, dataset: str, datasets: Iterable[str], space: EnumerableSpace[Any]
) -> ObjectReader:
    place = "line" if suffix in (".jsonl", ".ndjson") else "row"
    return ObjectReader(str(path), dataset, tuple(datasets), space, place)
