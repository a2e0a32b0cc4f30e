"""The columnar store: every published file once read, checked and kept as a memory-mapped .npy in the user's cache.

::

    <cache>/arrays/<dataset>-<key>-<measure>-<sha256>.npy     the array of one file
    <cache>/catalogues/<digest of a folder's path>.json       which array belongs to which file of a folder

Accuracies are kept by space index, shape (n_levels, 15625), so that a column is a view of the file; the other
measures as `published.read_array` gives them, one row per network. An array is keyed by the SHA-256 of the
file it was read from, so a change of one file reads one file again. Whether a file changed is told by its size and
time of modification. Arrays and catalogues are written atomically, under one lock per cache; opening takes no lock.
Processes that open the same database share the pages of its arrays.
"""

from __future__ import annotations

import hashlib
import json
import math
import mmap
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from robustnas.arrays import AnyArray
from robustnas.atomic import atomic_file, remove_temporaries
from robustnas.errors import DataError, DataNotFoundError
from robustnas.spaces.nasbench201.cost import SKELETONS
from robustnas.spaces.nasbench201.identity import N_NETWORKS, network_of_index
from robustnas.spaces.nasbench201.numbering import N_CELLS
from robustnas.tables.database.published import (
    KEYS,
    META,
    Levels,
    Meta,
    PublishedFile,
    read_array,
    read_meta,
)

CACHE_VARIABLE = "ROBUSTNAS_CACHE"
"""The environment variable that names the cache directory."""

_FORMAT = 1

Stamp = tuple[int, int]  # size in bytes, time of modification in nanoseconds


