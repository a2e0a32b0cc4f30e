"""The oracle: the only interface through which a search gets scores."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from robustnas.arrays import FloatArray
from robustnas.checks import whole_number
from robustnas.display import card, drawing, facts_table, side_by_side
from robustnas.duration import duration_text, parse_duration, spoken
from robustnas.errors import BudgetExhausted, InvalidInputError, NotationError, SearchStalled, excerpt
from robustnas.objectives import (
    Objective,
    declared,
    default_seconds,
    known_space,
    needed_metrics,
    objectives_text,
    score_columns,
    seconds_column,
    seconds_terms,
    signed_columns,
    slack_columns,
    utility_columns,
)
from robustnas.simulated_clock import SimulatedClock
from robustnas.spaces import EnumerableSpace
from robustnas.tables.datasets import opened_table
from robustnas.tables.table import Table

_BUDGET = 300
_MOST_ROWS = 100_000  # that are kept as plain values


class Outcome(NamedTuple):
    """The oracle's answer to one query.

    Attributes:
        cell: The architecture that was queried: a cell in NAS-Bench-201.
        scores: One value per objective in natural units: accuracy in [0, 1], a count, or those of an attached column.
        utilities: The scores signed so that larger is better; what a searcher maximises. NaN where unknown, all NaN if
            a constraint is violated.
        cost: Forward and backward passes per test image needed to measure it; 0 for a repeat.
        source: Where the scores came from, such as ``table``.
        repeat: Whether the network had been queried before.
        seconds: Simulated seconds that it took; 0 for a repeat, and without a clock.
        slacks: By how much it satisfies each constraint, in the natural units of the constraint: negative where it is
            violated, NaN where unknown.
        unconstrained: The utilities, constraints aside: what an infeasible network says of the objectives. () stands
            for `utilities`.
    """

    cell: Any
    scores: tuple[float, ...]
    utilities: tuple[float, ...]
    cost: float
    source: str
    repeat: bool
    seconds: float = 0.0
    slacks: tuple[float, ...] = ()
    unconstrained: tuple[float, ...] = ()

    def __repr__(self) -> str:
        scores = ", ".join(f"{score:.6g}" for score in self.scores)
        unfeasible = "" if self.feasible else ", not feasible"
        return f"<outcome {scores}{unfeasible}{', repeat' if self.repeat else ''}, from {self.source}: {self.cell}>"

    def _repr_html_(self) -> str:
        facts = {
            "score" if len(self.scores) == 1 else "scores": ", ".join(f"{score:.6g}" for score in self.scores),
            "slacks of the constraints": ", ".join(f"{slack:.4g}" for slack in self.slacks),
            "passes per test image": f"{self.cost:,.0f}",
            "simulated seconds": f"{self.seconds:,.0f}" if self.seconds else "",
            "source": f"{self.source}{', a repeat' if self.repeat else ''}",
        }
        title = "outcome" if self.feasible else "outcome, not feasible"
        return card(title, side_by_side(drawing(self.cell), facts_table(facts)), note=str(self.cell))

    @property
    def feasible(self) -> bool:
        """Whether all constraints are known to be satisfied."""
        return all(slack >= 0 for slack in self.slacks)

    @property
    def signed(self) -> tuple[float, ...]:
        """The scores signed so that larger is better, whether the constraints are satisfied or not."""
        return self.unconstrained or self.utilities

    @property
    def score(self) -> float:
        """The first objective's score."""
        return self.scores[0]

    @property
    def utility(self) -> float:
        """The first objective's utility."""
        return self.utilities[0]


