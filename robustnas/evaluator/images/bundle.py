"""Bundles: the files of a dataset by name, in a folder or in a tar archive, each plain or compressed by gzip."""

from __future__ import annotations

import gzip
import tarfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from robustnas.errors import DataError, DataNotFoundError
from robustnas.tables.sheets.reading import read_bytes


@dataclass(frozen=True)
class Bundle:
    """Files by plain name: without folders, without ``.gz``, and with ``-idx3-ubyte`` for ``.idx3-ubyte``.

    Attributes:
        path: A folder, or a tar archive with or without compression. Nothing is ever unpacked to disk.
        files: The name of each in the folder or archive, by plain name.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "a.gz").write_bytes(gzip.compress(b"abc"))
    ...     list(Bundle.open(Path(folder)).read(["a"]))
    [('a', b'abc')]
    """

    path: Path
    files: Mapping[str, str]

    @classmethod
    def open(cls, path: Path) -> Bundle:
        """List the files of a folder or archive.

        Raises:
            DataNotFoundError: There is nothing of that name.
            DataError: It is neither a folder nor a tar archive, or it is damaged.
        """
        if path.is_dir():
            names = [entry.name for entry in path.iterdir() if entry.is_file()]
        elif path.exists():
            with _faults(path), tarfile.open(path) as archive:
                names = [member.name for member in archive if member.isfile()]
        else:
            raise DataNotFoundError(f"{path}: no such file or folder")
        return cls(path, {plain_name(name): name for name in sorted(names, reverse=True)})  # what is not .gz wins

    def missing(self, names: Sequence[str]) -> tuple[str, ...]:
        """Return those of some plain names that are not here."""
        return tuple(name for name in names if name not in self.files)

    def where(self, name: str) -> str:
        """Return the place of a file, for messages."""
        return f"{self.path / self.files[name]}" if self.path.is_dir() else f"{self.path}, member {self.files[name]}"

    def read(self, names: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """Yield plain name and content of some files, decompressed, in the order that is quickest to read.

        Raises:
            DataError: Naming the file that cannot be read.
        """
        contents = self._read_folder(names) if self.path.is_dir() else self._read_archive(names)
        for name, content in contents:
            if self.files[name].endswith(".gz"):
                with _faults(self.where(name)):
                    content = gzip.decompress(content)
            yield name, content

    def _read_folder(self, names: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        for name in names:
            yield name, read_bytes(self.path / self.files[name])

    def _read_archive(self, names: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        wanted = {self.files[name]: name for name in names}
        with _faults(self.path), tarfile.open(self.path) as archive:
            for member in archive:
                file = archive.extractfile(member) if member.name in wanted else None
                if file is not None:
                    yield wanted[member.name], file.read()


def plain_name(name: str) -> str:
    """Return the plain name of a file.

    >>> plain_name("mnist/train-images.idx3-ubyte.gz")
    'train-images-idx3-ubyte'
    """
    return name.rpartition("/")[2].removesuffix(".gz").replace(".idx", "-idx")


@contextmanager
def _faults(where: object) -> Iterator[None]:
    """Turn what the standard library raises on a damaged file into a `DataError` that names it."""
    try:
        yield
    except (tarfile.TarError, zlib.error, EOFError, OSError) as error:
        raise DataError(f"{where}: truncated, damaged, or no such archive: {error}") from None
