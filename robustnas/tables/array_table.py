"""A table of a user's own arrays."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from robustnas.arrays import FloatArray, read_only
from robustnas.errors import DataError, InvalidInputError, ObjectiveError, excerpt, listing, unknown_name
from robustnas.metric import ATTACKS, PLAIN_METRICS, Metric
from robustnas.spaces import COSTS, ChoiceSpace, EnumerableSpace, GrowingSpace, Subspace, open_space
from robustnas.tables.attached.columns import SheetColumns, column_name, filled, read_columns
from robustnas.tables.attached.frame import frame_sheet
from robustnas.tables.attached.keys import read_keys
from robustnas.tables.attached.numbers import number
from robustnas.tables.column_facts import ColumnFacts
from robustnas.tables.network_table import NetworkTable
from robustnas.tables.sheets.sheet import Sheet
from robustnas.tables.table import ATTACHED_NAME, columns_digest

if TYPE_CHECKING:
    import pandas as pd


class ArrayTable(NetworkTable):
    """A table of a user's own arrays, for tests, simulations and new measurements.

    Args:
        columns: Values by the name of a metric, one of ours (``pgd@1``) or one's own (``val_acc``), each of shape
            (space.size,) by index.
        dataset: The dataset's name.
        source: Where the numbers come from, as records say it.
        attached: Attached columns by name, such as ``hw.edgegpu_latency``, shaped as `columns`, NaN where missing.
        facts: What is known of columns besides their numbers, by the name of a metric or an attached column.
        skeleton: The size of the networks, for their costs; that of the dataset's name if None.
        space: The search space; NAS-Bench-201 if None.
        costs: Costs of `robustnas.spaces.COSTS` by name, shaped as `columns`, for a space that does not define them.

    Raises:
        InvalidInputError: A column of another shape, a name that cannot be that of a metric, or an attached column
            whose name has no table.

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
        facts: Mapping[str, ColumnFacts] | None = None,
        skeleton: Any = None,
        space: EnumerableSpace[Any] | None = None,
        costs: Mapping[str, FloatArray] | None = None,
    ) -> None:
        self.space = space or open_space()
        self.dataset = dataset
        self.skeleton = skeleton
        self.source = source
        self._values = {metric_of(name): self._checked(name, values) for name, values in columns.items()}
        self._own_attached = {name: self._checked_attached(name, values) for name, values in (attached or {}).items()}
        self.costs = {name: self._checked(name, values) for name, values in (costs or {}).items()}
        self.metrics = tuple(self._values)
        self._facts = dict(facts or {})
        if unknown := [name for name in self._facts if name not in {*map(str, self.metrics), *self._own_attached}]:
            raise InvalidInputError(f"facts: {unknown_name('column', unknown[0], [*columns, *self._own_attached])}")

    @classmethod
    def from_frame(
        cls,
        frame: pd.DataFrame,
        *,
        key: str | None = None,
        notation: str | None = None,
        duplicates: str = "error",
        dataset: str = "custom",
        source: str = "array",
        space: EnumerableSpace[Any] | None = None,
        skeleton: Any = None,
    ) -> ArrayTable:
        """Return a table of the numbers of a frame, one row per architecture.

        Every numeric column becomes a metric: one of ours if it is named like one (``clean``, ``pgd@1``,
        ``corruption:fog@3``), else one of the user's own, whose name is made of letters, digits and underscores. An
        architecture without a number takes the mean of the known ones of its class. The table's space is the part of
        `space` whose networks have a number: what a search on the table proposes.

        Args:
            frame: Architectures, in any notation, in a column or in the index, and numbers.
            key: The column of architectures, or the name of the index; None to find it.
            notation: The convention of six operation indices, ``naslib`` or ``nasbench201``; None to find it in the
                frame, by its arch strings, ids, parameters or FLOPs.
            duplicates: What to do with rows that repeat an architecture: ``error``, ``mean`` or ``first``.
            dataset: The dataset's name.
            source: Where the numbers come from, as records say it.
            space: The search space; NAS-Bench-201 if None. Of one that is too large to be enumerated, the table's is
                that of the architectures of the frame (`robustnas.spaces.ListedSpace`).
            skeleton: The size of the networks, for their costs; that of the dataset's name if None.

        Raises:
            InvalidInputError: No architectures or no numbers, an unknown or repeated architecture or one that can be
                read in two ways, a value that is not a number, or one of ours outside [0, 1]; names row and column.

        >>> import pandas as pd
        >>> frame = pd.DataFrame({"arch": ["#13433", "#7"], "clean": [0.9, 0.8], "my robustness": [3, 4]})
        >>> table = ArrayTable.from_frame(frame)
        >>> [str(metric) for metric in table.metrics], table.value("#7", "my_robustness")
        (['clean', 'my_robustness'], 4.0)
        """
        try:
            sheet = frame_sheet(frame, space or open_space(), key)
            return cls.from_sheet(
                sheet,
                None if sheet.keys is not None else key,
                notation=notation,
                duplicates=duplicates,
                dataset=dataset,
                source=source,
                space=space,
                skeleton=skeleton,
            )
        except DataError as error:
            raise InvalidInputError(str(error)) from None

    @classmethod
    def from_sheet(
        cls,
        sheet: Sheet,
        key: str | None = None,
        *,
        notation: str | None = None,
        duplicates: str = "error",
        dataset: str,
        source: str,
        space: EnumerableSpace[Any] | None = None,
        skeleton: Any = None,
    ) -> ArrayTable:
        """Return a table of the numbers of a sheet; see `from_frame`.

        Raises:
            DataError: As the errors of `from_frame`.
        """
        space = _listed(sheet, key, space or open_space(), dataset)
        own_costs = _costs_of(sheet, space)
        found = read_columns(
            sheet,
            key,
            space,
            notation=notation,
            duplicates=duplicates,
            dataset=dataset,
            rename=lambda column: column if column in own_costs else _metric_name(sheet, column),
        )
        columns = {name: filled(values, space) for name, values in found.columns.items()}
        costs = {name: columns.pop(name) for name in own_costs if name in columns}
        if not columns:
            raise DataError(f"{sheet.name}: no column of numbers besides {listing(costs)}; expected what to search for")
        _check_accuracies(sheet, found, columns)
        known = np.any([np.isfinite(values) for values in columns.values()], axis=0)
        if not known[space.network_indices()].all():
            space = Subspace(space, known)
        facts = {name: one.facts for name, one in found.known.items() if one.facts.as_dict() and name in columns}
        table = cls(columns, dataset, source, facts=facts, skeleton=skeleton, space=space, costs=costs)
        table.notes = found.notes if found.notation else found.notes[1:]  # how one row was read says nothing new else
        return table

    @cached_property
    def digest(self) -> str:  # type: ignore[override]  # computed when asked for
        """A SHA-256 of the columns, attached ones aside."""
        costs = {f"cost {name}": column for name, column in self.costs.items()}
        return columns_digest({str(metric): column for metric, column in self._values.items()} | costs)

    def attached_columns(self) -> dict[str, FloatArray]:
        """Return the attached columns by name: those that it was given, and those of the files of its dataset."""
        return {**super().attached_columns(), **self._own_attached}

    def column_facts(self, name: str) -> ColumnFacts:
        """Return what is known of a column besides its numbers."""
        return self._facts[name] if name in self._facts else super().column_facts(name)

    def attached_digests(self) -> dict[str, str]:
        """Return a SHA-256 of the columns of each attached table, by its name."""
        by_table: dict[str, dict[str, FloatArray]] = {}
        for name, column in self._own_attached.items():
            table, _, rest = name.partition(".")
            by_table.setdefault(table, {})[rest] = column
        own = {table: columns_digest(columns) for table, columns in by_table.items()}
        return {**super().attached_digests(), **own}

    def _read(self, metric: Metric) -> FloatArray:
        return self._values[metric]

    def _checked_attached(self, name: str, values: FloatArray) -> FloatArray:
        if not ATTACHED_NAME.fullmatch(name):
            raise InvalidInputError(
                f"attached column {excerpt(name)}: expected <table>.<column>, as in hw.edgegpu_latency"
            )
        return self._checked(name, values)

    def _checked(self, name: str, values: FloatArray) -> FloatArray:
        column = np.array(values, dtype=np.float64)
        if column.shape != (self.space.size,):
            expected = f"expected ({self.space.size},), by index"
            raise InvalidInputError(f"column {excerpt(name)} has shape {column.shape}; {expected}")
        return read_only(column)


