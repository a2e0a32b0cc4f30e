"""Objects of JSON as dictionaries, each key once: Python would keep the last of two values and say nothing."""

from __future__ import annotations

from collections import Counter
from typing import Any

from robustnas.errors import DataError, excerpt


def unique_object(pairs: list[tuple[str, Any]], where: str) -> dict[str, Any]:
    """Return an object's members by key, for ``object_pairs_hook`` of `json.loads`.

    Args:
        pairs: The members.
        where: What messages call the file.

    Raises:
        DataError: Two have the same key; names it.

    >>> unique_object([("pgd", 0.1), ("clean", 0.9)], "t.json")
    {'pgd': 0.1, 'clean': 0.9}
    """
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(name for name, n in Counter(name for name, _ in pairs).items() if n > 1)
        raise DataError(f"{where}: the key {excerpt(twice)} occurs twice in one object; expected each once")
    return found
