"""Zip archives that were downloaded: what is in them, read without trusting them.

Names of entries never become paths: what an entry is and where it goes follows from its content. An archive whose
entries would leave its folder, that unpacks to far more than it is, that is encrypted or cut short, is refused.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

from robustnas.errors import DataError, excerpt

_MOST_ENTRIES = 10_000
_MOST_RATIO = 250  # confusion matrices of 120 classes, mostly zeros, shrink to about a fiftieth
_SMALL = 1 << 26  # bytes up to which the ratio does not matter

_FAULTS = (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError, ValueError)


@contextmanager
def open_archive(path: Path, shown: str) -> Iterator[tuple[zipfile.ZipFile, list[zipfile.ZipInfo]]]:
    """Open an archive and give it with its files, folders and hidden files left out.

    Args:
        path: The archive.
        shown: What messages call it.

    Raises:
        DataError: It is cut short, encrypted or unsafe.
    """
    try:
        archive = zipfile.ZipFile(path)
    except _FAULTS as error:
        raise DataError(f"{shown}: cut short, or not a zip archive: {error}; download it again") from None
    with archive:
        yield archive, [item for item in archive.infolist() if _is_wanted(item, shown)]


@contextmanager
def open_entry(archive: zipfile.ZipFile, item: zipfile.ZipInfo, shown: str) -> Iterator[IO[bytes]]:
    """Open one file of an archive; what fails while it is read is a `DataError` too."""
    try:
        with archive.open(item) as file:
            yield file
    except _FAULTS as error:
        reason = str(error) or type(error).__name__
        raise DataError(f"{shown}: cannot be read from its archive: {reason}; download it again") from None


def check_archive(items: list[zipfile.ZipInfo], shown: str) -> None:
    """Refuse an archive that unpacks to far more than it is.

    Raises:
        DataError: Naming the archive and the entry.
    """
    if len(items) > _MOST_ENTRIES:
        raise DataError(
            f"{shown}: holds {len(items):,} files; expected at most {_MOST_ENTRIES:,}, those of the database"
        )
    for item in items:
        if item.file_size > _SMALL and item.file_size > _MOST_RATIO * max(item.compress_size, 1):
            sizes = f"{item.compress_size:,} bytes that unpack to {item.file_size:,}"
            raise DataError(f"{shown}: {excerpt(item.filename)} is {sizes}; it is refused as a decompression bomb")


def _is_wanted(item: zipfile.ZipInfo, shown: str) -> bool:
    name = PurePosixPath(item.filename.replace("\\", "/"))
    if name.is_absolute() or ".." in name.parts or (name.parts and name.parts[0].endswith(":")):
        raise DataError(f"{shown}: the entry {excerpt(item.filename)} would leave its folder; the archive is refused")
    hidden = any(part.startswith(".") or part == "__MACOSX" for part in name.parts)
    return not item.is_dir() and not hidden
