"""An encoding: the architectures of a space as numeric feature rows with named columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from robustnas.arrays import FloatArray, read_only
from robustnas.errors import InvalidInputError, excerpt


@dataclass(frozen=True, eq=False)
class Encoding:
    """Features of every architecture; ``encoding.values[space.indices(architectures)]`` selects rows.

    Args:
        name: Name of the encoding, such as ``path+cost``.
        values: The features by index, shape (size, d), read-only; NaN where an attached table has no value.
        names: Unique names of the d columns, each prefixed by its encoding: ``path:conv_1x1>avg_pool_3x3``.
        groups: The column counts of its parts, in order; their sum is d.

    Raises:
        InvalidInputError: Shapes are inconsistent, or two columns have the same name.

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
        self.check_rows(len(self.values))
        twice = [column for column, n in Counter(self.names).items() if n > 1]
        if twice:
            raise InvalidInputError(
                f"encoding {excerpt(self.name)} has two columns named {excerpt(twice[0])}; name each part once"
            )
        read_only(self.values)

    def check_rows(self, n_rows: int) -> None:
        """Check that the encoding has one row for each of `n_rows` architectures.

        Raises:
            InvalidInputError: It has not; the message says which shape was expected.
        """
        shape = (n_rows, len(self.names))
        if self.values.shape != shape or sum(self.groups) != len(self.names):
            raise InvalidInputError(
                f"encoding {excerpt(self.name)} has values of shape {self.values.shape}, {len(self.names)} names and "
                f"groups {excerpt(self.groups)}; expected shape {shape} and groups that add up to the names"
            )


def join(parts: Sequence[Encoding]) -> Encoding:
    """Concatenate the parts column-wise; each keeps its groups."""
    if len(parts) == 1:
        return parts[0]
    for part in parts:
        part.check_rows(len(parts[0].values))
    return Encoding(
        name="+".join(part.name for part in parts),
        values=np.concatenate([part.values for part in parts], axis=1),
        names=tuple(name for part in parts for name in part.names),
        groups=tuple(size for part in parts for size in part.groups),
    )
