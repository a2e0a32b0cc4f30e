"""Rows of pickles and of torch files, read without running anything."""

from __future__ import annotations

import io
import math
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from robustnas.errors import DataError
from robustnas.safe_pickle import ForbiddenError, StandIn, load_plain
from robustnas.tables.sheets.compression import LARGEST
from robustnas.tables.sheets.conversion import conversion
from robustnas.tables.sheets.objects import ObjectReader
from robustnas.tables.sheets.sheet import Sheet

_STORAGES = {
    "DoubleStorage": "<f8",
    "FloatStorage": "<f4",
    "HalfStorage": "<f2",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "<i1",
    "ByteStorage": "<u1",
    "BoolStorage": "|b1",
}

_CONTAINERS: dict[tuple[str, str], StandIn] = {
    ("collections", "OrderedDict"): lambda pairs=(): dict(pairs),
    ("collections", "defaultdict"): lambda default=None: {},  # noqa: ARG005
    **{(module, name): name for module in ("builtins", "__builtin__") for name in ("dict", "list", "float", "int")},
}


def read_pickle(path: Path, content: bytes, reader: ObjectReader) -> Sheet:
    """Read a pickle of plain containers and arrays.

    Raises:
        DataError: It is damaged, no table, or asks for anything else: says what, and the command that converts it.
    """
    try:
        value = load_plain(content, path, _CONTAINERS)
    except ForbiddenError as error:
        raise DataError(f"{error}; {conversion(path)}") from None
    return reader.sheet(_as_lists(value))


def read_torch(path: Path, content: bytes, reader: ObjectReader) -> Sheet:
    """Read a torch file of plain containers and tensors.

    Raises:
        DataError: As `read_pickle`.
    """
    pickled, storages = _members(path, content)

    def storage(key: Any) -> np.ndarray[Any, Any]:
        _, kind, name, *_ = key
        return np.frombuffer(storages[str(name)], np.dtype(kind))

    kinds: dict[tuple[str, str], StandIn] = {("torch", name): code for name, code in _STORAGES.items()}
    tensors: dict[tuple[str, str], StandIn] = {("torch._utils", "_rebuild_tensor_v2"): _tensor}
    try:
        value = load_plain(pickled, path, {**_CONTAINERS, **kinds, **tensors}, storage)
    except ForbiddenError as error:
        raise DataError(f"{error}; {conversion(path)}") from None
    return reader.sheet(_as_lists(value))


def _members(path: Path, content: bytes) -> tuple[bytes, dict[str, bytes]]:
    """Return the pickle of a torch file and its storages by name."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = {Path(member.filename): member for member in archive.infolist()}
            if sum(member.file_size for member in members.values()) > LARGEST:
                raise DataError(f"{path}: unpacks to more than {LARGEST / 2**30:.0f} GiB; expected a table")
            pickled = next(archive.read(member) for name, member in members.items() if name.name == "data.pkl")
            storages = {
                name.name: archive.read(member) for name, member in members.items() if name.parent.name == "data"
            }
    except StopIteration:
        raise DataError(f"{path}: is no torch file: it has no data.pkl") from None
    except (OSError, EOFError, ValueError, RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error) as error:
        what = f"is no torch file, one of before torch 1.6, or damaged: {error}"
        raise DataError(f"{path}: {what}; {conversion(path)}") from None
    return pickled, storages


def _tensor(storage: np.ndarray[Any, Any], offset: int, size: Sequence[int], stride: Sequence[int], *_: Any) -> Any:
    """Return the lists of a tensor; it must lie inside its storage and be no larger."""
    last = offset + sum((length - 1) * step for length, step in zip(size, stride, strict=True))
    if math.prod(size) == 0:
        return []
    if min((offset, *size, *stride)) < 0 or last >= len(storage) or math.prod(size) > len(storage):
        raise ValueError(f"a tensor of size {tuple(size)} outside its storage")
    steps = [step * storage.itemsize for step in stride]
    return np.lib.stride_tricks.as_strided(storage[offset:], tuple(size), steps).tolist()


def _as_lists(value: Any) -> Any:
    """Return plain objects with lists for arrays."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, dict):
        return {key: _as_lists(item) for key, item in value.items()}
    return [_as_lists(item) for item in value] if isinstance(value, list) else value
