"""Files beside the records: what follows from records and tables alone, and can be made anew at any time.

Each is a JSON object with its ``format`` and, in ``runs``, what is kept of every run: the queries that matter and the
networks that they were about, so that a run that was run again since is told apart.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from experiments.comparison.records import Records
from experiments.comparison.schema import RUN_KEY, RunKey
from robustnas.arrays import IntArray
from robustnas.atomic import atomic_file
from robustnas.errors import DataError, excerpt

Content = TypeVar("Content")

_FORMAT = 1
_FAULTS = (ValueError, TypeError, KeyError, AttributeError, IndexError, OverflowError)  # of content that is not ours
_ADVICE = "delete it, and it will be written anew"


def write_beside(path: Path, content: Mapping[str, Any]) -> None:
    """Write such a file, atomically.

    Raises:
        DataError: It cannot be written.
    """
    try:
        with atomic_file(path) as file:
            file.write(json.dumps({"format": _FORMAT, **content}, separators=(",", ":")).encode() + b"\n")
    except OSError as error:
        raise DataError(f"cannot write {path}: {error.strerror or error}") from error


def read_beside(
    path: Path, read: Callable[[dict[str, Any]], Content], absent: Content, advice: str = _ADVICE
) -> Content:
    """Read such a file.

    Args:
        path: The file.
        read: Makes something of its content; whatever it raises on content that is not ours means damage.
        absent: What to return if there is no such file.
        advice: What to do about a damaged one.

    Raises:
        DataError: The file is damaged.
    """
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        return absent
    except (OSError, ValueError, RecursionError) as error:
        raise _damaged(path, error, advice) from None
    try:
        if content["format"] != _FORMAT:
            raise ValueError(f"format {excerpt(content['format'])}, expected {_FORMAT}")
        return read(content)
    except _FAULTS as error:
        raise _damaged(path, f"{type(error).__name__}: {error}", advice) from None


def queried(records: Records, column: str = "index") -> dict[RunKey, Any]:
    """Return a column of the queries of every run, in order; runs in plan order.

    Args:
        records: What was run.
        column: The column: by default, the indices of the networks in the space.
    """
    groups = records.queries.groupby(list(RUN_KEY), observed=True)[column]
    return {(str(o), str(s), int(str(seed))): part.to_numpy() for (o, s, seed), part in groups}


def named(key: RunKey) -> dict[str, Any]:
    """Return the key of a run as the file holds it; see `key_of`."""
    return dict(zip(RUN_KEY, key, strict=True))


def key_of(run: Mapping[str, Any]) -> RunKey:
    """Return the key of what the file holds of a run."""
    return str(run["objective"]), str(run["searcher"]), int(run["seed"])


def is_of(at: IntArray, indices: IntArray, asked: IntArray | None) -> bool:
    """Return whether a run in the records is the one that was kept.

    Args:
        at: The queries that were kept, from 1, shape (n,).
        indices: The networks that they were about, shape (n,).
        asked: The networks that the run in the records queried; None if there is none.
    """
    if asked is None or (len(at) and not (at.min() >= 1 and at.max() <= len(asked))):
        return False
    return bool((asked[at - 1] == np.asarray(indices)).all())


def _damaged(path: Path, reason: object, advice: str) -> DataError:
    return DataError(f"{path} is damaged ({str(reason)[:120]}); {advice}")
