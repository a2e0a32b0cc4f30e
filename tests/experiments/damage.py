"""Records with one thing wrong, for tests that read them."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Iterator
from typing import Any

WRONG = (None, True, -1, 10**30, 1.5, math.nan, math.inf, "x", "", "a\x07", "\ud800", [], {}, [[]], [None], {"a": [{}]})


def damaged(text: str) -> Iterator[str]:
    """Yield the text of a JSON value with every part in turn replaced by everything that is `WRONG`, or left out."""
    value = json.loads(text)
    for path in _places(value):
        for new in (*WRONG, _places):
            yield json.dumps(_changed(value, path, new))


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of everything in a value; of lists, the first and the last entry."""
    yield path
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else (0, -1)[: len(value)]:
            yield from _places(value[key], (*path, key))


def _changed(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """Return a value with something else at a path; without it if `new` is `_places`."""
    if not path:
        return {} if new is _places else new
    copied = copy.copy(value)
    if len(path) == 1 and new is _places:
        del copied[path[0]]
    else:
        copied[path[0]] = _changed(value[path[0]], path[1:], new)
    return copied
