"""Digests of blocks of large arrays on disk, remembered for a file as it is.

::

    <cache>/corruption-digests.json     by path: inode, size and times of the file, and the SHA-256 of its blocks

A file that was written a moment ago is read again: its time may not tell it from what is written next.
"""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from robustnas.arrays import AnyArray
from robustnas.atomic import atomic_file
from robustnas.errors import DataError
from robustnas.tables.database.cache import cache_directory

_SETTLED = 2_000_000_000  # nanoseconds after which a file's time has surely changed with its content

_remembered: dict[tuple[Any, ...], str] = {}  # of this process


def block_digest(path: Path, array: AnyArray, block: slice) -> str:
    """Return the SHA-256 of a block of rows of an array on disk.

    Args:
        path: The file.
        array: The array of the file, mapped into memory.
        block: The rows.

    Raises:
        DataError: The file cannot be read.
    """
    place, rows, stamp = str(path.absolute()), f"{block.start}:{block.stop}", _stamp(path)
    key = (place, *stamp, rows)
    if key not in _remembered:
        kept = _read()
        known = kept.get(place, {})
        blocks: dict[str, str] = known.get("blocks", {}) if known.get("stamp") == stamp else {}
        if rows not in blocks:
            blocks = {**blocks, rows: images_digest(array[block])}
            if _stamp(path) != stamp or time.time_ns() - max(stamp[2:]) < _SETTLED:
                return blocks[rows]
            _write({**kept, place: {"stamp": stamp, "blocks": blocks}})
        _remembered[key] = blocks[rows]
    return _remembered[key]


def images_digest(images: AnyArray) -> str:
    """Return the SHA-256 of images: shape, type and pixels.

    >>> images_digest(np.zeros((1, 4, 4, 3), np.uint8))[:8]
    'a4916467'
    """
    content = hashlib.sha256(f"{images.dtype.str} {images.shape} ".encode())
    content.update(np.ascontiguousarray(images).data)
    return content.hexdigest()


def _stamp(path: Path) -> list[int]:
    try:
        found = path.stat()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error
    return [found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns]


def _file() -> Path:
    return cache_directory() / "corruption-digests.json"


def _read() -> dict[str, Any]:
    """Return what is remembered; nothing if the file is missing or damaged: digests are computed again."""
    try:
        found = json.loads(_file().read_text(encoding="utf-8"))
        return {place: known for place, known in found.items() if isinstance(known["blocks"], dict)}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}


def _write(content: dict[str, Any]) -> None:
    """Remember; where the cache cannot be written, the process that needs a digest computes it."""
    try:
        _file().parent.mkdir(parents=True, exist_ok=True)
        with atomic_file(_file()) as file:
            file.write(json.dumps(content).encode())
    except OSError:
        return
