"""Nested numbers: the leaves of objects in objects as columns.

A leaf becomes a column named for its path: ``synflow_time``. The last part is omitted where it is ``score`` or has no
siblings in the file: ``synflow``, ``pgd``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

Path_: TypeAlias = tuple[str, ...]


def flat(rows: Sequence[object]) -> dict[str, list[object]]:
    """Return the leaves of nested rows as columns, None where a row has none."""
    leaves = [dict(_leaves(row)) for row in rows]
    paths = tuple(dict.fromkeys(path for row in leaves for path in row))
    return {name: [row.get(path) for row in leaves] for path, name in _names(paths).items()}


def _leaves(value: object, path: Path_ = ()) -> Iterator[tuple[Path_, object]]:
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from _leaves(item, (*path, str(name).strip()))
    else:
        yield path, value


def _names(paths: Sequence[Path_]) -> dict[Path_, str]:
    """Return the name of each path's column, in full where a shorter one would be that of two."""
    below = Counter(path[:length] for path in paths for length in range(len(path) + 1))
    names = {path: _name(path, alone=below[path[:-1]] == 1) for path in paths}
    for joint in ("_", "."):
        counts = Counter(names.values())
        names = {path: name if counts[name] == 1 else joint.join(path) for path, name in names.items()}
    return names


def _name(path: Path_, *, alone: bool) -> str:
    if not path:
        return "value"
    return "_".join(path[:-1] if len(path) > 1 and (path[-1] == "score" or alone) else path)
