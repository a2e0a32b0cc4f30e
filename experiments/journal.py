"""The journal of an experiment: every finished run is one line of ``runs.jsonl``, and only one process writes it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from robustnas.append_only import AppendOnlyFile, sole_writer
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
        self._file = AppendOnlyFile(directory / RUNS, "runs")

    def runs(self) -> Iterator[dict[str, Any]]:
        """Yield the finished runs.

        Raises:
            DataError: A whole line that is not JSON.
        """
        for number, line in self._file.lines():
            try:
                yield json.loads(line)
            except ValueError:
                message = f"{self._file.path}, line {number} is not JSON; delete that line to run it again"
                raise DataError(message) from None

    def append(self, run: dict[str, Any]) -> None:
        """Append a finished run; see `AppendOnlyFile.append`."""
        self._file.append(json.dumps(run, separators=(",", ":")))

    def write_manifest(self, manifest: dict[str, Any]) -> None:
        """Replace the manifest, atomically."""
        path = self.directory / MANIFEST
        try:
            with atomic_file(path) as file:
                file.write(json.dumps(manifest, indent=2).encode() + b"\n")
        except OSError as error:
            raise DataError(f"cannot write {path}: {error.strerror}") from error


@contextmanager
def open_journal(directory: str | Path) -> Iterator[Journal]:
    """Open (and make) an experiment's directory for writing, with no other writer.

    Raises:
        DataError: Another process is writing it, or it cannot be made.
    """
    folder = Path(directory)
    with sole_writer(folder / _LOCK, folder):
        remove_temporaries(folder)
        yield Journal(folder)


def not_the_plan(directory: Path, detail: str) -> RobustNASError:
    """Return the error for a directory that holds other records than a plan asks for."""
    return DataError(f"{str(directory)!r} holds records of another experiment ({detail}); choose another --out")
