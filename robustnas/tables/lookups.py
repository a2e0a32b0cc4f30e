"""What one asks a table by hand: an architecture, several, the best, the front; of any objective, not metrics alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, cast, overload

import numpy as np

from robustnas.arrays import FloatArray, IntArray
from robustnas.checks import whole_number
from robustnas.display import COUNT, card, facts_table
from robustnas.errors import InvalidInputError, NotationError, ObjectiveError, excerpt, listing
from robustnas.metric import Metric
from robustnas.tables.network import Network, Networks, scale_of_metric

if TYPE_CHECKING:
    from robustnas.objectives.objective import Objective
    from robustnas.tables.table import Table

_MOST_METRICS = 12


class Lookups:
    """The base of tables that can be asked by hand. What is not known is NaN: only `Oracle.query` measures.

    Objectives are read by `robustnas.objectives`, which is imported when one is asked for: it knows of tables, and a
    table need not know of it.
    """

    if not TYPE_CHECKING:
        __iter__ = __contains__ = None  # an architecture is asked for; without this, 0, 1, 2, ... would be

    @property
    def _table(self) -> Table:
        """This table, as what it is."""
        return cast("Table", self)

    @overload
    def __getitem__(self, arch: list[Any]) -> Networks: ...
    @overload
    def __getitem__(self, arch: Any) -> Network: ...
    def __getitem__(self, arch: Any) -> Network | Networks:
        """Return what is known of an architecture in any notation, or of each of a list of them.

        Raises:
            NotationError: It cannot be read.
        """
        if not _is_several(arch):
            return self._network(self._read_index(arch))
        if isinstance(arch, np.ndarray) and arch.dtype.kind in "iu":
            raise InvalidInputError(
                f"{excerpt(arch)} may be ids or indices; expected a list such as ['#13433', 'index:13931'], or "
                "values(indices, 'pgd@1') for indices"
            )
        found = self._looked_up([self._read_index(one) for one in arch])
        return Networks(found, f"of {self._table.dataset}")

    def value(self, arch: Any, metric: str | Metric | Objective) -> float:
        """Return the score of one architecture in any notation on a metric or an objective; NaN where unknown.

        Raises:
            NotationError: The architecture cannot be read.
            ObjectiveError: The objective cannot be read, or the table lacks what it needs.
        """
        index = self._read_index(arch)  # first: a space that is listed as it is met grows by it
        return float(self.score_column(metric)[index])

    def values(self, archs: IntArray | Sequence[int] | Iterable[Any], metric: str | Metric | Objective) -> FloatArray:
        """Return the scores of many architectures at once.

        Args:
            archs: Indices as an integer array of any shape (or a list of integers), which is fast; or
                architectures in any notation.
            metric: A metric or an objective.

        Raises:
            InvalidInputError: An index out of range.
        """
        indices = self._indices(archs)
        size = self._table.space.size
        if indices.size and (indices.min() < 0 or indices.max() >= size):
            wrong = indices[(indices < 0) | (indices >= size)].flat[0]
            raise InvalidInputError(f"{int(wrong)} is not a space index; expected 0 to {size - 1}")
        values: FloatArray = self.score_column(metric)[indices]
        return values

    def score_column(self, metric: str | Metric | Objective) -> FloatArray:
        """Return the scores of all architectures on a metric or an objective by index; constraints aside.

        Raises:
            ObjectiveError: It cannot be read, is several, or the table lacks what it needs.
        """
        if isinstance(metric, Metric):
            return self._table.column(metric)
        if isinstance(metric, str):
            named = {str(known): known for known in self._table.metrics}
            if metric in named:
                return self._table.column(named[metric])
        return _one(metric, self._table).evaluate(self._table)

    def scores(self, arch: Any) -> dict[str, float]:
        """Return the scores of one architecture under all metrics, by metric name."""
        index = self._read_index(arch)
        return {str(metric): float(self._table.column(metric)[index]) for metric in self._table.metrics}

    @overload
    def best(self, objective: str | Objective, n: None = None) -> Network: ...
    @overload
    def best(self, objective: str | Objective, n: int) -> Networks: ...
    def best(self, objective: str | Objective, n: int | None = None) -> Network | Networks:
        """Return the best network that is known on an objective, or the best `n`, one architecture of each.

        Args:
            objective: One objective; a where-clause holds.
            n: How many, the best first; the best alone if None.

        Raises:
            ObjectiveError: No network that is known satisfies the constraints, or the table lacks what it needs.
        """
        from robustnas.objectives import utility_columns

        if n is not None:
            whole_number("n", n, at_least=1)
        found = _one(objective, self._table)
        utilities = utility_columns((found,), self._table)[0]
        members = self._table.space.members()
        known = members[np.isfinite(utilities[members])]
        if not len(known):
            raise ObjectiveError(f"no network of {self._table.dataset} has a known score of {str(found)!r} yet")
        ranked = known[np.argsort(-utilities[known], kind="stable")]
        rows = self._table.space.network_of_index()[ranked]
        _, first = np.unique(rows, return_index=True)
        chosen = ranked[np.sort(first)][: n or 1]
        networks = self._looked_up(chosen.tolist(), (found,))
        if n is None:
            return networks[0]
        return Networks(networks, f"best of {self._table.dataset} on {found}", (found.expression,))

    def front(self, objectives: str | Sequence[str | Objective]) -> Networks:
        """Return the networks that are known and that no other one is better than on all of several objectives.

        Of architectures with the same scores, the first one stands for all.

        Raises:
            ObjectiveError: As `best`.
        """
        from robustnas.objectives import declared, objectives_text, utility_columns
        from robustnas.pareto import non_dominated

        found = declared(objectives, self._table)
        members = self._table.space.members()
        utilities = utility_columns(found, self._table)[:, members].T
        known = np.isfinite(utilities).all(axis=1)
        members, utilities = members[known], utilities[known]
        if not len(members):
            raise ObjectiveError(
                f"no network of {self._table.dataset} has known scores of {objectives_text(found)!r} yet"
            )
        kept = non_dominated(utilities)
        distinct, first = np.unique(-utilities[kept], axis=0, return_index=True)
        assert len(distinct) == len(first)
        networks = self._looked_up(members[kept][first].tolist(), found)
        return Networks(networks, f"front of {self._table.dataset}: {objectives_text(found)}", _expressions(found))

    def _network(self, index: int) -> Network:
        return self._looked_up([index])[0]

    def _looked_up(self, indices: Sequence[int], objectives: Sequence[Objective] = ()) -> tuple[Network, ...]:
        """Return networks by index, with what objectives say of them before all else."""
        from robustnas.objectives import scale_of

        table, chosen = self._table, np.array(indices, dtype=np.int64)
        scores = {one.expression: one.evaluate(table)[chosen] for one in objectives}
        scales = {one.expression: scale_of(one, table) for one in objectives}
        for metric in table.metrics:
            scores.setdefault(str(metric), table.column(metric)[chosen])
            scales.setdefault(str(metric), scale_of_metric(metric))
        for name, values in table.attached_columns().items():
            scores.setdefault(name, values[chosen])
            scales.setdefault(name, COUNT)
        architectures = [table.space.architecture(index) for index in chosen.tolist()]
        return tuple(
            Network(
                architecture,
                table.space.uid(architecture),
                {name: float(values[place]) for name, values in scores.items()},
                scales,
                table.dataset,
                partial(self._score, int(chosen[place])),
            )
            for place, architecture in enumerate(architectures)
        )

    def _score(self, index: int, name: str) -> float:
        return float(self.score_column(name)[index])

    def _read_index(self, arch: Any) -> int:
        try:
            return self._table.space.index(self._table.space.parse(arch))
        except NotationError as error:
            advice = _column_advice(arch, self)
            raise NotationError(f"{error}{advice}") from None

    def _indices(self, archs: IntArray | Sequence[int] | Iterable[Any]) -> IntArray:
        if isinstance(archs, np.ndarray) and archs.dtype.kind in "iu":
            return archs
        items = list(archs)
        if all(isinstance(item, int | np.integer) and not isinstance(item, bool) for item in items):
            return np.array(items, dtype=np.int64)
        return self._table.space.indices(items)

    def _repr_html_(self) -> str:
        facts = {
            "space": repr(self._table.space).strip("<>"),
            "source of the numbers": self._table.source,
            "metrics": listing(map(str, self._table.metrics), _MOST_METRICS),
            "attached": listing(self._table.attached_columns(), _MOST_METRICS),
        }
        return card(f"table of {self._table.dataset}", facts_table(facts))


def _is_several(arch: Any) -> bool:
    """Return whether what is asked for is a list, an array or a column of architectures."""
    return isinstance(arch, list | np.ndarray | Networks) or type(arch).__module__.startswith("pandas")


def _one(objective: str | Metric | Objective, table: Table) -> Objective:
    from robustnas.objectives import declared

    found = declared(objective if not isinstance(objective, Metric) else str(objective), table)
    if len(found) > 1:
        raise ObjectiveError(
            f"{excerpt(', '.join(_expressions(found)))} is several objectives; expected one, or front(objectives)"
        )
    return found[0]


def _expressions(objectives: Sequence[Objective]) -> tuple[str, ...]:
    return tuple(objective.expression for objective in objectives)


def _column_advice(arch: Any, table: Lookups) -> str:
    """Return what to call where the name of an objective is asked for as an architecture."""
    try:
        table.score_column(arch)
    except (InvalidInputError, TypeError, AttributeError):
        return ""
    name = excerpt(arch)
    return f"; {name} is an objective: best({name}) is its best network, score_column({name}) has it of all"