class Oracle:
    """Answers queries for networks from a table, and counts them.

    A growing table (`robustnas.tables.GrowingTable`) measures missing values, so a query takes as long as the
    measurement.

    Each *distinct* canonical network counts once against the budget. Repeated queries are free, up to a cap that stops
    a searcher that only repeats itself.

    With a column of seconds, the oracle keeps a simulated clock (`robustnas.simulated_clock`): every distinct query
    takes the seconds of the architecture that was asked for, and a budget may be one of simulated time.

    Args:
        objectives: One objective, or several separated by commas, as text or parsed; a where-clause applies to all. A
            column that the table declares to be minimised or maximised is, whatever its name.
        table: The table to query, or a dataset's name, which is opened.
        budget: Distinct networks that may be queried, from 1 to the number of networks in the space, or of
            architectures in one that is too large to be enumerated; 300, or all of a smaller space, if None. Or
            simulated time, such as ``"20 h"``, at least that of the longest query.
        max_repeats: Consecutive repeats that are answered before the search counts as stalled.
        time: What a query takes in seconds: a column, or a sum of columns, such as ``t.train_seconds``; the table's
            only column of seconds if None and the budget is one of time. Without either there is no clock.

    Attributes:
        clock: The simulated clock; None without one.

    Raises:
        ObjectiveError: An objective cannot be parsed, the table lacks a metric, nothing satisfies the constraints, or
            no column says how long a query takes.
        InvalidInputError: The budget is out of range.

    >>> import numpy as np
    >>> from robustnas.spaces.nasbench201 import Cell
    >>> from robustnas.tables import ArrayTable
    >>> oracle = Oracle("clean", ArrayTable({"clean": np.linspace(0, 1, 15625)}), budget=2)
    >>> oracle.query(oracle.table.space.parse("index:15624")).score
    1.0
    >>> oracle.n_queries, oracle.remaining
    (1, 1)
    """

    def __init__(
        self,
        objectives: str | Objective | Sequence[str | Objective],
        table: Table | str,
        *,
        budget: int | str | None = None,
        max_repeats: int = 2000,
        time: str | None = None,
    ) -> None:
        table = opened_table(table)
        self.objectives = declared(objectives, table)
        self.table = table
        n_networks = most_networks(table.space)
        chosen = min(_BUDGET, n_networks) if budget is None else budget
        duration = chosen if isinstance(chosen, str) else None
        self.budget = n_networks if duration else whole_number("budget", chosen, at_least=1, at_most=n_networks)
        self.max_repeats = whole_number("max_repeats", max_repeats, at_least=0)
        self.cost = 0.0
        self.clock, self._seconds = _clock(duration, time, table)
        self._answers = _answers(self.objectives, table)
        self._index, self._networks = table.space.index, table.space.canonical_list()
        self._price = float(sum(metric.passes for metric in needed_metrics(self.objectives, table)))
        self._asked: set[int] = set()
        self._repeats = 0

    @property
    def space(self) -> EnumerableSpace[Any]:
        """What the constraints that are known before any query leave of the table's space: give it to a searcher.

        See `robustnas.objectives.known_space`.
        """
        return known_space(self.objectives, self.table)

    def __repr__(self) -> str:
        asked = f"{self.n_queries} of {self.budget} networks queried"
        return f"<oracle of {objectives_text(self.objectives)} on {self.table.dataset}: {asked}>"

    def _repr_html_(self) -> str:
        facts = {
            "objectives": objectives_text(self.objectives),
            "dataset": self.table.dataset,
            "source of the numbers": self.table.source,
            "space": repr(self.space).strip("<>"),
            "distinct networks queried": f"{self.n_queries:,} of {self.budget:,}",
            "passes per test image": f"{self.cost:,.0f}",
        }
        return card("oracle", facts_table(facts))

    @property
    def n_queries(self) -> int:
        """Distinct networks queried so far."""
        return len(self._asked)

    @property
    def remaining(self) -> int:
        """Distinct networks that may still be queried; none once the time is over."""
        return 0 if self.clock and self.clock.is_over else self.budget - len(self._asked)

    def cheaper(self, objectives: str, cost: float | str | None = None) -> Oracle:
        """Return an oracle of a cheaper fidelity of the same networks, whose queries this one's clock pays for.

        It counts its own queries; its budget is the whole space.

        Args:
            objectives: What it answers.
            cost: What one of its queries costs: a share of one of this oracle's (0.06 for 12 of 200 epochs), in passes
                and in seconds; or a sum of columns of seconds; None for the passes of the objectives' metrics.

        Raises:
            InvalidInputError: No cost is given, but there is a clock; or seconds, but there is none; or a share of
                nothing.
        """
        found = Oracle(objectives, self.table, budget=most_networks(self.table.space), max_repeats=self.max_repeats)
        found.clock = self.clock
        name = f"cheap_cost of {excerpt(objectives_text(found.objectives))}"
        if isinstance(cost, str):
            if self.clock is None:
                raise InvalidInputError(
                    f"{name} is {excerpt(cost)}, but there is no clock: give the search a time column too"
                )
            found._seconds = seconds_column(cost, self.table).tolist()
        elif cost is not None:
            if not self._price and self.clock is None:
                raise InvalidInputError(
                    f"{name} is {cost}, a share of a query's cost, but a query of an attached column costs no passes; "
                    "give the search a time column, such as time = 't.train_seconds'"
                )
            found._price = cost * self._price
            found._seconds = [cost * seconds for seconds in self._seconds]
        elif self.clock is not None:
            raise InvalidInputError(
                f"{name} is not given, which a search in simulated time needs: cheap_cost = 0.06 for a share of a "
                "query's seconds, or a column such as cheap_cost = '0.06*t.train_seconds'"
            )
        return found

    def prepare(self, cells: Sequence[Any]) -> None:
        """Prepare for queries of some architectures: a growing table trains their networks at once.

        Nothing is counted, and what cannot be prepared is told by its query.
        """
        self._answers.prepare(cells)

    def query(self, cell: Any) -> Outcome:
        """Return the outcome of an architecture, or of a text that the space reads as one.

        Raises:
            BudgetExhausted: The network is new, but the budget is spent, or would be before the query ends.
            NotationError: It is not an architecture of the table's space.
            SearchStalled: The last `max_repeats` queries were repeats, and so is this one.
            EvaluationError: A growing table cannot measure the network; the query is not counted.
        """
        if isinstance(cell, str):
            cell = self.table.space.parse(cell)
        try:
            index = self._index(cell)
            network = self._networks[index]
        except (AttributeError, TypeError, LookupError):
            if isinstance(cell, int | tuple):
                return self.query(self.table.space.parse(cell))
            raise NotationError(
                f"{excerpt(cell)} is not an architecture of the space {self.table.space.name}"
            ) from None
        repeat = network in self._asked
        if not repeat and len(self._asked) >= self.budget:
            raise BudgetExhausted(f"the budget of {self.budget} distinct networks is spent; {cell} was not evaluated")
        seconds = 0.0
        if self.clock is not None and not repeat:
            seconds = self._seconds[index]
            self.clock.spend(seconds)
        scores, utilities, slacks, unconstrained, source = self._answers.of(cell, index)
        if repeat:
            self._count_repeat(cell)
            return Outcome(cell, scores, utilities, 0.0, source, True, 0.0, slacks, unconstrained)
        self._asked.add(network)
        self._repeats = 0
        self.cost += self._price
        return Outcome(cell, scores, utilities, self._price, source, False, seconds, slacks, unconstrained)

    def _count_repeat(self, cell: Any) -> None:
        self._repeats += 1
        if self._repeats > self.max_repeats:
            raise SearchStalled(
                f"{self.max_repeats} queries in a row asked for networks already known, the last for {cell}; "
                f"stopped after {self.n_queries} of {self.budget} distinct networks"
            )


