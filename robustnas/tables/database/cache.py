"""The published files, each read and checked once, as memory-mapped arrays in the user's cache.

::

    <cache>/database/<dataset>-<digest>.npy        all accuracies of a dataset by space index, shape (n_metrics, 15625)
    <cache>/database/<dataset>-<digest>.npy        one file of another measure, as `published.read_array` returns it
    <cache>/database/<digest of the folder>.json   size, time of modification and SHA-256 of the files of a folder

An array is named for the files that it was read from, so it never goes out of date; a damaged one is read again.
Everything is written atomically, under one lock; opening takes no lock. Processes that open the same database share
the pages of its arrays. Where the cache cannot be written, every process reads the files anew; the first one says so.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np

from robustnas.arrays import AnyArray, FloatArray, read_only
from robustnas.atomic import atomic_file, remove_temporaries
from robustnas.errors import CacheWarning, DataError, DataNotFoundError
from robustnas.metric import Metric
from robustnas.spaces.nasbench201.cost import SKELETONS
from robustnas.spaces.nasbench201.identity import network_of_index
from robustnas.tables.database.published import KEYS, META, Meta, PublishedFile, dataset_order, read_array, read_meta

CACHE_VARIABLE = "ROBUSTNAS_CACHE"
"""The environment variable that names the cache directory."""

Stamp = tuple[int, int]  # size in bytes, time of modification in nanoseconds


def cache_directory() -> Path:
    """Return the cache directory: ROBUSTNAS_CACHE if it is set, else the user's."""
    if named := os.environ.get(CACHE_VARIABLE):
        return Path(named)
    import platformdirs

    return platformdirs.user_cache_path("robustnas")


def cache_size() -> int:
    """Return how many bytes the cache takes on disk."""
    return sum(path.stat().st_size for path in cache_directory().rglob("*") if path.is_file())


class KnownFile(NamedTuple):
    """A file as it was when it was imported: bytes, time of modification in nanoseconds, SHA-256."""

    size: int
    mtime_ns: int
    sha256: str


@dataclass(frozen=True)
class CachedFolder:
    """A database folder whose numbers are served from the cache.

    Attributes:
        folder: The database's folder, absolute.
        cache: The directory of the arrays.
        meta: The content of meta.json.
        known: The folder's files by path, meta.json among them.
    """

    folder: Path
    cache: Path
    meta: Meta
    known: Mapping[str, KnownFile]
    _unwritten: dict[Path, AnyArray] = field(default_factory=dict, init=False, compare=False, repr=False)

    @classmethod
    def open(cls, folder: Path) -> CachedFolder:
        """Open a database folder, importing it if it is new or one of its files has changed.

        Raises:
            DataNotFoundError: The folder or its meta.json does not exist.
            DataError: A file is faulty.
        """
        folder, cache = folder.absolute(), cache_directory() / "database"
        index = cache / f"{hashlib.sha256(os.fsencode(folder)).hexdigest()[:32]}.json"
        stamps = scan(folder)
        try:
            content = json.loads(index.read_bytes())
            meta = Meta({key: tuple(epsilons) for key, epsilons in content["epsilons"].items()})
            known = {path: KnownFile(*file) for path, file in content["files"].items()}
            if {path: (file.size, file.mtime_ns) for path, file in known.items()} == stamps:
                return cls(folder, cache, meta, known)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            pass  # new, or damaged
        found = cls.read(folder)
        content = json.dumps({"epsilons": dict(found.meta.epsilons), "files": found.known}).encode()
        try:
            with _writing(cache), atomic_file(index) as output:
                output.write(content)
        except OSError as error:
            _warn_once(cache, error)
        return found

    @classmethod
    def read(cls, folder: Path) -> CachedFolder:
        """Read and check every file of a database folder, without remembering the folder.

        Raises:
            DataNotFoundError: The folder or its meta.json does not exist.
            DataError: A file is faulty.
        """
        folder, cache = folder.absolute(), cache_directory() / "database"
        known = {path: KnownFile(*stamp, _sha256(_content(folder / path))) for path, stamp in scan(folder).items()}
        found = cls(folder, cache, read_meta(folder / META), known)
        for file in found.files:
            found.array(file)
        return found

    @cached_property
    def files(self) -> tuple[PublishedFile, ...]:
        """The data files in order of dataset, key and measure."""
        files = [file for path in self.known if (file := PublishedFile.parse(*path.rpartition("/")[::2]))]
        return tuple(sorted(files, key=lambda f: (dataset_order(f.dataset), KEYS.index(f.key), f.measure)))

    def accuracy_files(self, dataset: str) -> list[PublishedFile]:
        """Return the accuracy files of a dataset in order of key."""
        return [file for file in self.files if (file.dataset, file.measure) == (dataset, "accuracy")]

    def metrics(self, dataset: str) -> tuple[Metric, ...]:
        """Return the metrics whose accuracy a dataset has, in the order of the rows of `accuracies`."""
        return tuple(metric for file in self.accuracy_files(dataset) for metric in self.meta.metrics(file.key))

    def digest(self, dataset: str) -> str:
        """Return a SHA-256 over meta.json and a dataset's accuracy files: the same files, the same digest anywhere."""
        names = sorted(file.path for file in self.accuracy_files(dataset))
        lines = [f"{self.known[name].sha256}  {name}\n" for name in (META, *names)]
        return _sha256("".join(lines).encode())

    def accuracies(self, dataset: str) -> FloatArray:
        """Return the memory-mapped, read-only accuracies of a dataset by space index, shape (n_metrics, 15625)."""

        def read() -> AnyArray:
            return np.concatenate([self._read(file) for file in files]).take(network_of_index(), axis=1)

        files = self.accuracy_files(dataset)
        return self._mapped(files, read)

    def array(self, file: PublishedFile) -> AnyArray:
        """Return the memory-mapped, read-only array of a file.

        Shape (n_levels, 15625) for accuracy, by space index; (n_levels, 6466, ...) for another measure.
        """
        if file.measure != "accuracy":
            return self._mapped([file], lambda: self._read(file))
        metrics = self.metrics(file.dataset)
        start = metrics.index(self.meta.metrics(file.key)[0])
        return self.accuracies(file.dataset)[start : start + len(self.meta.levels(file.key))]

    def verify(self, tick: Callable[[str], None] = lambda _: None) -> None:
        """Read every file again and compare its digest and values with what the cache holds.

        Args:
            tick: Called with the path of each file that was found right.

        Raises:
            DataError: Naming the file and what is wrong.
        """
        read_meta(self.folder / META)
        self._unchanged(META)
        tick(META)
        for file in self.files:
            values, array = self._read(file), self.array(file)
            values = values[:, network_of_index()] if file.measure == "accuracy" else values
            if not np.array_equal(values, array, equal_nan=True):
                path = self.folder / file.path
                raise DataError(f"the array of {path} in {self.cache} differs from it; delete the cache and open again")
            tick(file.path)

    def _mapped(self, files: Sequence[PublishedFile], read: Callable[[], AnyArray]) -> AnyArray:
        """Return the array of some files, in this order; write what `read` returns if it is missing or damaged."""
        sums = [self.known[path].sha256 for path in (META, *(file.path for file in files))]
        path = self.cache / f"{files[0].dataset}-{_sha256(' '.join(sums).encode())}.npy"
        array = self._unwritten.get(path)
        if array is None:
            array = _load(path)
        if array is None:
            array = self._written(path, read)
        return array.view(np.ndarray)  # faster than memmap

    def _written(self, path: Path, read: Callable[[], AnyArray]) -> AnyArray:
        """Return what `read` returns, from a file of the cache that is written now; from memory if it cannot be."""
        values: AnyArray | None = None
        try:
            with _writing(self.cache):
                array = _load(path)  # again: another process may have been first
                if array is None:
                    values = read()
                    with atomic_file(path) as output:
                        np.save(output, values)
                    array = np.load(path, mmap_mode="r")
            return array
        except OSError as error:
            _warn_once(self.cache, error)
        self._unwritten[path] = read_only(read() if values is None else values)
        return self._unwritten[path]

    def _read(self, file: PublishedFile) -> AnyArray:
        path = self.folder / file.path
        return read_array(self._unchanged(file.path), file, self.meta.levels(file.key), path)

    def _unchanged(self, path: str) -> bytes:
        """Return the content of a file, which must be what it was when it was imported."""
        content, expected = _content(self.folder / path), self.known[path].sha256
        if (found := _sha256(content)) != expected:
            raise DataError(f"{self.folder / path}: SHA-256 is {found}; it was {expected} when the file was imported")
        return content


