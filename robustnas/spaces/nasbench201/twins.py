"""Functional twins: cells that compute the same function once zeros and skips are fully resolved.

A node's value is a multiset of atoms, the summands that reach it: the input, a convolution, a pooled value. A skip
passes on its source's atoms, a none passes nothing, pooling of nothing is nothing. A convolution of nothing is a
learned constant (its batch norm has a bias), not zero. Every convolution has its own weights, so an atom remembers
*which* convolution it is: a result used twice is one convolution, and two convolutions of the same input are two.
Two cells are twins if their output values are equal up to a renaming of convolutions.

The database trained some twins separately; their spread estimates the training noise.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from functools import cache
from itertools import permutations
from typing import TypeAlias

import numpy as np

from robustnas.arrays import IntArray, read_only
from robustnas.spaces.nasbench201.cell import Cell
from robustnas.spaces.nasbench201.identity import network_indices
from robustnas.spaces.nasbench201.numbering import N_CELLS
from robustnas.spaces.nasbench201.operations import EDGES, Operation

Value: TypeAlias = "tuple[Atom, ...]"
Atom: TypeAlias = "tuple[str, int, Value]"  # kind, edge of the convolution (or -1), value it is applied to

_INPUT: Atom = ("x", -1, ())
_KIND = {Operation.CONV_1X1: "c", Operation.CONV_3X3: "C"}


def functional_form(cell: Cell) -> str:
    """Return a string that is equal for two cells if and only if they compute the same function for equal weights.

    >>> skip_then_conv, conv = Cell((1, 0, 3, 0, 0, 1)), Cell((0, 0, 0, 3, 0, 0))
    >>> functional_form(skip_then_conv) == functional_form(conv)
    True
    """
    output = _output_value(cell)
    shared = _shared_convolutions(output)
    return min(_write(output, dict(zip(shared, names, strict=True))) for names in permutations(range(len(shared))))


@cache
def twin_labels() -> IntArray:
    """Return the functional class of every cell by space index, shape (15625,), numbered in order of appearance."""
    label: dict[str, int] = {}
    forms = (functional_form(Cell.from_index(i)) for i in range(N_CELLS))
    return read_only(np.array([label.setdefault(form, len(label)) for form in forms], dtype=np.int64))


@cache
def network_twin_labels() -> IntArray:
    """Return the functional class of each of the 6,466 networks (5,136 classes), in ascending order of uid."""
    return read_only(twin_labels()[network_indices()])


@cache
def twin_groups() -> tuple[tuple[int, ...], ...]:
    """Return the 641 groups of networks (rows in ascending order of uid) that compute the same function."""
    rows = defaultdict(list)
    for row, label in enumerate(network_twin_labels()):
        rows[int(label)].append(row)
    return tuple(tuple(group) for group in rows.values() if len(group) > 1)


def _output_value(cell: Cell) -> Value:
    values: list[list[Atom]] = [[_INPUT], [], [], []]
    for edge, ((source, target), op) in enumerate(zip(EDGES, cell.ops, strict=True)):
        values[target].extend(_apply(Operation(op), edge, tuple(values[source])))
    return tuple(values[3])


def _apply(op: Operation, edge: int, value: Value) -> Value:
    if op is Operation.NONE:
        return ()
    if op is Operation.SKIP_CONNECT:
        return value
    if op is Operation.AVG_POOL_3X3:
        return (("p", -1, value),) if value else ()
    return ((_KIND[op], edge, value),)


def _shared_convolutions(output: Value) -> list[int]:
    """Return the edges of convolutions whose results are used more than once."""
    uses: Counter[int] = Counter()

    def visit(value: Value) -> None:
        for _, edge, argument in value:
            uses[edge] += 1
            if edge < 0 or uses[edge] == 1:
                visit(argument)

    visit(output)
    return [edge for edge, n in uses.items() if edge >= 0 and n > 1]


def _write(value: Value, name: Mapping[int, int]) -> str:
    atoms = sorted(f"{kind}{name.get(edge, '')}{_write(argument, name)}" for kind, edge, argument in value)
    return f"[{','.join(atoms)}]"
