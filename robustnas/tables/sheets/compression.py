"""Compressed files: gzip, bzip2, xz and Zstandard by their content, zip by its suffix."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from robustnas.errors import DataError, listing

SUFFIXES: tuple[str, ...] = (".gz", ".bz2", ".xz", ".zst", ".zip")
"""The suffixes of compressed files."""

LARGEST = 2**31
"""The most bytes that a file may unpack to."""

_UNREADABLE = (OSError, EOFError, ValueError, RuntimeError, NotImplementedError, zlib.error, lzma.LZMAError)
_BROKEN = (*_UNREADABLE, zipfile.BadZipFile, tarfile.TarError)


def plain_name(path: Path) -> Path:
    """Return the name of a file as it would be if it were not compressed.

    >>> str(plain_name(Path("a/t.csv.gz")))
    'a/t.csv'
    """
    return path.with_suffix("") if path.suffix.lower() in SUFFIXES else path


def unpacked(path: Path, content: bytes) -> tuple[Path, bytes]:
    """Return a file's plain name and content; both as they are if it is not compressed.

    Raises:
        DataError: It is damaged, holds more than one file, or unpacks to more than `LARGEST` bytes.
    """
    name, suffix = plain_name(path), path.suffix.lower()
    if opener := next((opener for start, opener in _OPENERS.items() if content.startswith(start)), None):
        return name, _read(path, lambda: opener(io.BytesIO(content)))
    if suffix == ".zip":
        return _only_member(path, content)
    if suffix in SUFFIXES:
        raise DataError(f"{path}: is not compressed as its suffix {suffix} says; give it the suffix of what it holds")
    return path, content


def _zstandard(content: IO[bytes]) -> IO[bytes]:
    import pyarrow

    stream: IO[bytes] = pyarrow.CompressedInputStream(pyarrow.PythonFile(content, mode="r"), "zstd")
    return stream


_OPENERS: dict[bytes, Callable[[IO[bytes]], Any]] = {
    b"\x1f\x8b": lambda content: gzip.GzipFile(fileobj=content),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\x00": lzma.LZMAFile,
    b"\x28\xb5\x2f\xfd": _zstandard,
}


def _only_member(path: Path, content: bytes) -> tuple[Path, bytes]:
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
    except zipfile.BadZipFile as error:
        raise DataError(f"{path}: is not a zip archive, or cut short: {error}") from None
    members = [member for member in archive.infolist() if not member.is_dir() and "__MACOSX" not in member.filename]
    if len(members) != 1:
        names = listing(member.filename for member in members) or "none"
        raise DataError(f"{path}: holds {len(members)} files: {names}; expected one table; unpack it and name the file")
    member = Path(members[0].filename)
    name = path.with_suffix(member.suffix) if member.suffix else plain_name(path)
    return name, _read(path, lambda: archive.open(members[0]))


def _read(path: Path, opened: Callable[[], Any]) -> bytes:
    try:
        with opened() as stream:
            content: bytes = stream.read(LARGEST + 1)
    except _BROKEN as error:
        raise DataError(f"{path}: cannot be unpacked, it is damaged or cut short: {error}") from None
    if len(content) > LARGEST:
        raise DataError(f"{path}: unpacks to more than {LARGEST / 2**30:.0f} GiB; expected a table")
    return content
