"""A table of a user's own arrays."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np

from robustnas.arrays import FloatArray, read_only
from robustnas.errors import InvalidInputError
from robustnas.metric import Metric
from robustnas.spaces import EnumerableSpace, open_space
from robustnas.tables.network_table import NetworkTable
from robustnas.tables.table import ATTACHED_NAME, columns_digest


class ArrayTable(NetworkTable):
    """A table of a user's own arrays, for tests, simulations and new measurements.

    Args:
        columns: Values by metric name, each of shape (space.size,) by index.
        dataset: The dataset's name.
        source: Where the numbers come from, as records say it.
        attached: Attached columns by name, such as ``hw.edgegpu_latency``, shaped as `columns`, NaN where missing.
        skeleton: The size of the networks, for their costs; that of the dataset's name if None.
        space: The search space; NAS-Bench-201 if None.

    Raises:
        InvalidInputError: A column of another shape, or an attached one whose name has no table.

    >>> table = ArrayTable({"clean": np.linspace(0, 1, 15625)})
    >>> float(table.column(Metric("clean"))[-1])
    1.0
    """

    def __init__(
        self,
        columns: Mapping[str, FloatArray],
        dataset: str = "custom",
        source: str = "array",
        *,
        attached: Mapping[str, FloatArray] | None = None,
        skeleton: Any = None,
        space: EnumerableSpace[Any] | None = None,
    ) -> None:
        self.space = space or open_space()
        self.dataset = dataset
        self.skeleton = skeleton
        self.source = source
        self._values = {Metric.parse(name): self._checked(name, values) for name, values in columns.items()}
        self._own_attached = {name: self._checked_attached(name, values) for name, values in (attached or {}).items()}
        self.metrics = tuple(self._values)

    @cached_property
    def digest(self) -> str:  # type: ignore[override]  # computed when asked for
        """A SHA-256 of the columns, attached ones aside."""
        return columns_digest({str(metric): column for metric, column in self._values.items()})

    def attached_columns(self) -> dict[str, FloatArray]:
        """Return the attached columns by name."""
        return dict(self._own_attached)

    def attached_digests(self) -> dict[str, str]:
        """Return a SHA-256 of the columns of each attached table, by its name."""
        by_table: dict[str, dict[str, FloatArray]] = {}
        for name, column in self._own_attached.items():
            table, _, rest = name.partition(".")
            by_table.setdefault(table, {})[rest] = column
        return {table: columns_digest(columns) for table, columns in by_table.items()}

    def _read(self, metric: Metric) -> FloatArray:
        return self._values[metric]

    def _checked_attached(self, name: str, values: FloatArray) -> FloatArray:
        if not ATTACHED_NAME.fullmatch(name):
            raise InvalidInputError(f"attached column {name!r}: expected <table>.<column>, as in hw.edgegpu_latency")
        return self._checked(name, values)

    def _checked(self, name: str, values: FloatArray) -> FloatArray:
        column = np.array(values, dtype=np.float64)
        if column.shape != (self.space.size,):
            expected = f"expected ({self.space.size},), by index"
            raise InvalidInputError(f"column {name!r} has shape {column.shape}; {expected}")
        return read_only(column)
