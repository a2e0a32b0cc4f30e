"""Atomic file writing: files appear complete or not at all, even if the writing process is killed."""

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
    """Open a binary file that is moved to `path` when the block ends without an exception.

    Readers see either the old file or the complete new one. An exception leaves nothing behind; a killed process leaves
    a file ending in ``.tmp``, which `remove_temporaries` deletes.

    Raises:
        OSError: The operating system reports an error, such as a full disk.
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
    """Delete files left by killed processes in `directory`; call it only while no other process writes there."""
    for path in directory.glob(f".*{TEMPORARY_SUFFIX}"):
        path.unlink(missing_ok=True)
