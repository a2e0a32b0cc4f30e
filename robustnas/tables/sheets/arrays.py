"""Rows of numpy files, read without running anything."""

from __future__ import annotations

import io
import math
import zipfile
import zlib
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from robustnas.errors import DataError, listing
from robustnas.safe_pickle import ForbiddenError, load_plain
from robustnas.tables.sheets.compression import LARGEST
from robustnas.tables.sheets.conversion import conversion
from robustnas.tables.sheets.objects import ObjectReader
from robustnas.tables.sheets.sheet import Sheet


def read_npy(path: Path, content: bytes, reader: ObjectReader) -> Sheet:
    """Read one array: rows of fields or of values, or an object that holds a table.

    Raises:
        DataError: It is damaged, holds objects that numpy would have to build, or no table.
    """
    return reader.sheet(_rows(path, _array(path, content)))


def read_npz(path: Path, content: bytes, reader: ObjectReader) -> Sheet:
    """Read arrays by name, each a column, or several if it has more dimensions; those of other lengths are left out.

    Raises:
        DataError: As `read_npy`.
    """
    arrays = {name: _rows(path, _array(path, entry)) for name, entry in _entries(path, content).items()}
    columns = {name: values for name, values in arrays.items() if isinstance(values, list)}
    if not columns:
        raise DataError(f"{path}: holds no columns; expected arrays of equal lengths, not {listing(arrays) or 'none'}")
    ((length, _),) = Counter(len(values) for values in columns.values()).most_common(1)
    kept = {name: values for name, values in columns.items() if len(values) == length}
    sheet = reader.sheet(kept)
    if left_out := [name for name in arrays if name not in kept]:
        note = f"left out, of another length than the {length:,} rows: {listing(left_out)}"
        return Sheet(sheet.name, sheet.columns, sheet.places, sheet.keys, labels=sheet.labels, notes=(note,))
    return sheet


def _entries(path: Path, content: bytes) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = [member for member in archive.infolist() if member.filename.endswith(".npy")]
            if sum(member.file_size for member in members) > LARGEST:
                raise DataError(f"{path}: unpacks to more than {LARGEST / 2**30:.0f} GiB; expected a table")
            return {member.filename.removesuffix(".npy"): archive.read(member) for member in members}
    except (OSError, EOFError, ValueError, RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{path}: is no archive of numpy arrays, or damaged: {error}") from None


def _array(path: Path, content: bytes) -> Any:
    """Return an array, or what an array of objects holds as lists."""
    stream = io.BytesIO(content)
    try:
        version = np.lib.format.read_magic(stream)
        read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = read_header(stream)
        rest = content[stream.tell() :]
        if not dtype.hasobject:
            if len(rest) != dtype.itemsize * math.prod(shape):
                raise ValueError(f"an array of shape {shape} in {len(rest):,} bytes")
            return np.frombuffer(rest, dtype).reshape(shape, order="F" if fortran else "C")
    except (ValueError, TypeError, OverflowError, SyntaxError) as error:
        raise DataError(f"{path}: is no numpy array, or damaged: {error}") from None
    try:
        return load_plain(rest, path)
    except ForbiddenError as error:
        raise DataError(f"{error}; {conversion(path)}") from None


def _rows(path: Path, array: Any) -> Any:
    """Return an array as lists; one with fields as lists by name."""
    if not isinstance(array, np.ndarray):
        return array
    if array.dtype.names:
        return {name: _rows(path, array[name]) for name in array.dtype.names}
    if array.dtype.kind == "S":
        array = np.char.decode(array, "utf-8", "replace")
    elif array.dtype.kind in "Mm":
        array = array.astype(str)
    elif array.dtype.kind not in "biufcU":
        raise DataError(f"{path}: an array of {array.dtype}; expected numbers and text")
    return array[:, 0].tolist() if array.ndim == 2 and array.shape[1] == 1 else array.tolist()
