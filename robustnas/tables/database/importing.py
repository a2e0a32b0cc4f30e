"""Importing what a user downloaded into a database's folder: whole or not at all, and nothing overwritten unasked.

What can be imported: the published files, in a folder, a zip archive or a folder of archives, with or without
meta.json; NAS-RobBench-201 in its two forms (`page_form`, `seeds_form`); and the file behind the database's web page.

Everything is put together in a folder inside of the target, checked there, and then moved into place: a dataset that is
new with one rename, then meta.json, without which there is no database. A process that is killed before leaves the
database as it was; files that are added to a dataset that is already there appear one by one, each whole.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from robustnas.arrays import FloatArray
from robustnas.errors import DataError, listing
from robustnas.metric import MEAN_CORRUPTION, Metric, corruption_metrics
from robustnas.spaces.nasbench201.identity import network_indices, networks
from robustnas.tables.database.cache import CachedFolder
from robustnas.tables.database.database import Database, extra_metrics, user_folder
from robustnas.tables.database.folder_lock import STAGE, locked_folder
from robustnas.tables.database.imported_file import IMPORTED, ImportedFile, imported_files
from robustnas.tables.database.network_values import NetworkValues
from robustnas.tables.database.published import META, published_meta
from robustnas.tables.database.sources import source_files
from robustnas.tables.database.staging import Stage

_ROUNDED = 0.000501  # the web page's numbers are rounded to three decimals
_MOST_NAMED = 5


@dataclass(frozen=True)
class Import:
    """What an import did.

    Attributes:
        database: The database it wrote to, opened.
        added: Files that are new there, as paths below its folder.
        replaced: Files that were there with other content.
        same: Files that were there with the same content.
        notes: What the user should know, in sentences.
    """

    database: Database
    added: tuple[str, ...]
    replaced: tuple[str, ...]
    same: tuple[str, ...]
    notes: tuple[str, ...]


def install(source: str | Path, target: str | Path | None = None, *, replace: bool = False) -> Import:
    """Check what lies at a path and add it to a database's folder.

    Args:
        source: A file, a folder or a zip archive; see the module.
        target: The folder to add to; None for the user's data directory.
        replace: Replace files that are there with other content; else nothing is done if there is one.

    Raises:
        DataNotFoundError: There is nothing at `source`.
        DataError: A file is faulty, there is nothing to import, a file is there with other content, or `target` cannot
            be written. Nothing is changed then.
    """
    path = Path(source).expanduser()
    folder = (user_folder() if target is None else Path(target).expanduser()).absolute()
    made = not folder.exists()
    try:
        with locked_folder(folder):
            result = _install(path, folder, replace)
    except BaseException:
        if made:
            _remove_empty(folder)
        raise
    return Import(Database.open(folder), *result)


def _install(
    source: Path, target: Path, replace: bool
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    stage = Stage(target / f"{STAGE}{uuid.uuid4().hex}")
    try:
        stage.folder.mkdir()
        for file in source_files(source, stage.folder / ".archives"):
            stage.take(file, alone=source.is_file() and file.shown == str(source))
        shutil.rmtree(stage.folder / ".archives", ignore_errors=True)
        if not stage.values and not any(path != META for path in stage.origins):
            raise DataError(_nothing(source, stage))
        notes = [*_add_meta(stage, target), *_left_out(stage)]
        files = _checked(stage)
        notes += [note for dataset in sorted(stage.values) for note in _add_values(stage, dataset, files, target)]
        added, replaced, same = _compared(stage, target)
        if replaced and not replace:
            raise DataError(_conflict(replaced, target, source))
        _move(stage.folder, target, [*added, *replaced])
        return added, replaced, same, tuple(notes)
    except OSError as error:
        advice = "free some space, or name another folder with --data"
        raise DataError(f"cannot import {source} into {target}: {error.strerror or error}; {advice}") from error
    finally:
        shutil.rmtree(stage.folder, ignore_errors=True)


def _add_meta(stage: Stage, target: Path) -> list[str]:
    """See to it that the stage has a meta.json: the source's, else the target's, else one that is computed."""
    if META in stage.origins:
        return []
    if (target / META).is_file():
        shutil.copyfile(target / META, stage.folder / META)
        return []
    content = published_meta()
    (stage.folder / META).write_bytes(content)
    stage.origins[META], stage.sums[META] = META, hashlib.sha256(content).hexdigest()
    return [f"there was no {META}; it was written from the ids that RobustNAS computes, which are those published"]


def _checked(stage: Stage) -> CachedFolder:
    """Read and check every published file of the stage; messages name the files that they are from."""
    try:
        for imported in imported_files(stage.folder).values():
            if imported.dataset in stage.values:
                other = stage.values[imported.dataset][1].shown
                raise DataError(f"{imported.path} and {other} both hold {imported.dataset}; import one of them")
            imported.check()
        return CachedFolder.read(stage.folder)
    except DataError as error:
        text = str(error)
        for path, origin in stage.origins.items():
            text = text.replace(str(stage.folder / path), origin)
        raise DataError(text.replace(f"{stage.folder}{os.sep}", "")) from None


def _add_values(stage: Stage, dataset: str, staged: CachedFolder, target: Path) -> list[str]:
    """Write the imported file of a dataset, unless the published files have all of it."""
    values, file, _ = stage.values[dataset]
    folders = [staged]
    if (target / META).is_file() and (target / dataset).is_dir():
        folders.append(CachedFolder.open(target))
    published = list(dict.fromkeys(metric for folder in folders for metric in folder.metrics(dataset)))
    for folder in folders:
        _check_agreement(values, folder, file.shown)
    written = stage.write_values(dataset)
    extra = extra_metrics(published, written)
    if not extra:
        (stage.folder / dataset / IMPORTED).unlink()
        del stage.origins[f"{dataset}/{IMPORTED}"]
        return [f"{dataset}: the published files have all of {file.shown} and more; they are kept, nothing is added"]
    if published:
        kept = f"the published files are kept, and {', '.join(map(str, extra))} added"
        return [f"{dataset}: {kept}, which they lack", *_described(values)[1:]]
    return _described(values)


def _described(values: NetworkValues) -> list[str]:
    """Return what is imported of a dataset, in sentences."""
    names = ", ".join(map(str, values.metrics))
    n_networks = values.n_networks
    some = "" if n_networks == len(networks()) else f" of {len(networks()):,}"
    lines = [f"{values.dataset}: {names} of {n_networks:,}{some} networks, {values.training}"]
    if len(values.seeds) > 1:
        counts = ", ".join(f"{n_values:,} of {n_seeds} seeds" for n_seeds, n_values in values.seeds.items())
        lines.append(f"{values.dataset}: values are means: {counts}")
    missing = {str(m): n_networks - int(np.isfinite(c).sum()) for m, c in values.columns.items()}
    if lacking := [f"{name} ({n:,})" for name, n in missing.items() if n]:
        lines.append(f"{values.dataset}: some of these networks lack {', '.join(lacking)}")
    return lines


def _check_agreement(values: NetworkValues, folder: CachedFolder, shown: str) -> None:
    """Refuse values that are not those of published files of the same dataset, up to rounding."""
    held = folder.metrics(values.dataset)
    for metric, column in values.columns.items():
        published = _published(metric, held, folder, values.dataset)
        if published is None:
            continue
        wrong = np.flatnonzero(np.abs(column - published) > _ROUNDED)
        if len(wrong):
            uid, mine, theirs = networks()[wrong[0]], column[wrong[0]], published[wrong[0]]
            raise DataError(
                f"{shown}: {metric} of network {uid} of {values.dataset} is {mine:g}, but {theirs:g} in the published "
                f"files ({len(wrong):,} such); these are numbers of other networks, and are not mixed"
            )


def _published(metric: Metric, held: Sequence[Metric], folder: CachedFolder, dataset: str) -> FloatArray | None:
    """Return the published values of a metric by network, None if it is not held."""
    parts = corruption_metrics() if metric == Metric(MEAN_CORRUPTION) else (metric,)
    if not set(held).issuperset(parts):
        return None
    rows = folder.accuracies(dataset)[[held.index(part) for part in parts]]
    return np.asarray(rows[:, network_indices()].mean(axis=0))


def _compared(stage: Stage, target: Path) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Return the paths that are new in the target, that have other content there, and the same."""
    added, other, same = [], [], []
    for path in sorted(stage.origins):
        there = target / path
        if not there.is_file():
            added.append(path)
        elif _is_same(stage, path, there):
            same.append(path)
        else:
            other.append(path)
    return tuple(added), tuple(other), tuple(same)