def most_networks(space: EnumerableSpace[Any]) -> int:
    """Return how many networks may be queried: of a space that is not enumerated, at most as many as architectures."""
    return space.reachable.n_networks if space.reachable.is_enumerated else space.reachable.size


def _clock(budget: str | None, time: str | None, table: Table) -> tuple[SimulatedClock | None, list[float]]:
    """Return the clock of an oracle, if it has one, and the seconds that a query of each architecture takes."""
    if budget is None and time is None:
        return None, []
    deadline = parse_duration(budget, "budget", "a number of networks or a duration") if budget else math.inf
    if time is not None:
        seconds_terms(time)
    name = default_seconds(table) if time is None else time
    seconds = seconds_column(name, table)
    if not len(seconds):
        raise InvalidInputError(
            f"the seconds of queries of {table.space.reachable!r} are not known before these are made; expected a "
            "number of networks as budget, and no time"
        )
    longest = float(seconds[table.space.members()].max())
    if deadline < longest:
        raise InvalidInputError(
            f"budget is {duration_text(deadline)!r}, but the longest query takes {spoken(longest)} by {name}; "
            "expected at least that"
        )
    return SimulatedClock(deadline), seconds.tolist()


_Row = tuple[float, ...]
_Answer = tuple[_Row, _Row, _Row, _Row, str]  # scores, utilities, slacks, unconstrained, source