def _listed(sheet: Sheet, key: str | None, space: EnumerableSpace[Any], dataset: str) -> EnumerableSpace[Any]:
    """Return a space, or the architectures that a sheet has of one that is too large to be enumerated."""
    if space.is_enumerated or not isinstance(space, ChoiceSpace):
        return space
    met = GrowingSpace(space)
    read_keys(sheet, key, met, None, dataset)
    return met.listed()


def _is_ours(name: str) -> bool:
    """Return whether a name is meant to be that of one of our metrics."""
    return name.partition("@")[0].strip() in (*PLAIN_METRICS, *ATTACKS) or name.startswith("corruption:")


def metric_of(name: str) -> Metric:
    """Return the metric of a name: one of ours, or one of the user's own.

    Raises:
        ObjectiveError: It cannot be that of a metric.
    """
    return Metric.parse(name) if _is_ours(name) else Metric.own(name)


def _metric_name(sheet: Sheet, column: str) -> str:
    """Return the name of the metric that a column of a sheet holds."""
    name = column if _is_ours(column) else column_name(column)
    try:
        return str(metric_of(f"_{name}" if name[:1].isdigit() else name))
    except ObjectiveError as error:
        raise DataError(f"{sheet.name}: column {excerpt(column)}: {error}; rename the column or leave it out") from None


def _costs_of(sheet: Sheet, space: EnumerableSpace[Any]) -> list[str]:
    """Return the columns of a sheet that are costs, which the space does not define."""
    found = []
    for name in COSTS:
        if name in sheet.columns:
            try:
                space.cost_column(name)
            except ObjectiveError:
                found.append(name)
    return found


def _check_accuracies(sheet: Sheet, found: SheetColumns, columns: Mapping[str, FloatArray]) -> None:
    """Refuse a column of one of our metrics that holds anything but accuracies in [0, 1]."""
    for column in filter(_is_ours, found.ignored):
        row = next((row for row, value in enumerate(sheet.columns[column]) if number(value) is None), 0)
        value = sheet.columns[column][row]
        raise DataError(
            f"{sheet.where(row)}: {excerpt(value)} in column {excerpt(column)}; expected accuracies in [0, 1]"
        )
    for name in columns:
        given = found.columns[name][found.indices]
        wrong = np.flatnonzero((given < 0) | (given > 1))
        if len(wrong) and metric_of(name).is_accuracy:
            row, column = int(wrong[0]), found.known[name].origin
            percent = np.nanmin(given) >= 0 and np.nanmax(given) <= 100
            hint = "; if they are percent, divide them by 100" if percent else ""
            where = f"{sheet.where(row)}: {given[row]:g} in column {excerpt(column)}"
            raise DataError(f"{where}; expected accuracies in [0, 1]{hint}")
