"""The journal of an experiment: every finished run, appended whole or not at all.

A run is one line of ``runs.jsonl``. Only one process writes it, under a lock; a line that a killed process or a full
disk left torn is cut off before the next is written.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from robustnas.atomic import atomic_file, remove_temporaries
from robustnas.errors import DataError, RobustNASError

MANIFEST = "manifest.json"
RUNS = "runs.jsonl"
_LOCK = ".lock"


class Journal:
    """Writes an experiment's directory; use `open_journal`.

    Attributes:
        directory: The experiment's directory.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._path = directory / RUNS
        self._cut_torn_line()

    def runs(self) -> Iterator[dict[str, Any]]:
        """Yield the finished runs.

        Raises:
            DataError: A whole line that is no JSON.
        """
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                try:
                    yield json.loads(line)
                except ValueError:
                    raise DataError(
                        f"{self._path}, line {number} is not JSON; delete that line to run it again"
                    ) from None

    def append(self, run: dict[str, Any]) -> None:
        """Append a finished run.

        Raises:
            DataError: The disk is full, or the file cannot be written; everything before is kept.
        """
        line = json.dumps(run, separators=(",", ":")).encode() + b"\n"
        length = self._path.stat().st_size if self._path.exists() else 0
        try:
            with self._path.open("ab", buffering=0) as file:
                written = file.write(line)
                if written < len(line):
                    raise OSError(28, os.strerror(28))
        except OSError as error:
            if self._path.exists():
                os.truncate(self._path, length)
            message = (
                f"cannot write {self._path}: {error.strerror}; finished runs are kept, run the same command to go on"
            )
            raise DataError(message) from error

    def write_manifest(self, manifest: dict[str, Any]) -> None:
        """Replace the manifest, atomically."""
        path = self.directory / MANIFEST
        try:
            with atomic_file(path) as file:
                file.write(json.dumps(manifest, indent=2).encode() + b"\n")
        except OSError as error:
            raise DataError(f"cannot write {path}: {error.strerror}") from error

    def _cut_torn_line(self) -> None:
        if not self._path.exists():
            return
        with self._path.open("rb+") as file:
            content = file.read()
            end = content.rfind(b"\n") + 1
            if end < len(content):
                file.truncate(end)


@contextmanager
def open_journal(directory: str | Path) -> Iterator[Journal]:
    """Open (and make) an experiment's directory for writing, alone.

    Raises:
        DataError: Another process writes it, or it cannot be made.
    """
    from filelock import FileLock, Timeout

    folder = Path(directory)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"cannot make the directory {str(folder)!r}: {error.strerror}") from error
    lock = FileLock(folder / _LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise DataError(f"another process is writing {str(folder)!r}; wait for it, or choose another --out") from None
    except OSError as error:
        raise DataError(f"cannot write in {str(folder)!r}: {error.strerror}") from error
    try:
        remove_temporaries(folder)
        yield Journal(folder)
    finally:
        lock.release()


def not_the_plan(directory: Path, detail: str) -> RobustNASError:
    """Return the error for a directory that holds other records than a plan asks for."""
    return DataError(f"{str(directory)!r} holds records of another experiment ({detail}); choose another --out")
