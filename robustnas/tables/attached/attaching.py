"""Attaching: a user's file becomes a table that is found with its dataset.

It is written atomically, and the same source gives the same bytes.
"""

from __future__ import annotations

import glob
import hashlib
import io
import json
import re
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from robustnas.arrays import FloatArray
from robustnas.atomic import atomic_file
from robustnas.errors import DataError, InvalidInputError, excerpt, unknown_name
from robustnas.reference import is_reference
from robustnas.spaces import EnumerableSpace, open_space
from robustnas.tables.attached.attached import (
    ATTACHED_VARIABLE,
    FORMAT,
    MANIFEST,
    AttachedTable,
    attached_datasets,
    attached_folder,
)
from robustnas.tables.attached.columns import SheetColumns, read_columns
from robustnas.tables.attached.declaring import Declared, declare
from robustnas.tables.database.database import find_folder, published_names
from robustnas.tables.datasets import DATASETS, open_table, space_of
from robustnas.tables.kept_table import kept_names
from robustnas.tables.sheets.reading import is_table_name, read_bytes, read_sheet, table_stem
from robustnas.tables.table import columns_digest
from robustnas.tables.table_file import existing_file, is_table_file

_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)


def attach(
    source: str | Path,
    dataset: str,
    name: str | None = None,
    *,
    key: str | None = None,
    notation: str | None = None,
    duplicates: str = "error",
    minimise: Iterable[str] = (),
    maximise: Iterable[str] = (),
    percent: Iterable[str] = (),
    data: str | Path | None = None,
    space: EnumerableSpace[Any] | None = None,
) -> AttachedTable:
    """Read a file keyed by architecture and store its numbers, replacing a table of the same name.

    Args:
        source: A file in any form that `robustnas.tables.sheets.reading` has a reader for.
        dataset: The dataset its numbers belong to: a name that `open_table` knows, or that of a table file less its
            suffix.
        name: The table's name: letters, digits and underscores; that of the file if None (`default_name`).
        key: The column of architectures, in any notation, or the columns of their choices, separated by commas; None
            to find it. Integers are database ids.
        notation: The convention of six operation indices, ``naslib`` or ``nasbench201``; None to find it in the file,
            by its arch strings, ids, parameters or FLOPs.
        duplicates: What to do with rows that repeat an architecture: ``error``, ``mean`` or ``first``.
        minimise: Columns of which smaller is better, where their names do not say so.
        maximise: Columns of which larger is better, where their names say otherwise.
        percent: Columns in percent: they are divided by 100, and written in percent as accuracies are.
        data: The database's folder to store it in; None for all databases (`attached_folder`).
        space: The search space; the dataset's if None.

    Raises:
        InvalidInputError: A bad name, or an unknown dataset, notation, way with duplicates or column.
        DataError: The file is faulty; names the line or row and what was expected. Nothing is stored then.
    """
    home, known_space = _home(dataset, data)
    target = _file(home, default_name(source) if name is None else name, data)
    if data is not None and not Path(data).expanduser().is_dir():
        raise DataError(f"{data} is not a folder; expected the folder of a database")
    path = Path(source).expanduser()
    content = read_bytes(path)
    space = space or known_space
    sheet = read_sheet(path, content, home, DATASETS, space)
    found = read_columns(sheet, key, space, notation=notation, duplicates=duplicates, dataset=home)
    found = declare(found, Declared.of(minimise, maximise, percent))
    table = _describe(target, path.name, hashlib.sha256(content).hexdigest(), found, space)
    _write(table, found.columns)
    return table


def default_name(source: str | Path) -> str:
    """Return the name of a table that is attached without one: its file's, as it can stand in objectives.

    Raises:
        InvalidInputError: The file's name does not begin with a letter.

    >>> default_name("tables/hw-nas bench.csv.gz")
    'hw_nas_bench'
    """
    stem = table_stem(Path(source))
    if not re.match(r"[A-Za-z]", stem):
        raise InvalidInputError(
            f"a table cannot be called {excerpt(stem)} like its file; name it with --name, as in hw"
        )
    return re.sub(r"\W+", "_", stem, flags=re.ASCII)


def detach(name: str, dataset: str, *, data: str | Path | None = None) -> Path:
    """Remove an attached table and return the path that its file had.

    Raises:
        InvalidInputError: There is none of this name.
        DataError: It cannot be removed.
    """
    dataset = table_stem(Path(dataset)) if is_table_file(dataset) else dataset
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


def _home(dataset: str, data: str | Path | None) -> tuple[str, EnumerableSpace[Any]]:
    """Return the name under which tables of a dataset are attached, and its search space.

    Raises:
        InvalidInputError: There is no such dataset; a new name would be a folder that nothing looks into.
    """
    if is_table_file(dataset):
        return table_stem(existing_file(dataset)), open_space()
    name = dataset.partition("@")[0]
    if is_reference(dataset) or name in DATASETS or name in kept_names():
        space = None if is_reference(dataset) else space_of(name)
        if space is not None:
            return name, space
        table = open_table(dataset, data)
        return table.dataset, table.space
    published, attached = published_names(find_folder(data)[0]), attached_datasets(data)
    if dataset in (*published, *attached) or _is_beside(dataset):
        return dataset, open_space()
    known = dict.fromkeys((*DATASETS, *published, *kept_names(), *attached))
    raise InvalidInputError(f"{unknown_name('dataset', dataset, known)}, or a table file such as my.csv")


def _is_beside(dataset: str) -> bool:
    """Return whether a dataset's name is that of a table file in the current folder, less its suffix."""
    files = Path().glob(f"{glob.escape(dataset)}.*") if Path(dataset).name == dataset else ()
    return any(is_table_name(path) and table_stem(path) == dataset for path in files)


def _file(dataset: str, name: str, data: str | Path | None) -> Path:
    if dataset in ("", ".", "..") or Path(dataset).name != dataset:
        raise InvalidInputError(f"dataset {dataset!r}: expected a name that can be that of a folder")
    if not _NAME.fullmatch(name):
        raise InvalidInputError(f"name {name!r}: expected letters, digits and underscores, such as hw")
    return attached_folder(data) / dataset / f"{name}.npz"


def _describe(path: Path, source: str, sha256: str, found: SheetColumns, space: EnumerableSpace[Any]) -> AttachedTable:
    known = {name: np.isfinite(values) for name, values in found.columns.items()}
    cells = np.flatnonzero(np.any(list(known.values()), axis=0))
    networks = space.network_of_index()[cells]
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
        n_networks=len(np.unique(networks[networks >= 0])),
        space=space,
        facts={name: one.facts for name, one in found.known.items() if one.facts.as_dict()},
        notation=found.notation,
        notes=found.notes,
    )


def _write(table: AttachedTable, columns: Mapping[str, FloatArray]) -> None:
    """Write the archive; entries carry no date, so that equal content gives equal bytes."""
    try:
        table.path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_file(table.path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            manifest = json.dumps({"format": FORMAT, **table.summary()}, indent=1)
            _write_entry(archive, MANIFEST, manifest.encode())
            for name, values in columns.items():
                content = io.BytesIO()
                np.lib.format.write_array(content, values, allow_pickle=False)
                _write_entry(archive, f"{name}.npy", content.getvalue())
    except OSError as error:
        advice = f"set {ATTACHED_VARIABLE} to a folder that can be written, or name one with --data"
        raise DataError(f"cannot write {table.path}: {error.strerror or error}; {advice}") from error


def _write_entry(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
