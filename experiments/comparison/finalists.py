"""Finalists: the best networks of a search, trained again with other seeds, and what that says of the noise.

A search takes the best of many networks by one training each, so that part of the winner's score is luck: trained
again, it tends to score less. The spread between trainings of one network estimates the noise of a training, without
functional twins, and says how many trainings it takes to tell two networks apart.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import norm

from experiments.comparison.trajectory import Trajectory
from robustnas.arrays import FloatArray
from robustnas.errors import EvaluationError
from robustnas.objectives import Objective
from robustnas.oracle import Oracle, Outcome
from robustnas.tables.growing_table import FAILED
from robustnas.tables.noise import NoiseFloor, repeated_noise
from robustnas.tables.table import Table
from searchers.base import comparable

LEVEL, POWER = 0.05, 0.8
"""Of the two-sided comparison of two means that `seeds_to_tell_apart` plans."""

OpenTable = Callable[[int], Table]
"""Returns the table that measures networks of one training seed."""


@dataclass(frozen=True, eq=False)
class Finalist:
    """A network that was trained several times.

    Attributes:
        cell: The architecture.
        searched: The scores by which the search chose it, one per objective.
        scores: Of every training, shape (n_seeds, n_objectives); NaN where it could not be measured.
        n_feasible: In how many trainings it satisfied all constraints.
    """

    cell: Any
    searched: tuple[float, ...]
    scores: FloatArray
    n_feasible: int

    @property
    def mean(self) -> FloatArray:
        """The mean over trainings, shape (n_objectives,); NaN where none could be measured."""
        n = np.isfinite(self.scores).sum(axis=0)
        return np.where(n > 0, np.nansum(self.scores, axis=0) / np.maximum(n, 1), np.nan)

    @property
    def deviation(self) -> FloatArray:
        """The standard deviation between trainings, shape (n_objectives,); NaN with fewer than two."""
        n = np.isfinite(self.scores).sum(axis=0)
        squares = np.nansum((self.scores - self.mean) ** 2, axis=0)
        return np.where(n > 1, np.sqrt(squares / np.maximum(n - 1, 1)), np.nan)


@dataclass(frozen=True, eq=False)
class Finalists:
    """The best networks of a search, trained again.

    Attributes:
        objectives: What was searched for.
        seeds: The training seeds.
        networks: For one objective in the order of their means, the best first; for several, that of the front.
        failures: Sentences on trainings that failed.
    """

    objectives: tuple[Objective, ...]
    seeds: tuple[int, ...]
    networks: tuple[Finalist, ...]
    failures: tuple[str, ...] = ()

    @property
    def noise(self) -> tuple[NoiseFloor, ...]:
        """The noise of one training of each objective, pooled over the networks."""
        return tuple(self._noise(number) for number in range(len(self.objectives)))

    def _noise(self, objective: int) -> NoiseFloor:
        values = np.concatenate([network.scores[:, objective] for network in self.networks])
        rows = np.repeat(np.arange(len(self.networks)), len(self.seeds))
        known = np.isfinite(values)
        return repeated_noise(values[known], rows[known])

    @property
    def gap(self) -> float:
        """Of one objective, by how much the means of the first two differ; NaN of several, or without two."""
        if len(self.objectives) > 1 or len(self.networks) < 2:
            return math.nan
        first, second = (float(network.mean[0]) for network in self.networks[:2])
        return abs(first - second)

    @property
    def seeds_to_tell_apart(self) -> float:
        """How many trainings of each tell the first two apart; NaN if unknown.

        For a two-sided comparison of their means at the level of 0.05 with a power of 0.8, if the gap is real.
        """
        return seeds_to_tell_apart(self.gap, self.noise[0].std)


def seeds_to_tell_apart(gap: float, noise: float) -> float:
    """Return how many trainings each of two networks needs so that a difference between their means shows.

    The normal approximation of the two-sample comparison, at a level of 0.05 and with a power of 0.8.

    Args:
        gap: The difference.
        noise: The standard deviation of one training, in the same units.

    Returns:
        A whole number, at least 2; infinity without a difference, NaN where something is unknown.

    >>> seeds_to_tell_apart(0.01, 0.01), seeds_to_tell_apart(0.0, 0.01)
    (16.0, inf)
    """
    if math.isnan(gap) or math.isnan(noise):
        return math.nan
    if gap == 0.0:
        return math.inf
    z = float(norm.ppf(1 - LEVEL / 2) + norm.ppf(POWER))
    return float(max(2, math.ceil(2 * (z * noise / gap) ** 2)))


def best_outcomes(trajectory: Trajectory, n: int) -> list[Outcome]:
    """Return the best of what a search knows, each network once: of several objectives, members of the front.

    Of a front with more than `n` members, those at its ends and evenly between, by the first objective.
    """
    if len(trajectory.objectives) == 1:
        known = (outcome for outcome in trajectory.known if outcome.feasible and not math.isnan(outcome.utility))
        return _best_first(known)[:n]
    front = _best_first(trajectory.front_outcomes())
    places = np.linspace(0, len(front) - 1, min(n, len(front))).round().astype(int)
    return [front[place] for place in dict.fromkeys(places.tolist())]


def _best_first(outcomes: Iterable[Outcome]) -> list[Outcome]:
    """Return outcomes by the first objective, each network once."""
    distinct = {str(outcome.cell): outcome for outcome in outcomes}.values()
    return sorted(distinct, key=lambda outcome: -outcome.utilities[0])


def trained_again(
    trajectory: Trajectory, chosen: Sequence[Outcome], seeds: Sequence[int], open_table: OpenTable
) -> Iterator[Finalists]:
    """Train networks with several seeds, and yield what is known after every training.

    Args:
        trajectory: Of the search.
        chosen: Which networks, as `best_outcomes` returns them; nothing is yielded of none.
        seeds: The training seeds.
        open_table: Returns what measures the networks of a seed.

    Raises:
        DataError: The store cannot be read or written.
    """
    cells, objectives = [outcome.cell for outcome in chosen], trajectory.objectives
    scores = np.full((len(cells), len(seeds), len(objectives)), np.nan)
    feasible, failures = np.zeros(len(cells), dtype=np.int64), list[str]()
    for column, seed in enumerate(seeds if cells else ()):
        table = open_table(seed)
        oracle = Oracle(objectives, table, budget=len(cells))
        oracle.prepare(cells)
        for row, cell in enumerate(cells):
            try:
                outcome = oracle.query(cell)
            except EvaluationError as error:
                failures.append(f"{cell} with seed {seed}: {error}")
            else:
                if outcome.source == FAILED:
                    failures.append(f"{cell} with seed {seed}: {table.notes[-1]}")
                scores[row, column] = outcome.scores
                feasible[row] += outcome.feasible
            yield _finalists(objectives, seeds, chosen, scores, feasible, failures)


def _finalists(
    objectives: tuple[Objective, ...],
    seeds: Sequence[int],
    chosen: Sequence[Outcome],
    scores: FloatArray,
    feasible: Any,
    failures: Sequence[str],
) -> Finalists:
    networks = [
        Finalist(outcome.cell, outcome.scores, own.copy(), int(n))
        for outcome, own, n in zip(chosen, scores, feasible, strict=True)
    ]
    if len(objectives) == 1:
        sign = objectives[0].sign
        networks.sort(key=lambda network: -comparable(sign * float(network.mean[0])))
    return Finalists(objectives, tuple(seeds), tuple(networks), tuple(failures))