def _is_same(stage: Stage, path: str, there: Path) -> bool:
    if path.endswith(IMPORTED):
        with suppress(DataError):
            return ImportedFile.read(there).digest == ImportedFile.read(stage.folder / path).digest
        return False
    with there.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == stage.sums[path]


def _move(stage: Path, target: Path, paths: Sequence[str]) -> None:
    """Move files into place: a new dataset's folder at once, meta.json last."""
    by_folder: dict[str, list[str]] = {}
    for path in paths:
        by_folder.setdefault(path.rpartition("/")[0], []).append(path)
    for folder in sorted(by_folder, reverse=True):  # "", the folder of meta.json, comes last
        if folder and not (target / folder).exists():
            (stage / folder).rename(target / folder)
            continue
        for path in by_folder[folder]:
            (stage / path).replace(target / path)


def _left_out(stage: Stage) -> list[str]:
    notes = []
    if stage.left_out:
        n = len(stage.left_out)
        left_out = listing(stage.left_out, _MOST_NAMED)
        notes.append(f"{n} file{'s are' if n > 1 else ' is'} none of the database, and left out: {left_out}")
    for shown, names in stage.unknown.items():
        notes.append(f"{shown}: {len(names)} names are not known, and left out: {listing(names, _MOST_NAMED)}")
    return notes


def _nothing(source: Path, stage: Stage) -> str:
    expected = (
        "expected the published layout (meta.json and <dataset>/<key>_<measure>.json) as a folder, a zip archive or a "
        "folder of archives, the JSON of NAS-RobBench-201, or that of the database's web page"
    )
    named = [*stage.left_out, *stage.unknown]
    found = f"has nothing to import; it has {listing(named, _MOST_NAMED)}" if named else "has nothing to import"
    return f"{source}: {found}; {expected}"


def _conflict(paths: Sequence[str], target: Path, source: Path) -> str:
    return (
        f"{target} has other content in {listing(paths, _MOST_NAMED)}; nothing was changed: pass --replace to take "
        f"{'that' if len(paths) == 1 else 'those'} of {source}, or --data to import into another folder"
    )


def _remove_empty(folder: Path) -> None:
    """Remove a folder that an import made and left without data."""
    with suppress(OSError):
        if {path.name for path in folder.iterdir()} <= {".fetch.lock"}:
            (folder / ".fetch.lock").unlink(missing_ok=True)
            folder.rmdir()
