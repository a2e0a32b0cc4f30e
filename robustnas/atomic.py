"""Files that appear whole or not at all, even if the process that writes them is killed."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

TEMPORARY_SUFFIX = ".tmp"


@contextmanager
def atomic_file(path: Path) -> Iterator[BinaryIO]:
    """Open a binary file that is moved to `path` once the block ends without an exception.

    Readers see the former file or the whole new one. An exception leaves nothing behind; a killed process leaves a
    file that ends in ``.tmp``, which `remove_temporaries` deletes.

    Raises:
        OSError: From the operating system, such as a full disk.
    """
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}{TEMPORARY_SUFFIX}")
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def remove_temporaries(directory: Path) -> None:
    """Delete the files of killed processes in `directory`; call it only while no other process writes there."""
    for path in directory.glob(f".*{TEMPORARY_SUFFIX}"):
        path.unlink(missing_ok=True)
