"""What an oracle reads: one dataset's metrics over the whole space.

`Table` is a protocol, so that the published database, a surrogate benchmark or a user's own arrays serve alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np

from robustnas.arrays import FloatArray, read_only
from robustnas.errors import InvalidInputError, ObjectiveError, unknown_name
from robustnas.metric import Metric
from robustnas.numbering import N_CELLS


class Table(Protocol):
    """One dataset's metrics, each a column over the 15,625 cells by space index."""

    def __hash__(self) -> int:
        """Tables are compared and hashed by identity: their content does not change."""

    @property
    def dataset(self) -> str:
        """The dataset's name, such as ``cifar10``."""

    @property
    def digest(self) -> str:
        """A SHA-256 of the content, for provenance."""

    @property
    def source(self) -> str:
        """Where its numbers come from, as records say it: ``table`` for measurements that were published."""

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The metrics it holds."""

    def column(self, metric: Metric) -> FloatArray:
        """Return the values of one metric by space index, shape (15625,), accuracies in [0, 1], NaN where missing.

        Raises:
            ObjectiveError: The table does not hold the metric.
        """


class ArrayTable:
    """A table of a user's own arrays, for tests, simulations and new measurements.

    Args:
        columns: Values by metric name, each of shape (15625,) by space index.
        dataset: The dataset's name.
        source: Where the numbers come from, as records say it.

    Raises:
        InvalidInputError: A column of another shape.

    >>> table = ArrayTable({"clean": np.linspace(0, 1, 15625)})
    >>> float(table.column(Metric("clean"))[-1])
    1.0
    """

    def __init__(self, columns: Mapping[str, FloatArray], dataset: str = "custom", source: str = "array") -> None:
        self.dataset = dataset
        self.source = source
        self._columns = {Metric.parse(name): _checked(name, values) for name, values in columns.items()}

    @property
    def digest(self) -> str:
        """A SHA-256 of the columns."""
        from hashlib import sha256

        content = sha256()
        for metric in sorted(self._columns, key=str):
            content.update(str(metric).encode() + self._columns[metric].tobytes())
        return content.hexdigest()

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The metrics it holds."""
        return tuple(self._columns)

    def column(self, metric: Metric) -> FloatArray:
        """Return the values of one metric by space index, shape (15625,)."""
        try:
            return self._columns[metric]
        except KeyError:
            raise ObjectiveError(missing_metric(metric, self)) from None


def missing_metric(metric: Metric, table: Table) -> str:
    """Return a sentence that says which metric a table lacks and what it has near it."""
    same = [str(known) for known in table.metrics if known.source == metric.source]
    if same:
        return f"{table.dataset} holds no {metric}; it has {', '.join(same)}"
    return f"{table.dataset}: {unknown_name('metric', str(metric), [str(known) for known in table.metrics])}"


def _checked(name: str, values: FloatArray) -> FloatArray:
    column = np.array(values, dtype=np.float64)
    if column.shape != (N_CELLS,):
        raise InvalidInputError(f"column {name!r} has shape {column.shape}; expected ({N_CELLS},), by space index")
    return read_only(column)
