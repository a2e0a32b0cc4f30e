"""Importing a folder that was downloaded by hand into the user's data directory."""

from __future__ import annotations

import shutil
from pathlib import Path

from robustnas.atomic import atomic_file
from robustnas.errors import DataError
from robustnas.tables.database.cache import CachedFolder
from robustnas.tables.database.database import Database, user_folder


def install(source: Path, target: Path | None = None) -> Database:
    """Check every file of a database folder and copy it where RobustNAS looks for data.

    Args:
        source: A folder in the published layout, complete or not.
        target: The folder to copy to; None for the user's data directory. Files of the same name are replaced, others
            are kept.

    Returns:
        The database in `target`, opened.

    Raises:
        DataError: A file is faulty (nothing is copied then), or `target` cannot be written.
    """
    checked = Database.open(source).files
    target = (target or user_folder()).absolute()
    if checked.folder.resolve() != target.resolve():
        _copy(checked, target)
    return Database.open(target)


def _copy(files: CachedFolder, target: Path) -> None:
    for name in files.known:
        try:
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            with (files.folder / name).open("rb") as source, atomic_file(target / name) as copy:
                shutil.copyfileobj(source, copy, 1 << 20)
        except OSError as error:
            raise DataError(
                f"cannot copy {files.folder / name} to {target}: {error}; free some space, or leave the files "
                f"where they are and name their folder with --data or ROBUSTNAS_DATA"
            ) from error
