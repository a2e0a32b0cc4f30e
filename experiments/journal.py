"""The journal of an experiment: every finished run is one line of ``runs.jsonl``, and only one process writes it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar

from robustnas.append_only import AppendOnlyFile, sole_writer
from robustnas.atomic import atomic_file, remove_temporaries
from robustnas.errors import DataError

MANIFEST = "manifest.json"
RUNS = "runs.jsonl"
_LOCK = ".lock"


class Keyed(Protocol):
    """What fixes a run."""

    @property
    def key(self) -> tuple[Any, ...]:
        """What tells the run apart in an experiment."""


Spec = TypeVar("Spec", bound=Keyed)


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

    def missing(
        self, specs: Iterable[Spec], columns: Sequence[str], facts: Callable[[Spec], Mapping[str, Any]]
    ) -> list[Spec]:
        """Return the specs that have no run yet, in order.

        Args:
            specs: What an experiment asks for.
            columns: The fields of a run that make up the key of its spec, in order.
            facts: Further fields that the run of a spec has to agree with.

        Raises:
            DataError: A run that no spec asks for, or that differs from its spec.
        """
        wanted = {spec.key: spec for spec in specs}
        for run in self.runs():
            spec = wanted.pop(tuple(run.get(name) for name in columns), None)
            if spec is None:
                raise self._foreign(", ".join(f"{name.replace('_', ' ')} {run.get(name)!r}" for name in columns))
            for name, value in facts(spec).items():
                if run.get(name) != value:
                    raise self._foreign(f"{name} {run.get(name)!r} instead of {value!r}")
        return list(wanted.values())

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

    def _foreign(self, detail: str) -> DataError:
        folder = str(self.directory)
        return DataError(f"{folder!r} holds records of another experiment ({detail}); choose another --out")


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