class _Held(NamedTuple):
    """Everything a query needs, as plain Python values: a lookup costs nanoseconds, not a numpy call."""

    scores: list[_Row]
    utilities: list[_Row]
    slacks: list[_Row]
    unconstrained: list[_Row]
    source: str

    def prepare(self, cells: Sequence[Any]) -> None:
        pass

    def of(self, cell: Any, index: int) -> _Answer:  # noqa: ARG002  the other kind measures it
        return (
            self.scores[index],
            self.utilities[index],
            self.slacks[index],
            self.unconstrained[index],
            self.source,
        )


class _Large(NamedTuple):
    """The same for spaces of which the rows of all architectures would fill the memory."""

    columns: tuple[FloatArray, ...]
    source: str

    def prepare(self, cells: Sequence[Any]) -> None:
        pass

    def of(self, cell: Any, index: int) -> _Answer:  # noqa: ARG002
        return (*_row(self.columns, index), self.source)


class _Growing(NamedTuple):
    """Lets a table measure what it does not hold."""

    objectives: tuple[Objective, ...]
    table: Table

    def prepare(self, cells: Sequence[Any]) -> None:
        if len(cells) > 1:
            self.table.prepare(cells, needed_metrics(self.objectives, self.table))

    def of(self, cell: Any, index: int) -> _Answer:
        source = self.table.fill(cell, needed_metrics(self.objectives, self.table))
        return (*_row(_columns(self.objectives, self.table), index), source)


def _row(columns: tuple[FloatArray, ...], index: int) -> tuple[_Row, _Row, _Row, _Row]:
    scores, utilities, slacks, unconstrained = (tuple(column[:, index].tolist()) for column in columns)
    return scores, utilities, slacks, unconstrained


def _answers(objectives: tuple[Objective, ...], table: Table) -> _Held | _Large | _Growing:
    if table.complete:
        return _held(objectives, table)
    utility_columns(objectives, table)  # faults show at once
    return _Growing(objectives, table)


@lru_cache(maxsize=64)
def _held(objectives: tuple[Objective, ...], table: Table) -> _Held | _Large:
    if table.space.size > _MOST_ROWS:
        return _Large(_columns(objectives, table), table.source)
    scores, utilities, slacks, unconstrained = map(_rows, _columns(objectives, table))
    return _Held(scores, utilities, slacks, unconstrained, table.source)


def _columns(objectives: tuple[Objective, ...], table: Table) -> tuple[FloatArray, ...]:
    """Return scores, utilities, slacks and, where there are constraints, signed scores, a column per index each."""
    scores, utilities = score_columns(objectives, table), utility_columns(objectives, table)
    slacks = slack_columns(objectives, table)
    return scores, utilities, slacks, signed_columns(objectives, table) if len(slacks) else slacks


def _rows(columns: FloatArray) -> list[_Row]:
    return [tuple(row) for row in columns.T.tolist()]
