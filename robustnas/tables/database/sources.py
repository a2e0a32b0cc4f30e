"""What there is to import below a path, a file, a folder, a zip archive or a folder of them: a flat list of files."""

from __future__ import annotations

import os
import shutil
import zipfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

from robustnas.errors import DataError, DataNotFoundError
from robustnas.tables.database.archive import check_archive, open_archive, open_entry

_MOST_LEVELS = 3  # folders below the one named: one too many at the top, the database's, the dataset's
_MOST_FOLDERS = 2_000
_MOST_NESTED = 2  # archives in archives


@dataclass(frozen=True)
class SourceFile:
    """One file that may be imported.

    Attributes:
        name: Its name without folders.
        parent: The name of the folder that it lies in; of an archive's top, the archive's name without suffix.
        shown: What messages call it: its path, after that of its archive.
        size: In bytes.
        open: Opens it for reading.
    """

    name: str
    parent: str
    shown: str
    size: int
    open: Callable[[], AbstractContextManager[IO[bytes]]]


def source_files(path: Path, scratch: Path) -> Iterator[SourceFile]:
    """Yield the files below a path, those in archives included; valid while the generator is not advanced.

    Args:
        path: A file, a zip archive or a folder.
        scratch: A folder for archives that lie in archives.

    Raises:
        DataNotFoundError: There is nothing at the path.
        DataError: An archive is faulty, or a folder cannot be read or has too much below it.
    """
    try:
        if path.is_dir():
            for file in _in_folder(path):
                yield from _expanded(file, scratch)
        elif path.is_file():
            yield from _expanded(path, scratch)
        else:
            raise DataNotFoundError(f"{path}: there is no such file or folder")
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error


def _in_folder(folder: Path) -> Iterator[Path]:
    """Yield the files up to `_MOST_LEVELS` below a folder in order, hidden ones left out."""
    for n_folders, (root, folders, names) in enumerate(os.walk(folder), start=1):
        if n_folders > _MOST_FOLDERS:
            raise DataError(f"{folder}: has more than {_MOST_FOLDERS:,} folders; name the one with the data in it")
        level = len(Path(root).relative_to(folder).parts)
        folders[:] = sorted(name for name in folders if not name.startswith(".")) if level < _MOST_LEVELS else []
        yield from (Path(root) / name for name in sorted(names) if not name.startswith("."))


def _expanded(path: Path, scratch: Path) -> Iterator[SourceFile]:
    """Yield a file, or what is in it if it is an archive."""
    if _is_archive(path):
        yield from _in_archive(path, str(path), scratch, nested=1)
    else:
        yield SourceFile(path.name, path.parent.name, str(path), path.stat().st_size, lambda: path.open("rb"))


def _in_archive(path: Path, shown: str, scratch: Path, nested: int) -> Iterator[SourceFile]:
    with open_archive(path, shown) as (archive, items):
        check_archive(items, shown)
        for number, item in enumerate(items):
            where = f"{shown}: {item.filename}"
            *folders, name = item.filename.replace("\\", "/").split("/")
            if name.lower().endswith(".zip"):
                if nested < _MOST_NESTED:
                    inner = _unpacked(archive, item, where, scratch / f"{nested}-{number}" / name)
                    yield from _in_archive(inner, where, scratch, nested + 1)
                    inner.unlink()
                continue
            parent = folders[-1] if folders else Path(shown).stem
            yield SourceFile(name, parent, where, item.file_size, partial(open_entry, archive, item, where))


def _unpacked(archive: zipfile.ZipFile, item: zipfile.ZipInfo, shown: str, target: Path) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    check_space(target.parent, item.file_size)
    with open_entry(archive, item, shown) as source, target.open("wb") as copy:
        shutil.copyfileobj(source, copy, 1 << 20)
    return target


def check_space(folder: Path, n_bytes: int) -> None:
    """Refuse to write more than there is room for.

    Raises:
        DataError: Naming the folder, what is needed and what is free.
    """
    free = shutil.disk_usage(folder).free
    if n_bytes > free:
        raise DataError(f"{folder}: {n_bytes:,} bytes are needed and {free:,} free; make room, or name another folder")


def _is_archive(path: Path) -> bool:
    with path.open("rb") as file:
        return path.suffix.lower() == ".zip" or (file.read(4) == b"PK\x03\x04" and path.suffix.lower() != ".npz")
