"""What an oracle reads: one dataset's metrics over the whole space.

`Table` is a protocol, so that the published database, a surrogate benchmark or a user's own arrays serve alike.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Protocol

import numpy as np

from robustnas.arrays import FloatArray, read_only
from robustnas.errors import InvalidInputError, ObjectiveError, unknown_name
from robustnas.metric import Metric
from robustnas.spaces.nasbench201.cost import CIFAR10, SKELETONS, Skeleton
from robustnas.spaces.nasbench201.numbering import N_CELLS

ATTACHED_NAME = re.compile(r"[A-Za-z_]\w*\.\w+", re.ASCII)
"""What the full name of an attached column looks like: table, dot, column."""


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
    def complete(self) -> bool:
        """Whether it holds all that it will; False if it measures what it is asked for."""

    @property
    def notes(self) -> Sequence[str]:
        """What a reader of its numbers should know."""

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The metrics it holds."""

    def column(self, metric: Metric) -> FloatArray:
        """Return the values of one metric by space index, shape (15625,), accuracies in [0, 1], NaN where missing.

        Raises:
            ObjectiveError: The table does not hold the metric.
        """

    def attached_columns(self) -> dict[str, FloatArray]:
        """Return the attached columns by name (``hw.edgegpu_latency``), each as `column`, in the file's own units."""

    def attached_digests(self) -> dict[str, str]:
        """Return a SHA-256 of the content of each attached table, by its name (``hw``), for provenance."""


class ArrayTable:
    """A table of a user's own arrays, for tests, simulations and new measurements.

    Args:
        columns: Values by metric name, each of shape (15625,) by space index.
        dataset: The dataset's name.
        source: Where the numbers come from, as records say it.
        attached: Attached columns by name, such as ``hw.edgegpu_latency``, each of shape (15625,), NaN where missing.
        skeleton: The size of the networks, for their costs; that of the dataset's name if None.

    Raises:
        InvalidInputError: A column of another shape, or an attached one whose name has no table.

    >>> table = ArrayTable({"clean": np.linspace(0, 1, 15625)})
    >>> float(table.column(Metric("clean"))[-1])
    1.0
    """

    complete = True
    notes: Sequence[str] = ()

    def __init__(
        self,
        columns: Mapping[str, FloatArray],
        dataset: str = "custom",
        source: str = "array",
        *,
        attached: Mapping[str, FloatArray] | None = None,
        skeleton: Skeleton | None = None,
    ) -> None:
        self.dataset = dataset
        self.skeleton = skeleton
        self.source = source
        self._columns = {Metric.parse(name): _checked(name, values) for name, values in columns.items()}
        self._attached = {_attached_name(name): _checked(name, values) for name, values in (attached or {}).items()}

    @property
    def digest(self) -> str:
        """A SHA-256 of the columns, attached ones aside."""
        return columns_digest({str(metric): column for metric, column in self._columns.items()})

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

    def attached_columns(self) -> dict[str, FloatArray]:
        """Return the attached columns by name."""
        return dict(self._attached)

    def attached_digests(self) -> dict[str, str]:
        """Return a SHA-256 of the columns of each attached table, by its name."""
        by_table: dict[str, dict[str, FloatArray]] = {}
        for name, column in self._attached.items():
            table, _, rest = name.partition(".")
            by_table.setdefault(table, {})[rest] = column
        return {table: columns_digest(columns) for table, columns in by_table.items()}


def attached_column(name: str, table: Table) -> FloatArray:
    """Return one attached column of a table by its name, such as ``hw.edgegpu_latency``.

    Raises:
        ObjectiveError: Nothing of this name is attached; says what is.
    """
    columns = table.attached_columns()
    if name in columns:
        return columns[name]
    if columns:
        raise ObjectiveError(f"{table.dataset}: {unknown_name('attached column', name, columns)}")
    raise ObjectiveError(
        f"{table.dataset} has no attached table, so no {name}; "
        f"robustnas data attach FILE --dataset {table.dataset} --name {name.partition('.')[0]}"
    )


def skeleton_of(table: Table) -> Skeleton:
    """Return the size of the networks that a table is of: what it says itself, else what NAS-Bench-201 trained."""
    own = getattr(table, "skeleton", None)
    return own if isinstance(own, Skeleton) else SKELETONS.get(table.dataset, CIFAR10)


def columns_digest(columns: Mapping[str, FloatArray]) -> str:
    """Return a SHA-256 of named columns, whatever their order."""
    content = sha256()
    for name in sorted(columns):
        content.update(name.encode() + columns[name].tobytes())
    return content.hexdigest()


def missing_metric(metric: Metric, table: Table) -> str:
    """Return a sentence that says which metric a table lacks and what it has near it."""
    same = [str(known) for known in table.metrics if known.source == metric.source]
    if same:
        return f"{table.dataset} holds no {metric}; it has {', '.join(same)}; --images NAME measures others"
    return f"{table.dataset}: {unknown_name('metric', str(metric), [str(known) for known in table.metrics])}"


def _attached_name(name: str) -> str:
    if not ATTACHED_NAME.fullmatch(name):
        raise InvalidInputError(f"attached column {name!r}: expected <table>.<column>, as in hw.edgegpu_latency")
    return name


def _checked(name: str, values: FloatArray) -> FloatArray:
    column = np.array(values, dtype=np.float64)
    if column.shape != (N_CELLS,):
        raise InvalidInputError(f"column {name!r} has shape {column.shape}; expected ({N_CELLS},), by space index")
    return read_only(column)
