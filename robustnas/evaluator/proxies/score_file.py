"""The file of a sweep: a CSV with one row per cell, appended whole or not at all, and its settings beside it.

::

    scores.csv                 arch,synflow,...   one row per finished cell, empty where a measure has no number
    scores.csv.settings.json   what the numbers depend on

One process writes it, under a lock. A line that a killed process or a full disk left torn is cut off before the next.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from robustnas.atomic import atomic_file
from robustnas.errors import DataError, InvalidInputError, NotationError
from robustnas.spaces.nasbench201.cell import Cell

KEY = "arch"
"""The column of architectures."""


class ScoreFile:
    """Writes a sweep's file; use `open_scores`.

    Attributes:
        path: The CSV.
        names: Its columns of numbers.
        done: Cells that it has.
    """

    def __init__(self, path: Path, names: Sequence[str]) -> None:
        self.path, self.names = path, tuple(names)
        self._header = ",".join((KEY, *self.names))
        self._cut_torn_line()
        self.done = frozenset(cell for cell, _ in self.rows())

    def rows(self) -> Iterator[tuple[Cell, dict[str, float]]]:
        """Yield the finished cells and their scores, NaN where a measure has none.

        Raises:
            DataError: Another header, or a line that is no row; names it.
        """
        lines = self.path.read_text(encoding="utf-8", errors="replace").splitlines() if self.path.exists() else []
        if lines and lines[0] != self._header:
            raise DataError(f"{self.path}, line 1: expected {self._header}; choose another --out")
        for number, line in enumerate(lines[1:], start=2):
            try:
                yield self._parsed(line)
            except (ValueError, NotationError) as error:
                raise DataError(f"{self.path}, line {number}: {error}; delete that line to compute it again") from None

    def append(self, cell: Cell, scores: Mapping[str, float]) -> None:
        """Append a finished cell.

        Raises:
            DataError: The disk is full, or the file cannot be written; everything before is kept.
        """
        line = ",".join((cell.arch, *(_text(scores[name]) for name in self.names)))
        length = self.path.stat().st_size if self.path.exists() else 0
        content = f"{line}\n" if length else f"{self._header}\n{line}\n"
        try:
            with self.path.open("ab", buffering=0) as file:
                if file.write(content.encode()) < len(content.encode()):
                    raise OSError(28, os.strerror(28))
        except OSError as error:
            if self.path.exists():
                os.truncate(self.path, length)
            advice = "finished cells are kept, run the same command to go on"
            raise DataError(f"cannot write {self.path}: {error.strerror}; {advice}") from error

    def _parsed(self, line: str) -> tuple[Cell, dict[str, float]]:
        arch, *values = line.split(",")
        if len(values) != len(self.names):
            raise ValueError(f"{len(values) + 1} fields, expected {len(self.names) + 1}")
        numbers = [float(value) if value else math.nan for value in values]
        return Cell.parse(arch), dict(zip(self.names, numbers, strict=True))

    def _cut_torn_line(self) -> None:
        if not self.path.exists():
            return
        with self.path.open("rb+") as file:
            content = file.read()
            end = content.rfind(b"\n") + 1
            if end < len(content):
                file.truncate(end)


@contextmanager
def open_scores(path: Path, names: Sequence[str], settings: Mapping[str, Any]) -> Iterator[ScoreFile]:
    """Open (or begin) a sweep's file for writing, alone.

    Args:
        path: The CSV; its name has to end in .csv.
        names: Columns of numbers.
        settings: What the numbers depend on: plain data.

    Raises:
        InvalidInputError: A name that does not end in .csv.
        DataError: It is of other settings, or none of a sweep; another process writes it; or it cannot be written.
    """
    from filelock import FileLock, Timeout

    if path.suffix.lower() != ".csv":
        raise InvalidInputError(f"{path}: expected a name that ends in .csv")
    lock = FileLock(path.with_name(f".{path.name}.lock"))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout:
        raise DataError(f"another process is writing {path}; wait for it, or choose another --out") from None
    except OSError as error:
        raise DataError(f"cannot write {path}: {error.strerror or error}") from error
    try:
        _check_settings(path, json.loads(json.dumps(settings)))
        yield ScoreFile(path, names)
    finally:
        lock.release()


def settings_path(path: Path) -> Path:
    """Return where the settings of a file lie."""
    return path.with_name(f"{path.name}.settings.json")


def _check_settings(path: Path, settings: dict[str, Any]) -> None:
    """Compare the settings with those kept, or keep them with a new file."""
    beside = settings_path(path)
    if not path.exists():
        try:
            with atomic_file(beside) as file:
                file.write(json.dumps(settings, indent=1).encode() + b"\n")
        except OSError as error:
            raise DataError(f"cannot write {beside}: {error.strerror or error}") from error
        return
    try:
        kept = json.loads(beside.read_bytes())
    except FileNotFoundError:
        raise DataError(
            f"{path} exists, but not {beside.name}, which says of what it is; choose another --out"
        ) from None
    except (OSError, ValueError) as error:
        raise DataError(f"{beside}: cannot be read: {error}; choose another --out") from error
    if kept != settings:
        found = kept if isinstance(kept, dict) else {}
        name = next(name for name in {**settings, **found} if found.get(name) != settings.get(name))
        raise DataError(
            f"{path} is of other settings ({name} {found.get(name)!r} instead of {settings.get(name)!r}); "
            "choose another --out"
        )


def _text(score: float) -> str:
    return repr(float(score)) if math.isfinite(score) else ""
