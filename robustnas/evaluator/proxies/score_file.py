"""The file of a sweep: a CSV with one row per cell, appended whole or not at all, and its settings beside it.

::

    scores.csv                 arch,synflow,...   one row per finished network, empty where a measure has no number
    scores.csv.settings.json   what the numbers depend on

One process writes it, under a lock.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from robustnas.append_only import AppendOnlyFile, sole_writer
from robustnas.atomic import atomic_file
from robustnas.errors import DataError, InvalidInputError, NotationError, excerpt
from robustnas.spaces import DEFAULT_SPACE, open_space

KEY = "arch"
"""The column of architectures."""


class ScoreFile:
    """Writes a sweep's file; use `open_scores`.

    Attributes:
        path: The CSV.
        names: Its columns of numbers.
        done: Architectures that it has.
    """

    def __init__(self, path: Path, names: Sequence[str], space: str = DEFAULT_SPACE) -> None:
        self.path, self.names, self._space = path, tuple(names), open_space(space)
        self._header = ",".join((KEY, *self.names))
        self._file = AppendOnlyFile(path, "cells")
        self.done = frozenset(cell for cell, _ in self.rows())

    def rows(self) -> Iterator[tuple[Any, dict[str, float]]]:
        """Yield the finished architectures and their scores, NaN where a measure has none.

        Raises:
            DataError: Another header, or a line that is not a row; names it.
        """
        for number, content in self._file.lines():
            line = content.decode(errors="replace")
            if number == 1:
                if line != self._header:
                    raise DataError(f"{self.path}, line 1: expected {self._header}; choose another --out")
                continue
            try:
                yield self._parsed(line)
            except (ValueError, NotationError) as error:
                raise DataError(f"{self.path}, line {number}: {error}; delete that line to compute it again") from None

    def append(self, architecture: Any, scores: Mapping[str, float]) -> None:
        """Append a finished architecture; see `AppendOnlyFile.append`."""
        arch = str(architecture)
        arch = f'"{arch}"' if "," in arch else arch
        line = ",".join((arch, *(_text(scores[name]) for name in self.names)))
        self._file.append(f"{self._header}\n{line}" if self._file.empty else line)

    def _parsed(self, line: str) -> tuple[Any, dict[str, float]]:
        arch, *values = next(csv.reader([line]))
        if len(values) != len(self.names):
            raise ValueError(f"{len(values) + 1} fields, expected {len(self.names) + 1}")
        numbers = [float(value) if value else math.nan for value in values]
        return self._space.parse(arch), dict(zip(self.names, numbers, strict=True))


@contextmanager
def open_scores(
    path: Path, names: Sequence[str], settings: Mapping[str, Any], space: str = DEFAULT_SPACE
) -> Iterator[ScoreFile]:
    """Open (or begin) a sweep's file for writing, alone.

    Args:
        path: The CSV; its name has to end in .csv.
        names: Columns of numbers.
        settings: What the numbers depend on: plain data.
        space: The search space, by name or reference.

    Raises:
        InvalidInputError: A name that does not end in .csv.
        DataError: It has other settings, or is not a sweep's; another process is writing it; or it cannot be written.
    """
    if path.suffix.lower() != ".csv":
        raise InvalidInputError(f"{path}: expected a name that ends in .csv")
    with sole_writer(path.with_name(f".{path.name}.lock"), path):
        _check_settings(path, json.loads(json.dumps(settings)))
        yield ScoreFile(path, names, space)


def settings_path(path: Path) -> Path:
    """Return the path of a file's settings."""
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
            f"{path} exists, but not {beside.name}, which holds its settings; choose another --out"
        ) from None
    except (OSError, ValueError) as error:
        raise DataError(f"{beside}: cannot be read: {error}; choose another --out") from error
    if kept != settings:
        found = kept if isinstance(kept, dict) else {}
        name = next(name for name in {**settings, **found} if found.get(name) != settings.get(name))
        raise DataError(
            f"{path} was computed with other settings ({name} {excerpt(found.get(name))} instead of "
            f"{excerpt(settings.get(name))}); choose another --out"
        )


def _text(score: float) -> str:
    return repr(float(score)) if math.isfinite(score) else ""