def scan(folder: Path) -> dict[str, Stamp]:
    """Return the stamp of meta.json and of every published file below a folder, by path; other files are left out.

    Raises:
        DataNotFoundError: There is no such folder, or no meta.json in it.
        DataError: The folder cannot be read.
    """
    if not (folder / META).is_file():
        what = f"has no {META}" if folder.is_dir() else "is not a folder"
        hint = "expected a folder in the published layout, meta.json and <dataset>/<key>_<measure>.json"
        raise DataNotFoundError(f"{folder} {what}; {hint}")
    try:
        stamps = {META: _stamp((folder / META).stat())}
        with os.scandir(folder) as found:
            datasets = sorted((item.name for item in found if item.is_dir()), key=dataset_order)
        for dataset in datasets:
            stamps |= _dataset_stamps(folder, dataset)
    except OSError as error:
        raise DataError(f"cannot read the database in {folder}: {error}") from error
    return stamps


def _dataset_stamps(folder: Path, dataset: str) -> dict[str, Stamp]:
    try:
        with os.scandir(folder / dataset) as found:
            named = [(PublishedFile.parse(dataset, item.name), item) for item in found]
    except PermissionError:
        if dataset in SKELETONS:
            raise
        return {}  # a folder of something else, such as lost+found
    return {file.path: _stamp(item.stat()) for file, item in named if file}


def _stamp(status: os.stat_result) -> Stamp:
    return status.st_size, status.st_mtime_ns


def _load(path: Path) -> AnyArray | None:
    """Map an array of the cache; None if it is not there or damaged."""
    try:
        array: AnyArray = np.load(path, mmap_mode="r")
    except (OSError, ValueError, EOFError):
        return None
    return array


@contextmanager
def _writing(cache: Path) -> Iterator[None]:
    """Hold the cache's lock.

    Raises:
        OSError: The cache cannot be written.
    """
    from filelock import FileLock

    cache.mkdir(parents=True, exist_ok=True)
    with FileLock(cache / ".lock"):
        remove_temporaries(cache)
        yield


_unwritable: set[Path] = set()  # caches of which this process said so


def _warn_once(cache: Path, error: OSError) -> None:
    """Say that the cache cannot be written; worker processes leave that to the one that started them."""
    if cache in _unwritable or multiprocessing.parent_process() is not None:
        return
    _unwritable.add(cache)
    reason, advice = error.strerror or error, f"set {CACHE_VARIABLE} to a directory that can be written"
    warnings.warn(
        f"the cache {cache} cannot be written, so the database's files are read each time ({reason}); free some space "
        f"there, or {advice}",
        CacheWarning,
        stacklevel=2,
    )


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error}") from error


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
