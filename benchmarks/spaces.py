"""How long a space of choices takes to be enumerated, and how much memory; and what searches find in a larger one.

``python benchmarks/spaces.py [EXPONENT]``: the space has EXPONENT choices (6) of ten options, a `valid`, a `canonical`.

``python benchmarks/spaces.py search [SEARCHER ...]``: searches of 300 queries on 10^12 architectures, five seeds each.
The objective is the sum of a random effect of every option, and of every pair of options of choices beside each other,
divided by its standard deviation over the space. What is printed: the best after 100 queries, the best after 300 with
its standard deviation over seeds, and how long a search took.

Seconds are those of the processor.
"""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable
from time import process_time

import numpy as np

from robustnas import Oracle
from robustnas.spaces import ChoiceArchitecture, ChoiceSpace, encoding
from robustnas.tables import function_table
from searchers import create, search

_SEARCHERS = ("random", "local", "evolution", "nsga2", "optuna-tpe", "gp", "xgboost", "forest")
_N_QUERIES, _N_SEEDS = 300, 5
_EXPONENT = next((int(argument) for argument in sys.argv[1:] if argument.isdecimal()), 6)


class Digits(ChoiceSpace):
    """Numbers of twelve digits: a space that is not enumerated."""

    choices = {f"digit{place}": tuple(range(10)) for place in range(12)}  # noqa: RUF012


class Effects:
    """The objective of the searches."""

    def __init__(self) -> None:
        rng, n = np.random.default_rng(0), len(Digits.choices)
        self._single, self._pairs = rng.normal(size=(n, 10)), rng.normal(scale=0.7, size=(n - 1, 10, 10))
        drawn = rng.integers(10, size=(10_000, n))
        self._std = float(np.std([self._sum(digits) for digits in drawn]))

    def __call__(self, architecture: ChoiceArchitecture) -> dict[str, float]:
        """Return the score of an architecture."""
        return {"score": self._sum(np.array(architecture.options)) / self._std}

    def _sum(self, digits: np.ndarray[tuple[int], np.dtype[np.int64]]) -> float:
        alone = self._single[np.arange(len(digits)), digits].sum()
        return float(alone + self._pairs[np.arange(len(digits) - 1), digits[:-1], digits[1:]].sum())


def searched(name: str, seed: int, effects: Effects) -> tuple[float, float, float]:
    """Return the best scores after a third of the queries and after all, and the seconds of a search."""
    table, start = function_table(effects, Digits(), "score"), process_time()
    oracle = Oracle("score", table, budget=_N_QUERIES)
    scores = [outcome.score for outcome in search(create(name, seed, space=oracle.space), oracle)]
    return max(scores[: _N_QUERIES // 3]), max(scores), process_time() - start


class Decimal(ChoiceSpace):
    """Numbers of as many digits."""

    choices = {f"digit{place}": tuple(range(10)) for place in range(_EXPONENT)}  # noqa: RUF012

    def valid(self, architecture: ChoiceArchitecture) -> bool:
        """Return whether the first two digits differ."""
        return bool(architecture.digit0 != architecture.digit1)

    def canonical(self, architecture: ChoiceArchitecture) -> ChoiceArchitecture:
        """Return the number, its second digit 0 if the third is."""
        return architecture.replaced(digit1=0) if architecture.digit2 == 0 and architecture.digit0 else architecture


def timed(name: str, work: Callable[[], object]) -> None:
    start = process_time()
    work()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{name:<12} {process_time() - start:7.2f} s, {peak:5.2f} GiB at most so far")


if __name__ == "__main__" and sys.argv[1:2] == ["search"]:
    for searcher in sys.argv[2:] or _SEARCHERS:
        found = np.array([searched(searcher, seed, Effects()) for seed in range(_N_SEEDS)])
        third, best, seconds = found.mean(axis=0)
        print(f"{searcher:<12} {third:5.2f} {best:5.2f} +- {found[:, 1].std():.2f}  {seconds:7.1f} s", flush=True)
elif __name__ == "__main__":
    space = Decimal()
    timed("valid", space.members)
    timed("canonical", space.network_of_index)
    timed("lists", space.canonical_list)
    timed("codes", space.codes)
    timed("encoding", lambda: encoding("choices", space=space))
    timed("neighbours", lambda: [space.neighbour_lists()[index] for index in space.members()[:1000].tolist()])
    print(space)
