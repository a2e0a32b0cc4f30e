"""The lock of a database's folder: one fetch or import writes to it at a time."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from robustnas.atomic import remove_temporaries
from robustnas.errors import DataError
from robustnas.spaces.nasbench201.cost import SKELETONS

STAGE = ".import-"
"""What the name of a folder begins with in which an import is put together."""


@contextmanager
def locked_folder(directory: Path, error_type: type[DataError] = DataError) -> Iterator[None]:
    """Keep a second fetch or import out of a folder, and remove what a killed one left there.

    Args:
        directory: The folder, made if missing.
        error_type: What is raised.

    Raises:
        DataError: Another one is at work, or the folder cannot be written.
    """
    from filelock import FileLock, Timeout

    try:
        directory.mkdir(parents=True, exist_ok=True)
        lock = FileLock(directory / ".fetch.lock", blocking=False)
        lock.acquire()
    except Timeout:
        raise error_type(f"another fetch or import is writing to {directory}; wait until it is done") from None
    except OSError as error:
        reason = "it is a file, not a folder" if directory.is_file() else error.strerror or error
        raise error_type(f"cannot write to {directory}: {reason}; name another folder with --data") from error
    try:
        for folder in (directory, *(directory / name for name in SKELETONS)):
            remove_temporaries(folder)
        for left in directory.glob(f"{STAGE}*"):
            shutil.rmtree(left, ignore_errors=True)
        yield
    finally:
        lock.release()
