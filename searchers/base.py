"""The ask-and-tell interface between a search strategy and everything else."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator, Mapping
from itertools import repeat
from typing import Any, ClassVar, NamedTuple

import numpy as np

from robustnas.arrays import IntArray
from robustnas.checks import whole_number
from robustnas.errors import BudgetExhausted, InvalidInputError, NotationError, SearchStalled
from robustnas.oracle import Oracle, Outcome
from robustnas.spaces import EnumerableSpace, open_space

LARGEST_COUNT = 1_000_000
"""The largest size or count that searchers take: beyond any space here, while nothing of that size fills the memory."""


_DRAWS = 1000  # in a row, before nothing new is taken to be left in a space that is not enumerated


class History(NamedTuple):
    """What a searcher that keeps its outcomes knows from before a search.

    Attributes:
        name: What keeps them: the name of an Optuna study.
        n_trials: Trials so far, repeats and failures included; 0 if it is new.
        outcomes: One per network whose scores are known.
    """

    name: str
    n_trials: int
    outcomes: tuple[Outcome, ...]


class Searcher(ABC):
    """A search strategy: proposes architectures and is given outcomes. It never sees a table, a budget or an oracle.

    A searcher maximises ``outcome.utilities``. It accepts any number of calls to `ask` before `tell`, and outcomes that
    it did not ask for. All its randomness comes from the generator passed to it.

    Args:
        rng: The only source of randomness.
        space: The search space; NAS-Bench-201 if None.
        n_objectives: Number of utilities per outcome.

    Raises:
        InvalidInputError: Several objectives were given to a single-objective strategy.
    """

    multi_objective: ClassVar[bool] = False
    """Whether the strategy handles several objectives."""

    history: History | None = None
    """What is known from before the search; None where outcomes are not kept."""

    def __init__(
        self, rng: np.random.Generator, *, space: EnumerableSpace[Any] | None = None, n_objectives: int = 1
    ) -> None:
        if n_objectives > 1 and not self.multi_objective:
            name = type(self).__name__
            raise InvalidInputError(
                f"{name} maximises one objective, got {n_objectives}; use a multi-objective searcher"
            )
        self.rng = rng
        self.space = space or open_space()
        self.n_objectives = n_objectives

    @classmethod
    def needed_objectives(cls, parameters: Mapping[str, Any]) -> tuple[str, ...]:  # noqa: ARG003 - for subclasses
        """Return the objectives that a searcher with these parameters looks at, besides those it maximises."""
        return ()

    @abstractmethod
    def ask(self) -> Any:
        """Return the next architecture to evaluate.

        Raises:
            SearchStalled: There is nothing left to propose.
        """

    @abstractmethod
    def tell(self, outcome: Outcome) -> None:
        """Report the outcome of a query to the searcher."""


class GlancingSearcher(Searcher):
    """A multi-fidelity searcher: before each query, it may evaluate cheap objectives of any networks ("glances").

    Attributes:
        cheap: The cheap objectives, separated by commas.
        cheap_cost: What a glance costs; see `robustnas.Oracle.cheaper`.
    """

    cheap: str
    cheap_cost: float | str | None = None

    @classmethod
    @abstractmethod
    def needed_objectives(cls, parameters: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the cheap objectives of a searcher with these parameters; one text may hold several, with commas."""

    @abstractmethod
    def glance(self) -> Any | None:
        """Return the next network to evaluate on the cheap objectives, or None to continue with `ask`."""

    @abstractmethod
    def tell_glance(self, outcome: Outcome) -> None:
        """Report a network's cheap utilities and their cost to the searcher."""


