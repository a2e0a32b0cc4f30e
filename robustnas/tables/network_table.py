"""A table whose metrics are all known: lookups by architecture and views as frames, from its columns alone."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from robustnas.arrays import FloatArray
from robustnas.errors import ObjectiveError, unknown_name
from robustnas.metric import Metric
from robustnas.spaces import EnumerableSpace
from robustnas.tables.attached.attached import AttachedTable, attached_tables
from robustnas.tables.column_facts import ColumnFacts
from robustnas.tables.lookups import Lookups
from robustnas.tables.table import missing_metric

if TYPE_CHECKING:
    import pandas as pd


class NetworkTable(Lookups, ABC):
    """The base of tables that hold one number per network and metric: a `Table`, and more.

    A subclass sets the five attributes and `_read`.

    Attributes:
        space: The search space that it is over.
        dataset: The dataset's name, such as ``cifar10``.
        digest: A SHA-256 of the content.
        source: Where its numbers come from, as records say it.
        metrics: The metrics it holds.
        attacks: The attacks that ``adversarial@8`` and ``worst@8`` are over; None for those that it holds at this eps.
        training: How its networks were trained, as records say it; empty if unknown.
    """

    space: EnumerableSpace[Any]
    dataset: str
    digest: str
    source: str
    metrics: tuple[Metric, ...]
    complete = True
    notes: Sequence[str] = ()
    attacks: tuple[str, ...] | None = None
    training: str = ""

    @abstractmethod
    def _read(self, metric: Metric) -> FloatArray:
        """Return the read-only values of one metric by index.

        Raises:
            KeyError: The table does not hold the metric.
        """

    def _find_attached(self) -> Mapping[str, AttachedTable]:
        """Return the tables attached to the dataset, by name."""
        return attached_tables(self.dataset, space=self.space)

    @cached_property
    def _columns(self) -> dict[Metric | str, FloatArray]:
        return {}

    def column(self, metric: Metric | str) -> FloatArray:
        """Return the values of one metric by index, shape (space.size,), read-only.

        Raises:
            ObjectiveError: The table does not hold the metric.
        """
        try:
            return self._columns[metric]
        except KeyError:
            found = self._metric(metric) if isinstance(metric, str) else metric
        try:
            column = self._columns[metric] = self._read(found)
        except KeyError:
            raise ObjectiveError(missing_metric(found, self)) from None
        return column

    def _metric(self, name: str) -> Metric:
        """Return the metric of a name, one of a user's own too."""
        named = {str(metric): metric for metric in self.metrics}
        if name in named:
            return named[name]
        try:
            return Metric.parse(name)
        except ObjectiveError:
            raise ObjectiveError(f"{self.dataset}: {unknown_name('metric', name, named)}") from None

    def network_column(self, metric: Metric | str) -> FloatArray:
        """Return the values of all networks in ascending order of uid."""
        return self.column(metric).take(self.space.network_indices())

    def frame(self) -> pd.DataFrame:
        """Return all networks as a DataFrame: index uid, column arch, one column per metric, NaN where unknown."""
        import pandas as pd

        indices = self.space.network_indices()
        archs = [str(self.space.architecture(index)) for index in indices.tolist()]
        columns = {str(metric): self.network_column(metric) for metric in self.metrics}
        return pd.DataFrame({"arch": archs, **columns}, index=pd.Index(self.space.uids()[indices], name="uid"))

    def listing(self) -> pd.DataFrame:
        """Return the metrics as a DataFrame: index metric; columns title (as in papers), key, level, mean and best."""
        import pandas as pd

        columns = [self.network_column(metric) for metric in self.metrics]
        listed = {
            "title": [metric.title for metric in self.metrics],
            "key": [metric.key for metric in self.metrics],
            "level": [metric.level for metric in self.metrics],
            "mean": [np.nanmean(column) for column in columns],
            "best": [np.nanmax(column) for column in columns],
        }
        return pd.DataFrame(listed, index=pd.Index(map(str, self.metrics), name="metric"))

    @cached_property
    def attached(self) -> Mapping[str, AttachedTable]:
        """The tables attached to the dataset (`robustnas data attach`), by name; looked up once."""
        return self._find_attached()

    @cached_property
    def _attached_columns(self) -> dict[str, FloatArray]:
        return {name: values for table in self.attached.values() for name, values in table.columns().items()}

    def attached_columns(self) -> dict[str, FloatArray]:
        """Return the attached columns by name, such as ``hw.edgegpu_latency``, shape (space.size,), NaN where missing.

        They are read on first use; `robustnas.tables.attached` says how missing cells are filled from their class.
        """
        return dict(self._attached_columns)

    def column_facts(self, name: str) -> ColumnFacts:
        """Return what is known of an attached column besides its numbers: what was said when it was attached."""
        table, _, column = name.partition(".")
        return self.attached[table].facts.get(column, ColumnFacts()) if table in self.attached else ColumnFacts()

    def attached_digests(self) -> dict[str, str]:
        """Return the digest of each attached table by name."""
        return {name: table.digest for name, table in self.attached.items()}

    def prepare(self, architectures: Sequence[Any], metrics: Iterable[Metric]) -> None:
        """Do nothing: nothing is missing."""

    def fill(self, architecture: Any, metrics: Iterable[Metric]) -> str:  # noqa: ARG002  nothing is missing
        """Return where the numbers come from; there is nothing to measure."""
        return self.source
