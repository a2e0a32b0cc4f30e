"""Rows of JSON: objects keyed by architecture, or a list of row objects.

JSON may be keyed by architecture, with or without a level of datasets above, and may nest numbers;
NAS-Bench-Suite-Zero and NAS-RobBench-201 write it so::

    {"cifar10": {"(4, 0, 3, 1, 4, 3)": {"synflow": {"score": 1.0, "time": 0.1}, "val_accuracy": 90.1}}}
    {"cifar10": {"13433": {"pgd": {"1": 0.3}}}}

A nested number becomes a column named for its path: ``synflow_time``. The last part is omitted where it is ``score`` or
has no siblings in the file: ``synflow``, ``pgd``. A list of row objects is read like a CSV file.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from robustnas.errors import DataError
from robustnas.spaces import EnumerableSpace
from robustnas.tables.sheets.sheet import Sheet

Path_: TypeAlias = tuple[str, ...]

_DOCUMENTED = 'expected {"<dataset>": {"<cell>": {"<column>": number}}} or a list of row objects'


def read_json(
    path: Path,
    content: bytes,
    dataset: str,
    datasets: Iterable[str],
    space: EnumerableSpace[Any],  # noqa: ARG001
) -> Sheet:
    """Read JSON.

    Raises:
        DataError: It is none, or of another form.
    """
    try:
        value = json.loads(content, object_pairs_hook=lambda pairs: _object(pairs, path))
    except ValueError as error:
        raise DataError(f"{path}: is not JSON: {error}") from None
    except RecursionError:
        raise DataError(f"{path}: is nested too deep; {_DOCUMENTED}") from None
    if isinstance(value, list) and value and all(isinstance(row, dict) for row in value):
        return Sheet(str(path), _flat(value), [f"row {row}" for row in range(1, len(value) + 1)])
    if not isinstance(value, dict):
        raise DataError(f"{path}: holds a {type(value).__name__}; {_DOCUMENTED}")
    cells = _of_dataset(value, dataset, datasets, path)
    return Sheet(str(path), _flat(list(cells.values())), [f"entry {key!r}" for key in cells], list(cells))


def _object(pairs: list[tuple[str, Any]], path: Path) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise DataError(f"{path}: the key {twice!r} occurs twice in one object")
    return found


def _of_dataset(value: dict[str, Any], dataset: str, names: Iterable[str], path: Path) -> dict[str, Any]:
    """Return the object keyed by architecture, below the level of datasets if there is one."""
    plain = {_plain(name): name for name in (*names, dataset)}
    datasets = {plain[_plain(key)]: key for key in value if _plain(key) in plain}
    if datasets and dataset not in datasets:
        raise DataError(f"{path}: has no {dataset!r}; it has {', '.join(map(repr, value))}")
    cells = value[datasets[dataset]] if datasets else value
    if not isinstance(cells, dict):
        raise DataError(f"{path}: {dataset!r} holds a {type(cells).__name__}; {_DOCUMENTED}")
    return cells


def _plain(name: str) -> str:
    return name.lower().replace("-", "").replace("_", "")


def _flat(rows: Sequence[object]) -> dict[str, list[object]]:
    """Return the leaves of nested rows as columns, None where a row has none."""
    leaves = [dict(_leaves(row)) for row in rows]
    paths = tuple(dict.fromkeys(path for row in leaves for path in row))
    return {_column_name(path, paths): [row.get(path) for row in leaves] for path in paths}


def _leaves(value: object, path: Path_ = ()) -> Iterator[tuple[Path_, object]]:
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _leaves(item, (*path, str(name)))
    else:
        yield path, value


def _column_name(path: Path_, paths: Sequence[Path_]) -> str:
    if not path:
        return "value"
    parts = path
    alone = sum(other[: len(path) - 1] == path[:-1] for other in paths) == 1
    if len(path) > 1 and (path[-1] == "score" or alone):
        parts = path[:-1]
    return "_".join(parts)
