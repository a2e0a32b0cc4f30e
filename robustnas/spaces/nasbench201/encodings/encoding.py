"""An encoding: the cells of the whole space as rows of numbers, with the names of the columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from robustnas.arrays import FloatArray, read_only
from robustnas.errors import InvalidInputError
from robustnas.spaces.nasbench201.numbering import N_CELLS


@dataclass(frozen=True, eq=False)
class Encoding:
    """Features of every cell. Rows of cells are ``encoding.values[space.indices(cells)]``.

    Args:
        name: Its name, such as ``path+cost``.
        values: The features by space index, shape (15625, d), read-only; NaN where an attached table lacks a cell.
        names: The names of the d columns, all different, each led by its encoding: ``path:conv_1x1>avg_pool_3x3``.
        groups: The column counts of its parts, in order; their sum is d.

    Raises:
        InvalidInputError: Shapes that do not fit together, or two columns of one name.

    >>> both = join([Encoding("a", np.zeros((15625, 2)), ("a:0", "a:1"), (2,)),
    ...              Encoding("b", np.ones((15625, 1)), ("b:0",), (1,))])
    >>> both.name, both.groups, both.values.shape
    ('a+b', (2, 1), (15625, 3))
    """

    name: str
    values: FloatArray
    names: tuple[str, ...]
    groups: tuple[int, ...]

    def __post_init__(self) -> None:
        shape = (N_CELLS, len(self.names))
        if self.values.shape != shape or sum(self.groups) != len(self.names):
            raise InvalidInputError(
                f"encoding {self.name!r} has values of shape {self.values.shape}, {len(self.names)} names and groups "
                f"{self.groups}; expected shape {shape} and groups that add up to the names"
            )
        twice = [column for column, n in Counter(self.names).items() if n > 1]
        if twice:
            raise InvalidInputError(f"encoding {self.name!r} has two columns named {twice[0]!r}; name each part once")
        read_only(self.values)


def join(parts: Sequence[Encoding]) -> Encoding:
    """Return the parts side by side; each keeps its groups."""
    if len(parts) == 1:
        return parts[0]
    return Encoding(
        name="+".join(part.name for part in parts),
        values=np.concatenate([part.values for part in parts], axis=1),
        names=tuple(name for part in parts for name in part.names),
        groups=tuple(size for part in parts for size in part.groups),
    )
