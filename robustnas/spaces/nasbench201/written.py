"""Cells as programs write their operations by name: lists, dictionaries by edge, genotypes, and the text of these.

::

    ["avg_pool_3x3", "none", ...]                                        six names in the order of the arch string
    {"0->1": "avg_pool_3x3", "1<-0": ..., (1, 2): ...}                   by edge, nodes from 0 or from 1
    [(("avg_pool_3x3", 0),), (("none", 0), ("none", 1)), ...]            by node, each name with its source
    Structure(4 nodes with |avg_pool_3x3~0|+|none~0|none~1|+|...|)       as NAS-Bench-201's own code prints a cell
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from robustnas.spaces.choice_names import order_of_choices
from robustnas.spaces.nasbench201.operations import EDGES, OPERATION_LABELS

_ARCH = re.compile(r"\|[^+]+\|\+\|[^+]+\|\+\|[^+]+\|")
_BARE = re.compile(rf"[(\[]?\s*((?:{'|'.join(OPERATION_LABELS)})(?:[\s,;]+(?:{'|'.join(OPERATION_LABELS)}))+)\s*[)\]]?")
_EDGE_NAMES = [f"{source}->{target}" for source, target in EDGES]
_LONGEST = 1000


def written_names(value: object) -> tuple[str, ...] | None:
    """Return the six operation names of a cell in the order of `EDGES`, right or wrong ones; None if it is none.

    >>> written_names("['none', 'none', 'none', 'none', 'none', 'skip_connect']")[-1]
    'skip_connect'
    >>> written_names({(0, 1): "none", (0, 2): "none", (1, 2): "avg_pool_3x3"}) is None
    True
    """
    if isinstance(value, str):
        return _of_text(value.strip())
    if isinstance(value, Mapping):
        return _by_edge(value)
    if not isinstance(value, Iterable):
        return None
    parts = [part.tolist() if hasattr(part, "tolist") else part for part in value]
    if len(parts) == len(EDGES) and all(isinstance(part, str) for part in parts):
        return tuple(map(str, parts))
    return _by_node(parts)


def _of_text(text: str) -> tuple[str, ...] | None:
    if text.startswith("Structure") and (match := _ARCH.search(text)):
        return tuple(token.partition("~")[0] for token in match[0].replace("+", "").split("|") if token)
    if match := _BARE.fullmatch(text):
        names = tuple(re.split(r"[\s,;]+", match[1]))
        return names if len(names) == len(EDGES) else None
    if text[:1] not in ("[", "(", "{") or len(text) > _LONGEST:
        return None
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    return None if isinstance(value, str) else written_names(value)


def _by_edge(value: Mapping[Any, Any]) -> tuple[str, ...] | None:
    order, names = order_of_choices(list(value), _EDGE_NAMES), list(value.values())
    if order is None or not all(isinstance(name, str) for name in names):
        return None
    return tuple(names[place] for place in order)


def _by_node(groups: Sequence[Any]) -> tuple[str, ...] | None:
    """Return the names of a genotype: for each node, pairs of name and source."""
    found = {}
    try:
        for target, group in enumerate(groups, 1):
            for name, source in group:
                if not isinstance(name, str) or (int(source), target) in found:
                    return None
                found[int(source), target] = name
    except (TypeError, ValueError):
        return None
    return tuple(found[edge] for edge in EDGES) if set(found) == set(EDGES) else None
