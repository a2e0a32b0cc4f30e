"""The journal of an experiment: every finished run is one line of ``runs.jsonl``, and only one process writes it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, TypeAlias, TypeVar

from experiments.output_folder import checked_output
from experiments.schema import read_json
from robustnas.append_only import AppendOnlyFile, sole_writer
from robustnas.atomic import atomic_file, remove_temporaries
from robustnas.errors import DataError, excerpt

MANIFEST = "manifest.json"
RUNS = "runs.jsonl"
SOURCES = "sources"
"""The field of a record that holds the digests of the user's own sources, by reference."""

KINDS = {
    "comparison": "a comparison of searchers, made by `robustnas compare`",
    "surrogates": "a benchmark of surrogates, made by `robustnas surrogates`",
}
"""What directories of records hold, by the kind that their manifest names."""

CheckedRun: TypeAlias = Callable[[Any, str], dict[str, Any]]

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

    def __init__(self, directory: Path, check: CheckedRun) -> None:
        self.directory, self._check = directory, check
        self._file = AppendOnlyFile(directory / RUNS, "runs")

    def runs(self) -> Iterator[dict[str, Any]]:
        """Yield the finished runs.

        Raises:
            DataError: A whole line that is damaged; names the line and the field.
        """
        for number, line in self._file.lines():
            where = f"{self._file.path}, line {number}"
            try:
                yield self._check(read_json(line, where), where)
            except DataError as error:
                raise DataError(f"{error}; delete that line to run it again") from None

    def missing(
        self,
        specs: Iterable[Spec],
        columns: Sequence[str],
        facts: Callable[[Spec], Mapping[str, Any]],
        note: Callable[[str], object] = lambda _: None,
        advice: Mapping[str, str] | None = None,
        found: Callable[[dict[str, Any]], object] = lambda _: None,
    ) -> list[Spec]:
        """Return the specs that have no run yet, in order.

        Runs are read one by one and not kept: a million of them would fill the memory.

        A run of a method of the user's own counts only while the method's source is as it was (`sources`): one that was
        edited is run again.

        Args:
            specs: What an experiment asks for.
            columns: The fields of a run that make up the key of its spec, in order.
            facts: Further fields that the run of a spec has to agree with, and ``sources``, the digests of sources.
            note: Called with a sentence for the user where runs do not count.
            advice: What the user can do where a fact differs, by its name.
            found: Called with the run of each of the other specs.

        Raises:
            DataError: A run that is damaged, that no spec asks for, or that differs from its spec.
        """
        asked = {spec.key: spec for spec in specs}
        done: set[tuple[Any, ...]] = set()
        edited: Counter[str] = Counter()
        for run in self.runs():
            key = tuple(run.get(name) for name in columns)
            if key not in asked:
                raise self._foreign(", ".join(f"{name.replace('_', ' ')} {excerpt(run.get(name))}" for name in columns))
            expected = facts(asked[key])
            for name, value in expected.items():
                if name != SOURCES and run.get(name) != value and _json(run.get(name)) != _json(value):
                    detail = f"{name} {excerpt(run.get(name))} instead of {excerpt(value)}"
                    raise self._foreign(detail, (advice or {}).get(name, ""))
            if changed := edited_sources(run, expected.get(SOURCES, {})):
                edited.update(changed)
            elif key not in done:
                done.add(key)
                found(run)
        for name, n_runs in edited.items():
            note(f"{name} was edited after {n_runs} of the runs here; they are run again")
        return [spec for key, spec in asked.items() if key not in done]

    def append(self, run: dict[str, Any]) -> None:
        """Append a finished run; see `AppendOnlyFile.append`."""
        self._file.append(json.dumps(run, separators=(",", ":")))

    @property
    def has_manifest(self) -> bool:
        """Whether an experiment was begun here."""
        return (self.directory / MANIFEST).exists()

    def write_manifest(self, manifest: dict[str, Any]) -> None:
        """Replace the manifest, atomically."""
        path = self.directory / MANIFEST
        try:
            with atomic_file(path) as file:
                file.write(json.dumps(manifest, indent=2).encode() + b"\n")
        except OSError as error:
            raise DataError(f"cannot write {path}: {error.strerror}") from error

    def _foreign(self, detail: str, advice: str = "") -> DataError:
        folder, other = str(self.directory), f", or {advice}" if advice else ""
        return DataError(f"{folder!r} holds records of another experiment ({detail}); choose another --out{other}")


