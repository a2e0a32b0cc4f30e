"""Six digits, one operation index per edge: two conventions write a cell so, and nothing in the digits says which.

NASLib, and with it NAS-Bench-Suite-Zero, sorts edges by their source node and numbers the operations skip, none, 3x3,
1x1, pool. NAS-Bench-201's own code sorts edges by their target node, as its arch strings do, and numbers them none,
skip, 1x1, 3x3, pool. Almost every six digits are one cell to the first and another to the second.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from robustnas.spaces.choice_names import order_of_choices
from robustnas.spaces.nasbench201.numbering import N_EDGES, N_OPERATIONS
from robustnas.spaces.nasbench201.operations import EDGES

NASLIB = "naslib"
NASBENCH201_ORDER = "nasbench201"
CONVENTIONS: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
    NASLIB: ((1, 0, 3, 2, 4), (0, 1, 3, 2, 4, 5)),
    NASBENCH201_ORDER: ((0, 1, 2, 3, 4), (0, 1, 2, 3, 4, 5)),
}
"""By name, the code of `Operation` of each digit, and the edge of `EDGES` of each place. Both are involutions."""

_EDGE_NAMES = [f"{source}->{target}" for source, target in EDGES]
_DIGITS = {str(op) for op in range(N_OPERATIONS)}
_LISTED = re.compile(r"[(\[]\s*(-?\w+(?:(?:\s*,\s*|\s+)-?\w+)*)\s*,?\s*[)\]]")
_COMPACT = re.compile(rf"[0-{N_OPERATIONS - 1}]{{{N_EDGES}}}")


def tokens_of(value: object) -> list[str] | None:
    """Return the operation indices that a value lists, right or wrong ones; None if it lists none.

    Those are tuples, lists and arrays, and text such as ``(4, 0, 3, 1, 4, 3)`` or, as numpy writes it,
    ``[4 0 3 1 4 3]``.
    """
    if isinstance(value, str):
        match = _LISTED.fullmatch(value.strip())
        return re.split(r"\s*,\s*|\s+", match[1]) if match else None
    try:
        return [str(int(token)) if token == int(token) else str(token) for token in value]  # type: ignore[attr-defined]
    except (TypeError, ValueError, OverflowError):
        return None


def six_digits(value: object) -> tuple[int, ...] | None:
    """Return the six digits of a value that is six digits and nothing else, ``403143`` in one piece included.

    A database id is none: it is below 15,625 and has no leading zeros.

    >>> six_digits("(4, 0, 3, 1, 4, 3)"), six_digits("031430"), six_digits("13433")
    ((4, 0, 3, 1, 4, 3), (0, 3, 1, 4, 3, 0), None)
    """
    compact = isinstance(value, str) and _COMPACT.fullmatch(value.strip())
    tokens = list(compact[0]) if compact else tokens_of(value)
    if tokens is None or len(tokens) != N_EDGES or not _DIGITS.issuperset(tokens):
        return None
    return tuple(map(int, tokens))


def operations_of(digits: tuple[int, ...], convention: str) -> tuple[int, ...]:
    """Return the operation codes in the order of `EDGES` that six digits stand for, and the other way round."""
    codes, edges = CONVENTIONS[convention]
    return tuple(codes[digits[edge]] for edge in edges)


def digits_by_edge(value: object) -> tuple[int, ...] | None:
    """Return the six digits of a dictionary by edge, in the order of `EDGES`; None if it is none.

    >>> digits_by_edge({"0->1": 4, "0->2": 3, "0->3": 3, "1->2": 0, "1->3": 3, "2->3": 0})
    (4, 3, 0, 3, 3, 0)
    """
    if not isinstance(value, Mapping):
        return None
    order, digits = order_of_choices(list(value), _EDGE_NAMES), [str(digit) for digit in value.values()]
    if order is None or not _DIGITS.issuperset(digits):
        return None
    return tuple(int(digits[place]) for place in order)


def operations_by_edge(digits: tuple[int, ...], convention: str) -> tuple[int, ...]:
    """Return the operation codes of digits that are in the order of `EDGES` already."""
    codes, _ = CONVENTIONS[convention]
    return tuple(codes[digit] for digit in digits)