def cache_directory() -> Path:
    """Return the directory of the store: ROBUSTNAS_CACHE if it is set, else the user's cache directory."""
    if named := os.environ.get(CACHE_VARIABLE):
        return Path(named)
    import platformdirs

    return platformdirs.user_cache_path("robustnas")


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of a database folder and the array that was read from it.

    Attributes:
        size: Bytes of the file.
        mtime_ns: Its time of modification, in nanoseconds.
        sha256: The digest of its content.
        array_size: Bytes of the .npy file; 0 for meta.json, which has none.
        shape: Shape of its array.
        dtype: Type of its numbers.
    """

    size: int
    mtime_ns: int
    sha256: str
    array_size: int = 0
    shape: tuple[int, ...] = ()
    dtype: str = ""

    @property
    def stamp(self) -> Stamp:
        """What tells without reading whether the file changed."""
        return self.size, self.mtime_ns


@dataclass(frozen=True)
class Catalogue:
    """The files of one database folder, each with the array read from it.

    Attributes:
        folder: The database's folder, absolute.
        meta: What meta.json says.
        entries: Entry by path below the folder, meta.json among them.
    """

    folder: Path
    meta: Meta
    entries: Mapping[str, Entry]

    @cached_property
    def files(self) -> dict[PublishedFile, Entry]:
        """The data files in order of dataset, key and measure, with their entries."""
        named = {_file(path): entry for path, entry in self.entries.items() if path != META}
        return dict(sorted(named.items(), key=lambda item: _rank(item[0])))

    def digest(self, dataset: str, measure: str = "accuracy") -> str:
        """Return a SHA-256 over meta.json and the files of one measure: the same files, the same digest anywhere."""
        names = sorted(file.path for file in self.files if (file.dataset, file.measure) == (dataset, measure))
        lines = [f"{self.entries[name].sha256}  {name}\n" for name in (META, *names)]
        return hashlib.sha256("".join(lines).encode()).hexdigest()


class Store:
    """A cache directory that holds the arrays of one or more database folders.

    Args:
        directory: The cache directory; `cache_directory()` if None.
    """

    def __init__(self, directory: Path | None = None) -> None:
        self.directory = directory or cache_directory()

    @property
    def size(self) -> int:
        """Bytes that the store takes on disk."""
        return sum(path.stat().st_size for path in self.directory.rglob("*") if path.is_file())

    def catalogue(self, folder: Path) -> Catalogue:
        """Return the up-to-date catalogue of a database folder, importing what is new or has changed.

        Raises:
            DataNotFoundError: The folder or its meta.json does not exist.
            DataError: A file is faulty, or the cache cannot be written.
        """
        folder = folder.absolute()
        stamps = scan(folder)
        known = self._read(folder)
        if known and self._is_current(known, stamps):
            return known
        with self._writing():
            return self._import(folder, stamps)

    def array(self, file: PublishedFile, entry: Entry) -> AnyArray:
        """Return the memory-mapped, read-only array of a file: (n_levels, 15625) or (n_levels, 6466, ...)."""
        try:
            with self._array_path(file, entry.sha256).open("rb") as opened:
                mapped = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as error:
            raise DataError(f"cannot map {self._array_path(file, entry.sha256)}: {error}; open it again") from error
        dtype = np.dtype(entry.dtype)
        header_size = entry.array_size - dtype.itemsize * math.prod(entry.shape)
        return np.ndarray(entry.shape, dtype, buffer=mapped, offset=header_size)

    def verify(self, catalogue: Catalogue, tick: Callable[[str], None] = lambda _: None) -> None:
        """Read every file again and compare its digest and values with the store's.

        Args:
            catalogue: What to verify.
            tick: Called with the path of each file that was found right.

        Raises:
            DataError: Naming the file and what is wrong.
        """
        meta = read_meta(catalogue.folder / META)
        _compare_digest(catalogue.entries[META], catalogue.folder / META)
        tick(META)
        for file, entry in catalogue.files.items():
            path = catalogue.folder / file.path
            content = _compare_digest(entry, path)
            array = _read(content, file, meta.levels(file.key), path)
            if not np.array_equal(array, self.array(file, entry), equal_nan=True):
                stored = self._array_path(file, entry.sha256)
                raise DataError(f"{stored}: differs from {path}, which it was read from; delete it and open again")
            tick(file.path)

    def _array_path(self, file: PublishedFile, sha256: str) -> Path:
        return self.directory / "arrays" / f"{file.dataset}-{file.key}-{file.measure}-{sha256}.npy"

    def _catalogue_path(self, folder: Path) -> Path:
        name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:32]
        return self.directory / "catalogues" / f"{name}.json"

    def _read(self, folder: Path) -> Catalogue | None:
        """Return the catalogue that was written last, None if there is none or it is of another format."""
        try:
            content = json.loads(self._catalogue_path(folder).read_bytes())
            if content["format"] != _FORMAT or content["folder"] != str(folder):
                return None
            meta = Meta({key: tuple(values) for key, values in content["epsilons"].items()})
            entries = {path: _entry(values) for path, values in content["entries"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None
        return Catalogue(folder, meta, entries)

    def _is_current(self, known: Catalogue, stamps: Mapping[str, Stamp]) -> bool:
        same = {path: entry.stamp for path, entry in known.entries.items()} == dict(stamps)
        return same and all(self._holds(file, entry) for file, entry in known.files.items())

    def _holds(self, file: PublishedFile, entry: Entry) -> bool:
        try:
            return self._array_path(file, entry.sha256).stat().st_size == entry.array_size
        except OSError:
            return False

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Hold the cache's lock, and turn what the operating system refuses into a `DataError`."""
        from filelock import FileLock

        try:
            for name in ("arrays", "catalogues"):
                (self.directory / name).mkdir(parents=True, exist_ok=True)
            with FileLock(self.directory / ".lock"):
                for name in ("arrays", "catalogues"):
                    remove_temporaries(self.directory / name)
                yield
        except OSError as error:
            advice = f"free some space there, or set {CACHE_VARIABLE} to a directory that can be written"
            raise DataError(f"cannot write the cache in {self.directory}: {error}; {advice}") from error

    def _import(self, folder: Path, stamps: Mapping[str, Stamp]) -> Catalogue:
        known = self._read(folder)  # again: another process may have been first
        if known and self._is_current(known, stamps):
            return known
        meta = read_meta(folder / META)
        entries = {META: Entry(*stamps[META], _sha256(_read_bytes(folder / META)))}
        for path, stamp in stamps.items():
            if path != META:
                former = known.entries.get(path) if known else None
                entries[path] = self._import_file(_file(path), stamp, former, folder, meta)
        catalogue = Catalogue(folder, meta, entries)
        self._write(catalogue)
        return catalogue

    def _import_file(self, file: PublishedFile, stamp: Stamp, former: Entry | None, folder: Path, meta: Meta) -> Entry:
        path, levels = folder / file.path, meta.levels(file.key)
        expected = (len(levels), N_CELLS if file.measure == "accuracy" else N_NETWORKS)
        if former and former.stamp == stamp and former.shape[:2] == expected and self._holds(file, former):
            return former
        content = _read_bytes(path)
        sha256 = _sha256(content)
        target = self._array_path(file, sha256)
        if _stored_shape(target)[:2] != expected:
            _write_array(target, _read(content, file, levels, path))
        array: AnyArray = np.load(target, mmap_mode="r")
        return Entry(*stamp, sha256, target.stat().st_size, array.shape, array.dtype.str)

    def _write(self, catalogue: Catalogue) -> None:
        content: dict[str, Any] = {
            "format": _FORMAT,
            "folder": str(catalogue.folder),
            "epsilons": dict(catalogue.meta.epsilons),
            "entries": {path: asdict(entry) for path, entry in catalogue.entries.items()},
        }
        with atomic_file(self._catalogue_path(catalogue.folder)) as file:
            file.write(json.dumps(content, indent=1).encode())


