"""The stage of an import: what was found in a source, put together in the published layout and checked there."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from robustnas.errors import DataError, excerpt
from robustnas.tables.database.imported_file import IMPORTED, ImportedFile, write_imported
from robustnas.tables.database.network_values import NetworkValues, ReadValues
from robustnas.tables.database.page_form import read_page
from robustnas.tables.database.published import KEYS, MEASURES, META, PublishedFile
from robustnas.tables.database.seeds_form import read_seeds
from robustnas.tables.database.sources import SourceFile, check_space

_HEAD = 4096  # bytes that tell what a file is
_MOST_VALUES = 1 << 28  # bytes of a file that is read whole

_META = re.compile(r'\s*\{\s*"(?:ids|epsilons)"\s*:\s*\{')
_PUBLISHED = re.compile(r'\s*\{\s*"([^"]{1,100})"\s*:\s*\{\s*"([^"]{1,100})"\s*:\s*\{\s*"([^"]{1,100})"\s*:\s*\{')
_PAGE = re.compile(
    r'\s*(?:(?:(?:var|let|const)\s+)?[A-Za-z_$][\w$.]*\s*=\s*\{|\{\s*""\s*:\s*\[|\{\s*"\d{1,5}"\s*:\s*["\[\d])'
)
_SEEDS = re.compile(r'\s*\{\s*"(?:cifar10|cifar100|imagenet|imagenet16-120)"\s*:\s*\{\s*(?:"\d{1,5}"\s*:|\})', re.I)

Reader: TypeAlias = Callable[[str, str], ReadValues]
"""Reads the text of a file; gets what messages call it, too."""

_READERS: dict[re.Pattern[str], Reader] = {_PAGE: read_page, _SEEDS: read_seeds}


@dataclass
class Stage:
    """A folder in the published layout that an import fills.

    Attributes:
        folder: The folder.
        origins: Where each file in it is from, by path below it.
        sums: The SHA-256 of each published file in it, by path.
        values: Datasets in other forms, each with the file that they are from and its SHA-256.
        left_out: Files that are none of the database.
        unknown: Names of columns and datasets that are not known, by file.
    """

    folder: Path
    origins: dict[str, str] = field(default_factory=dict)
    sums: dict[str, str] = field(default_factory=dict)
    values: dict[str, tuple[NetworkValues, SourceFile, str]] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    unknown: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def take(self, file: SourceFile, *, alone: bool = False) -> None:
        """Take in one file: copy it if it is a published one, read it if it has another form that is known.

        Args:
            file: The file.
            alone: Whether it was named by the user, so that it has to be something.

        Raises:
            DataError: It is faulty, contradicts another one, or is nothing that can be imported though `alone`.
        """
        if file.name == IMPORTED:
            self._copy(file, f"{file.parent}/{IMPORTED}")  # of a folder that RobustNAS wrote
            return
        if not alone and not file.name.lower().endswith((".json", ".js")):
            self.left_out.append(file.shown)
            return
        with file.open() as content:
            head = content.read(_HEAD).decode("utf-8", errors="replace").removeprefix("\ufeff")
        named = PublishedFile.parse(file.parent, file.name)
        if file.name == META or _META.match(head):
            self._copy(file, META)
        elif published := _published(head, file.shown):
            self._copy(file, published.path)
        elif reader := next((read for form, read in _READERS.items() if form.match(head)), None):
            self._read(file, reader)
        elif named:
            self._copy(file, named.path)  # whose content is faulty: reading it will say how
        elif alone:
            raise DataError(
                f"{file.shown}: begins with {excerpt(head[:60])}; expected a file of the published database, the JSON "
                "of NAS-RobBench-201, or that of the database's web page"
            )
        else:
            self.left_out.append(file.shown)

    def write_values(self, dataset: str) -> ImportedFile:
        """Write the imported file of a dataset in another form than the published one.

        Raises:
            OSError: It cannot be written.
        """
        values, file, digest = self.values[dataset]
        path = f"{dataset}/{IMPORTED}"
        self.origins[path] = file.shown
        return write_imported(self.folder, values, file.name, digest)

    def _copy(self, file: SourceFile, path: str) -> None:
        target = self.folder / path
        again = target.with_name(f"{target.name}.again") if path in self.origins else target
        check_space(self.folder, file.size)
        target.parent.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256()
        with file.open() as source, again.open("wb") as copy:
            while chunk := source.read(1 << 20):
                digest.update(chunk)
                copy.write(chunk)
            copy.flush()
            os.fsync(copy.fileno())
        if again != target:
            again.unlink()
            if digest.hexdigest() != self.sums[path]:
                raise DataError(
                    f"{self.origins[path]} and {file.shown} both hold {path} and differ; import one of them"
                )
        self.origins[path], self.sums[path] = file.shown, digest.hexdigest()

    def _read(self, file: SourceFile, reader: Reader) -> None:
        if file.size > _MOST_VALUES:
            raise DataError(f"{file.shown}: has {file.size:,} bytes; expected at most {_MOST_VALUES:,} in this form")
        with file.open() as source:
            content = source.read()
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise DataError(f"{file.shown}: is not UTF-8: {error.reason} at byte {error.start}") from None
        found = reader(text, file.shown)
        if found.unknown:
            self.unknown[file.shown] = found.unknown
        digest = hashlib.sha256(content).hexdigest()
        for values in found.values:
            if not values.columns:
                continue
            other = self.values.get(values.dataset)
            if other and other[2] != digest:
                both = f"{other[1].shown} and {file.shown} both hold {values.dataset}"
                raise DataError(f"{both}; import one of them")
            self.values[values.dataset] = values, file, digest


def _published(head: str, shown: str) -> PublishedFile | None:
    """Return the name of the published file that begins like this; None if it is none."""
    match = _PUBLISHED.match(head)
    if not match or match[2] not in KEYS or match[3] not in MEASURES:
        return None
    dataset = match[1]
    if dataset.startswith(".") or Path(dataset).name != dataset or "\\" in dataset:
        raise DataError(f"{shown}: is of the dataset {excerpt(dataset)}; expected the name of a folder")
    return PublishedFile(*match.groups())
