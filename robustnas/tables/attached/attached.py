"""Attached tables: a user's own numbers, keyed by architecture, that serve as objectives, constraints and features.

Each is one file, ``<folder>/<dataset>/<name>.npz``, with ``manifest.json`` and one array per column: a number for each
index of the search space, NaN where the source has none. `robustnas.tables.attached.attaching` writes it.

A number is stored for the architecture it was given for. Lookups (`AttachedTable.columns`) fill one without a number
with the mean of the known members of its canonical class, which are the same network.
"""

from __future__ import annotations

import json
import os
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

from robustnas.arrays import FloatArray, read_only
from robustnas.errors import DataError
from robustnas.spaces import EnumerableSpace, open_space, recorded_name
from robustnas.tables.attached.columns import filled
from robustnas.tables.attached.missing_marks import without_marks
from robustnas.tables.column_facts import ColumnFacts
from robustnas.tables.table import columns_digest

ATTACHED_VARIABLE = "ROBUSTNAS_ATTACHED"
"""The environment variable that names the folder of attached tables."""

FORMAT = 1
MANIFEST = "manifest.json"
_NOT_KEPT = ("path", "notes")


@dataclass(frozen=True)
class AttachedTable:
    """One attached table, as its manifest describes it.

    Attributes:
        path: Its file.
        dataset: The dataset it belongs to.
        name: Its name; the columns are called ``<name>.<column>``.
        source: The name of the file it was read from.
        sha256: The SHA-256 of that file.
        digest: A SHA-256 of the columns.
        key: The column of its architectures; empty where the file is keyed by architecture.
        known: How many architectures each column has a number for.
        ignored: Columns of the source that hold no numbers.
        n_cells: Architectures with a number in any column.
        n_networks: Networks with such an architecture.
        space: The search space.
        facts: What was said of columns when it was attached, by column; the others have none.
        notation: The convention in which six operation indices were read; empty where there were none.
        notes: What was worth saying when it was attached; not kept in the manifest.
    """

    path: Path
    dataset: str
    name: str
    source: str
    sha256: str
    digest: str
    key: str
    known: Mapping[str, int]
    ignored: tuple[str, ...]
    n_cells: int
    n_networks: int
    space: EnumerableSpace[Any]
    facts: Mapping[str, ColumnFacts] = field(default_factory=dict)
    notation: str = ""
    notes: tuple[str, ...] = field(default=(), compare=False)

    def cell_columns(self) -> dict[str, FloatArray]:
        """Return the columns as in the source, by full name: shape (space.size,) by index, NaN where missing.

        That is where a number marks a missing one, too, as in tables that were attached by an earlier version.

        Raises:
            DataError: The file is damaged.
        """
        try:
            with np.load(self.path, allow_pickle=False) as archive:
                columns = {column: archive[column] for column in self.known}
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise _damaged(self.path, error) from error
        if columns_digest(columns) != self.digest:
            raise _damaged(self.path, "its columns have another digest")
        return {f"{self.name}.{column}": read_only(without_marks(values)) for column, values in columns.items()}

    def columns(self) -> dict[str, FloatArray]:
        """Return the columns for lookups: `cell_columns` with the mean of its class where there is no number."""
        return {name: read_only(filled(values, self.space)) for name, values in self.cell_columns().items()}

    def summary(self) -> dict[str, Any]:
        """Return the content of the manifest as plain data."""
        names = [member.name for member in fields(self) if member.name not in _NOT_KEPT]
        content: dict[str, Any] = {name: getattr(self, name) for name in names}
        content["columns"] = dict(content.pop("known"))
        content["facts"] = {name: found.as_dict() for name, found in self.facts.items()}
        content["space"] = recorded_name(self.space)
        content |= {"choices": self.space.digests["choices"]} if self.space.digests else {}
        return content


def attached_folder(data: str | Path | None = None) -> Path:
    """Return the folder of attached tables.

    Args:
        data: A database's folder, for the folder ``attached`` in it; None for the folder that ROBUSTNAS_ATTACHED
            names, else ``attached`` in the user's data directory.
    """
    if data is not None:
        return Path(data).expanduser() / "attached"
    if named := os.environ.get(ATTACHED_VARIABLE):
        return Path(named).expanduser()
    import platformdirs

    return platformdirs.user_data_path("robustnas") / "attached"


def attached_tables(
    dataset: str, data: str | Path | None = None, space: EnumerableSpace[Any] | None = None
) -> dict[str, AttachedTable]:
    """Return the tables attached to a dataset, by name.

    Args:
        dataset: The dataset's name.
        data: A database's folder; its own attached tables take precedence over those for all databases.
        space: The search space of the dataset; the one that each file names if None.

    Raises:
        DataError: A file is damaged, or is over another space.
    """
    paths = {path.stem: path for folder in _folders(data) for path in sorted((folder / dataset).glob("*.npz"))}
    return {name: _read(path, space) for name, path in sorted(paths.items())}


def attached_datasets(data: str | Path | None = None) -> list[str]:
    """Return the names of the datasets that have attached tables; `data` as in `attached_tables`."""
    names = {path.parent.name for folder in _folders(data) for path in folder.glob("*/*.npz")}
    return sorted(names, key=lambda name: (name.lower(), name))


def _folders(data: str | Path | None) -> list[Path]:
    return [attached_folder(), *([attached_folder(data)] if data is not None else [])]


def _read(path: Path, space: EnumerableSpace[Any] | None) -> AttachedTable:
    try:
        with zipfile.ZipFile(path) as archive:
            found = json.loads(archive.read(MANIFEST))
        if found["format"] != FORMAT:
            raise ValueError(f"format {found['format']!r}, expected {FORMAT}")
        name = found.get("space", open_space().name)
        space = open_space(name) if space is None else space
        if name not in (space.name, recorded_name(space)):
            raise ValueError(f"it is over the space {name}, {path.parent.name} is over {space.name}")
        if found.get("choices") != space.digests.get("choices"):
            raise ValueError(f"the choices of the space {name} were changed since")
        return AttachedTable(
            path=path,
            dataset=path.parent.name,
            name=path.stem,
            source=str(found["source"]),
            sha256=str(found["sha256"]),
            digest=str(found["digest"]),
            key=str(found["key"]),
            known={str(name): int(count) for name, count in found["columns"].items()},
            ignored=tuple(found["ignored"]),
            n_cells=int(found["n_cells"]),
            n_networks=int(found["n_networks"]),
            space=space,
            facts={str(name): ColumnFacts.from_dict(said) for name, said in found.get("facts", {}).items()},
            notation=str(found.get("notation", "")),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, zipfile.BadZipFile, zlib.error) as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, reason: object) -> DataError:
    advice = f"attach it again, or robustnas data detach {path.stem} --dataset {path.parent.name}"
    return DataError(f"{path}: not an attached table, or damaged: {reason}; {advice}")