def scan(folder: Path) -> dict[str, Stamp]:
    """Return the stamp of meta.json and of every published file below a folder, by path; other files are left out.

    Raises:
        DataNotFoundError: No such folder, or no meta.json in it.
        DataError: The folder cannot be read.
    """
    if not (folder / META).is_file():
        what = f"has no {META}" if folder.is_dir() else "is no folder"
        hint = "expected a folder in the published layout, meta.json and <dataset>/<key>_<measure>.json"
        raise DataNotFoundError(f"{folder}: {what}; {hint}; `robustnas data fetch` downloads one")
    try:
        stamps = {META: _stamp((folder / META).stat())}
        for dataset in SKELETONS:
            if (folder / dataset).is_dir():
                with os.scandir(folder / dataset) as found:
                    named = [(PublishedFile.parse(dataset, item.name), item) for item in found]
                stamps |= {file.path: _stamp(item.stat()) for file, item in named if file}
    except OSError as error:
        raise DataError(f"cannot read the database in {folder}: {error}") from error
    return dict(sorted(stamps.items()))


def _stamp(status: os.stat_result) -> Stamp:
    return status.st_size, status.st_mtime_ns


def _file(path: str) -> PublishedFile:
    file = PublishedFile.parse(*path.split("/"))
    assert file, path
    return file


def _rank(file: PublishedFile) -> tuple[int, int, str]:
    return list(SKELETONS).index(file.dataset), KEYS.index(file.key), file.measure


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error}") from error


def _entry(values: dict[str, Any]) -> Entry:
    return Entry(**{**values, "shape": tuple(values["shape"])})


def _stored_shape(path: Path) -> tuple[int, ...]:
    """Return the shape of an array in the store, () if it is not there or damaged."""
    try:
        shape: tuple[int, ...] = np.load(path, mmap_mode="r").shape
    except (OSError, ValueError, EOFError):
        return ()
    return shape


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _compare_digest(entry: Entry, path: Path) -> bytes:
    content = _read_bytes(path)
    if _sha256(content) != entry.sha256:
        raise DataError(f"{path}: SHA-256 is {_sha256(content)}; it was {entry.sha256} when the file was imported")
    return content


def _read(content: bytes, file: PublishedFile, levels: Levels, path: Path) -> AnyArray:
    array = read_array(content, file, levels, path)
    return np.ascontiguousarray(array[:, network_of_index()]) if file.measure == "accuracy" else array


def _write_array(path: Path, array: AnyArray) -> None:
    with atomic_file(path) as file:
        np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(array))
        file.write(array.data)