class UnseenNetworks:
    """Draws random architectures of unseen networks, each network at most once.

    Args:
        rng: The only source of randomness.
        space: The search space.
        pool: Indices to draw from, uniformly; every architecture of the space if None. Drawing architectures favours
            networks that many of them share, as the original algorithms do; with `space.network_indices()` all networks
            are equally likely. Of a space that is not enumerated, architectures are sampled until one is new.
    """

    def __init__(self, rng: np.random.Generator, space: EnumerableSpace[Any], pool: IntArray | None = None) -> None:
        self.space = space
        self._rng = rng
        self._order: list[int] = []
        if space.is_enumerated:
            self._order = rng.permutation(space.members() if pool is None else pool).tolist()
        self._canonical = space.canonical_list()
        self._seen: set[int] = set()

    def add(self, architecture: Any) -> bool:
        """Mark the architecture's network as seen; return whether it was new."""
        network = self._canonical[self.space.index(architecture)]
        if network in self._seen:
            return False
        self._seen.add(network)
        return True

    def nearest(self, architecture: Any) -> Any:
        """Return a random one of the unseen architectures that differ in the fewest choices, and mark it as seen.

        Raises:
            SearchStalled: Every network was seen.
        """
        if not self.space.is_enumerated:
            return self._near(architecture)
        members, codes = self.space.members(), self.space.codes()
        keys = np.array(self._canonical)[members]
        members = members[~np.isin(keys, list(self._seen))]
        if not len(members):
            return self.draw()
        distance = (codes[members] != self.space.code(architecture)).sum(axis=1)
        found = self.space.architecture(int(self._rng.choice(members[distance == distance.min()])))
        self.add(found)
        return found

    def draw(self) -> Any:
        """Return a random architecture of an unseen network and mark the network as seen.

        Raises:
            SearchStalled: Every network was seen.
        """
        if not self.space.is_enumerated:
            return self._sampled()
        while self._order:
            architecture = self.space.architecture(self._order.pop())
            if self.add(architecture):
                return architecture
        raise SearchStalled(f"every one of the {self.space.n_networks} networks was proposed")

    def _sampled(self) -> Any:
        for _ in range(_DRAWS):
            try:
                architecture = self.space.sample(self._rng)
            except InvalidInputError as error:  # next to nothing is valid; what was found before is not lost
                if not self._seen:
                    raise
                raise SearchStalled(str(error)) from None
            if self.add(architecture):
                return architecture
        raise SearchStalled(f"{_DRAWS:,} architectures drawn at random in a row are of networks that were proposed")

    def _near(self, architecture: Any) -> Any:
        """Return an unseen architecture near one that may be invalid: a random one, drawn to it choice by choice."""
        wanted, found = self.space.choices_of(architecture), self.space.sample(self._rng)
        for i in self._rng.permutation(len(wanted)).tolist():
            name = list(wanted)[i]
            nearer = self.space.from_choices({**self.space.choices_of(found), name: wanted[name]})
            if nearer in self.space:
                found = nearer
        for _ in range(_DRAWS):
            if self.add(found):
                return found
            found = self.space.mutate(found, self._rng)
        return self._sampled()


def comparable(utility: float) -> float:
    """Return a utility that can be compared: an unknown one (NaN) ranks below all others."""
    return -math.inf if math.isnan(utility) else utility


def refused(searcher: str, space: EnumerableSpace[Any]) -> InvalidInputError:
    """Return the error of a searcher that has to know every network, on a space that is not enumerated."""
    return InvalidInputError(
        f"searcher {searcher} needs every architecture of a space, and {space!r} has too many; these sample it: "
        "random, local, evolution, nsga2, gp, xgboost, forest, bananas and those of Optuna"
    )


def search(searcher: Searcher, oracle: Oracle, *, at_once: int = 1) -> Iterator[Outcome]:
    """Run a search: the one loop for all strategies. Progress bars, records and early stopping are loops around it.

    It ends when the budget is spent, when the searcher has nothing left to propose, or when it only repeats itself;
    ``oracle.remaining`` shows which. The cost and the seconds of glances are added to the query that follows them.

    Args:
        searcher: The strategy.
        oracle: What answers.
        at_once: Architectures that are proposed before the first of them is answered: a table that measures trains
            them at once. More of them know less of each other.

    Raises:
        InvalidInputError: `at_once` is below 1.
        NotationError: The searcher proposes something that is not an architecture of the table's space.

    Yields:
        Every outcome, repeats included (``outcome.repeat``).
    """
    whole_number("at_once", at_once, at_least=1)
    glances = _glances(searcher, oracle) if isinstance(searcher, GlancingSearcher) else repeat((0.0, 0.0))
    space = oracle.table.space
    partial = space.n_members < space.size
    proposed: deque[tuple[Any, float, float]] = deque()
    while oracle.remaining:
        try:
            if not proposed:
                proposed += _proposals(searcher, glances, min(at_once, oracle.remaining))
                oracle.prepare([cell for cell, *_ in proposed])
            cell, cost, seconds = proposed.popleft()
            outcome = oracle.query(cell)
            if partial and outcome.cell not in space:
                advice = "give the searcher the space of the table: space=table.space"
                raise NotationError(f"{outcome.cell} is outside the space {space.name}; {advice}")
        except (BudgetExhausted, SearchStalled):
            return
        except NotationError as error:
            raise NotationError(f"{type(searcher).__name__}.ask: {error}") from None
        searcher.tell(outcome)
        glanced = cost or seconds
        yield outcome._replace(cost=outcome.cost + cost, seconds=outcome.seconds + seconds) if glanced else outcome


def _proposals(searcher: Searcher, glances: Iterator[tuple[float, float]], n: int) -> list[tuple[Any, float, float]]:
    """Return up to `n` proposals, at least one, each with cost and seconds of the glances before it."""
    found: list[tuple[Any, float, float]] = []
    try:
        while len(found) < n:
            cost, seconds = next(glances)
            found.append((searcher.ask(), cost, seconds))
    except (BudgetExhausted, SearchStalled):
        if not found:
            raise
    return found


def _glances(searcher: GlancingSearcher, oracle: Oracle) -> Iterator[tuple[float, float]]:
    """Before every query, evaluate the cheap objectives that the searcher asks for; yield their cost and seconds."""
    cheap = oracle.cheaper(searcher.cheap, searcher.cheap_cost)
    while True:
        cost = seconds = 0.0
        while (cell := searcher.glance()) is not None:
            outcome = cheap.query(cell)
            searcher.tell_glance(outcome)
            cost, seconds = cost + outcome.cost, seconds + outcome.seconds
        oracle.cost += cost
        yield cost, seconds
