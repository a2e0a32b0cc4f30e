"""Attached tables: a user's own numbers, keyed by cell, that serve as objectives, constraints and features.

Each is one file, ``<folder>/<dataset>/<name>.npz``, with ``manifest.json`` and one array per column: 15,625 numbers by
space index, NaN where the source has none. It is written atomically, and the same source gives the same bytes.

A number is stored for the cell it was given for. Lookups (`AttachedTable.columns`) fill a cell without one with the
mean of the known cells of its canonical class, which are the same network to the database.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from robustnas.arrays import FloatArray, read_only
from robustnas.atomic import atomic_file
from robustnas.errors import DataError, InvalidInputError, unknown_name
from robustnas.spaces.nasbench201.cost import SKELETONS
from robustnas.spaces.nasbench201.identity import N_NETWORKS, network_of_index
from robustnas.tables.attached.columns import CellColumns, read_columns
from robustnas.tables.attached.sheet import read_bytes, read_sheet
from robustnas.tables.table import columns_digest

ATTACHED_VARIABLE = "ROBUSTNAS_ATTACHED"
"""The environment variable that names the folder of attached tables."""

_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_FORMAT = 1
_MANIFEST = "manifest.json"


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
        key: The column of its architectures; empty where the file is keyed by cell.
        known: How many cells each column has a number for.
        ignored: Columns of the source that hold no numbers.
        n_cells: Cells with a number in any column, of 15,625.
        n_networks: Networks with such a cell, of 6,466.
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

    def cell_columns(self) -> dict[str, FloatArray]:
        """Return the columns as in the source, by full name: shape (15625,) by space index, NaN where missing.

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
        return {f"{self.name}.{column}": read_only(values) for column, values in columns.items()}

    def columns(self) -> dict[str, FloatArray]:
        """Return the columns for lookups: `cell_columns` with the mean of its class where a cell has no number."""
        return {name: read_only(_filled(values)) for name, values in self.cell_columns().items()}

    def summary(self) -> dict[str, Any]:
        """Return the content of the manifest as plain data."""
        content = asdict(self)
        del content["path"]
        content["columns"] = content.pop("known")
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


def attach(
    source: str | Path, dataset: str, name: str, *, key: str | None = None, data: str | Path | None = None
) -> AttachedTable:
    """Read a file keyed by cell and store its numbers, replacing a table of the same name.

    Args:
        source: A CSV, Parquet or JSON file; see `robustnas.tables.attached.sheet`.
        dataset: The dataset its numbers belong to.
        name: The table's name: letters, digits and underscores.
        key: The column of architectures, in any notation; None to find it. Integers are database ids.
        data: The database's folder to store it in; None for all databases (`attached_folder`).

    Raises:
        InvalidInputError: A bad name or an unknown dataset.
        DataError: The file is faulty; names the line or row and what was expected. Nothing is stored then.
    """
    target = _file(dataset, name, data)
    if data is not None and not Path(data).expanduser().is_dir():
        raise DataError(f"{data} is not a folder; expected the folder of a database")
    path = Path(source).expanduser()
    content = read_bytes(path)
    found = read_columns(read_sheet(path, content, dataset), key)
    table = _describe(target, path.name, hashlib.sha256(content).hexdigest(), found)
    _write(table, found.columns)
    return table


def detach(name: str, dataset: str, *, data: str | Path | None = None) -> Path:
    """Remove an attached table and return the path that its file had.

    Raises:
        InvalidInputError: There is none of this name.
        DataError: It cannot be removed.
    """
    path = _file(dataset, name, data)
    try:
        path.unlink()
    except FileNotFoundError:
        known = [other.stem for other in sorted(path.parent.glob("*.npz"))]
        reason = unknown_name("attached table", name, known) if known else f"{dataset} has no attached table"
        raise InvalidInputError(f"{reason}; in {path.parent}") from None
    except OSError as error:
        raise DataError(f"cannot remove {path}: {error.strerror or error}") from error
    return path


def attached_tables(dataset: str, data: str | Path | None = None) -> dict[str, AttachedTable]:
    """Return the tables attached to a dataset, by name.

    Args:
        dataset: The dataset's name.
        data: A database's folder; its own attached tables take precedence over those for all databases.

    Raises:
        DataError: A file is damaged.
    """
    folders = [attached_folder(), *([attached_folder(data)] if data is not None else [])]
    paths = {path.stem: path for folder in folders for path in sorted((folder / dataset).glob("*.npz"))}
    return {name: _read(path) for name, path in sorted(paths.items())}


def _file(dataset: str, name: str, data: str | Path | None) -> Path:
    if dataset not in SKELETONS:
        raise InvalidInputError(unknown_name("dataset", dataset, SKELETONS))
    if not _NAME.fullmatch(name):
        raise InvalidInputError(f"name {name!r}: expected letters, digits and underscores, such as hw")
    return attached_folder(data) / dataset / f"{name}.npz"


def _describe(path: Path, source: str, sha256: str, found: CellColumns) -> AttachedTable:
    known = {name: np.isfinite(values) for name, values in found.columns.items()}
    cells = np.flatnonzero(np.any(list(known.values()), axis=0))
    return AttachedTable(
        path=path,
        dataset=path.parent.name,
        name=path.stem,
        source=source,
        sha256=sha256,
        digest=columns_digest(found.columns),
        key=found.key,
        known={name: int(mask.sum()) for name, mask in known.items()},
        ignored=found.ignored,
        n_cells=len(cells),
        n_networks=len(np.unique(network_of_index()[cells])),
    )


def _write(table: AttachedTable, columns: Mapping[str, FloatArray]) -> None:
    """Write the archive; entries carry no date, so that equal content gives equal bytes."""
    try:
        table.path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_file(table.path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            manifest = json.dumps({"format": _FORMAT, **table.summary()}, indent=1)
            _write_entry(archive, _MANIFEST, manifest.encode())
            for name, values in columns.items():
                content = io.BytesIO()
                np.lib.format.write_array(content, values, allow_pickle=False)
                _write_entry(archive, f"{name}.npy", content.getvalue())
    except OSError as error:
        advice = f"set {ATTACHED_VARIABLE} to a folder that can be written, or name one with --data"
        raise DataError(f"cannot write {table.path}: {error.strerror or error}; {advice}") from error


def _write_entry(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)


def _read(path: Path) -> AttachedTable:
    try:
        with zipfile.ZipFile(path) as archive:
            found = json.loads(archive.read(_MANIFEST))
        if found["format"] != _FORMAT:
            raise ValueError(f"format {found['format']!r}, expected {_FORMAT}")
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
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, zipfile.BadZipFile, zlib.error) as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, reason: object) -> DataError:
    advice = f"attach it again, or robustnas data detach {path.stem} --dataset {path.parent.name}"
    return DataError(f"{path}: not an attached table, or damaged: {reason}; {advice}")


def _filled(values: FloatArray) -> FloatArray:
    """Return a column with the mean of the known cells of its class where a cell has no number."""
    networks, known = network_of_index(), np.isfinite(values)
    count = np.bincount(networks[known], minlength=N_NETWORKS)
    total = np.bincount(networks[known], weights=values[known], minlength=N_NETWORKS)
    mean = np.divide(total, count, out=np.full(N_NETWORKS, np.nan), where=count > 0)
    return np.where(known, values, mean[networks])