def _json(value: object) -> str:
    """Return a value as a record holds it: a tuple is a list, and NaN equals NaN."""
    return json.dumps(value, sort_keys=True)


@contextmanager
def open_journal(directory: str | Path, check: CheckedRun) -> Iterator[Journal]:
    """Open (and make) an experiment's directory for writing, with no other writer.

    Args:
        directory: The directory.
        check: Returns a run that was read and its place, or raises a DataError.

    Raises:
        InvalidInputError: It is a Python package.
        DataError: Another process is writing it, or it cannot be made.
    """
    folder = checked_output(Path(directory))
    with sole_writer(folder / _LOCK, folder):
        remove_temporaries(folder)
        yield Journal(folder, check)


def edited_sources(run: Mapping[str, Any], sources: Mapping[str, str]) -> list[str]:
    """Return the references that a run was made with whose sources have other digests now."""
    return [name for name, digest in (run.get(SOURCES) or {}).items() if sources.get(name) != digest]


def read_manifest(folder: Path, kind: str | None = None) -> dict[str, Any]:
    """Read the manifest of a directory of records.

    Args:
        folder: The directory.
        kind: What it is expected to hold, a key of `KINDS`; any kind if None.

    Raises:
        DataError: There is none, it cannot be read, or it is that of another kind.
    """
    path = folder / MANIFEST
    manifest = read_json(_content(path), str(path))
    if not isinstance(manifest, dict):
        raise DataError(f"{path} holds a {type(manifest).__name__}; expected a JSON object")
    found = kind_of(manifest)
    if not isinstance(found, str) or found not in KINDS:
        raise DataError(f"{path}: kind is {excerpt(found)}; expected {' or '.join(KINDS)}")
    if kind is not None and found != kind:
        raise DataError(
            f"{str(folder)!r} holds {KINDS[found]}, not {KINDS[kind]}: choose another directory, "
            f"or read it with `robustnas report {folder}`"
        )
    return manifest


def kind_of(manifest: Mapping[str, Any]) -> Any:
    """Return the kind of an experiment; comparisons did not always say theirs."""
    return manifest.get("kind", "comparison")


def read_runs(folder: Path) -> Iterator[tuple[str, Any]]:
    """Yield the runs of a directory of records, each with its place for error messages.

    A last line that a killed writer left unfinished is ignored.

    Raises:
        DataError: There are none, or they cannot be read; the message names the line.
    """
    for number, (line, is_last) in enumerate(_lines(folder / RUNS), start=1):
        if line.strip():
            where = f"{folder / RUNS}, line {number}"
            try:
                run = read_json(line, where)
            except DataError:
                if is_last:
                    return
                raise
            yield where, run


def _lines(path: Path) -> Iterator[tuple[bytes, bool]]:
    """Yield the lines of a file, and whether each is a last one without a line break."""
    with _reported(path), path.open("rb") as file:
        for line in file:
            yield line, not line.endswith(b"\n")


def _content(path: Path) -> bytes:
    with _reported(path):
        return path.read_bytes()


@contextmanager
def _reported(path: Path) -> Iterator[None]:
    """Say of a file that cannot be read why."""
    try:
        yield
    except FileNotFoundError:
        message = f"no {path.name} in {path.parent}; expected a directory of records, with {MANIFEST} and {RUNS}"
        if (path.parent / "analysis.html").exists():
            message = f"{str(path.parent)!r} is an analysis, made by `robustnas analyse`: its page is analysis.html"
        raise DataError(message) from None
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error
