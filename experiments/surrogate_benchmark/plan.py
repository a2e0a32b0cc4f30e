"""The plan of a benchmark of surrogates: which surrogates, encodings, training sets and trials, checked whole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from typing import Any

from experiments.surrogate_benchmark.fit import FitSpec
from robustnas.checks import listed, whole_number
from robustnas.errors import InvalidInputError, excerpt
from robustnas.objectives import Objective, declared, objectives_text, parse_objectives
from robustnas.reference import is_reference
from robustnas.spaces import EnumerableSpace, encoding, open_space
from robustnas.tables.datasets import open_table, space_of
from robustnas.tables.table import Table
from surrogates import DEFAULT_SURROGATE, check_pair, surrogate_class

DEFAULT = "default"
"""Stands for the surrogate, or the encoding, of the shipped best pair."""

TRAIN_SIZES = (50, 100, 200, 400)
SMALLEST_SIZE = 2
_MOST_TRIALS = 10_000


@dataclass(frozen=True)
class BenchmarkPlan:
    """What a benchmark of surrogates fits: every combination of the following.

    Args:
        dataset: A dataset of the database.
        objectives: Objectives, each a single one.
        surrogates: Names in `surrogates.SURROGATES`, NASLib's such as ``naslib:xgb``, or ``default``.
        encodings: Encodings, each one name or several joined by ``+``, or ``default``.
        train_sizes: Numbers of networks to learn from, 2 to all but one.
        n_trials: Training sets of each size.
        seed: Fixes the training sets and the surrogates' randomness.

    Raises:
        InvalidInputError: A value is unknown, out of range or named twice, or a surrogate cannot take an encoding.
        MissingPackageError: A predictor of NASLib is named, and NASLib or what the predictor needs is not there.

    >>> plan = BenchmarkPlan(surrogates=("forest", "ridge"), train_sizes=(50, 100), n_trials=3)
    >>> plan.n_fits
    12
    """

    dataset: str = "cifar10"
    objectives: tuple[str, ...] = ("pgd@1",)
    surrogates: tuple[str, ...] = (DEFAULT,)
    encodings: tuple[str, ...] = (DEFAULT,)
    train_sizes: tuple[int, ...] = TRAIN_SIZES
    n_trials: int = 10
    seed: int = 0

    def __post_init__(self) -> None:
        if not isinstance(self.dataset, str) or not self.dataset:
            raise InvalidInputError(f"dataset is {excerpt(self.dataset)}; expected a name such as 'cifar10'")
        space = space_of(self.dataset) or (_space_of_own(self.dataset) if is_reference(self.dataset) else open_space())
        checked: dict[str, Any] = {
            "objectives": _several("objective", self.objectives, _objective),
            "surrogates": _several("surrogate", self.surrogates, _surrogate),
            "encodings": _several("encoding", self.encodings, partial(_encoding, space)),
            "train_sizes": tuple(sorted(_several("train size", self.train_sizes, partial(_train_size, space)))),
        }
        checked["n_trials"] = whole_number("trials", self.n_trials, at_least=1, at_most=_MOST_TRIALS)
        checked["seed"] = whole_number("seed", self.seed, at_least=0)
        for name, values in checked.items():
            object.__setattr__(self, name, values)
        for surrogate, name in product(self.surrogates, self.encodings):
            check_pair(surrogate, name)

    def on(self, table: Table) -> BenchmarkPlan:
        """Return the plan with the directions that a table declares, explicitly; see `declared`."""
        objectives = tuple(objectives_text(declared(text, table)) for text in self.objectives)
        return self if objectives == self.objectives else replace(self, objectives=objectives)

    @property
    def n_fits(self) -> int:
        """Fits of the whole benchmark."""
        return len(self.objectives) * len(self.surrogates) * len(self.encodings) * len(self.train_sizes) * self.n_trials

    @property
    def specs(self) -> list[FitSpec]:
        """The fits: trial by trial, so that early results compare all surrogates.

        How much each feature counts is recorded for the largest training set.
        """
        largest = max(self.train_sizes)
        return [
            FitSpec(objective, surrogate, name, size, trial, self.seed, importances=size == largest)
            for trial in range(self.n_trials)
            for objective in self.objectives
            for size in self.train_sizes
            for surrogate in self.surrogates
            for name in self.encodings
        ]


def _several(kind: str, values: object, check: Callable[[Any], Any]) -> tuple[Any, ...]:
    entries = listed(values)
    if not entries and values not in ((), []):
        raise InvalidInputError(f"{kind}s are {excerpt(values)}; expected a list")
    checked = tuple(check(value) for value in entries)
    repeated = [value for value in checked if checked.count(value) > 1]
    if not checked or repeated:
        raise InvalidInputError(
            f"{kind} {excerpt(repeated[0])} is given twice; expected each once"
            if repeated
            else f"no {kind} is given; expected at least one"
        )
    return checked


def _objective(text: str | Objective) -> str:
    if not isinstance(text, str | Objective):
        raise InvalidInputError(f"objective is {excerpt(text)}; expected a text such as pgd@1")
    objectives = parse_objectives(text)
    if len(objectives) > 1:
        raise InvalidInputError(f"{excerpt(text)} is several objectives; expected one, as in pgd@1: repeat --objective")
    return str(objectives[0])


def _surrogate(name: str) -> str:
    if name == DEFAULT:
        return DEFAULT_SURROGATE
    surrogate_class(name)
    return name


def _space_of_own(dataset: str) -> EnumerableSpace[Any]:
    """Return the space of a table of the user's own code."""
    return open_table(dataset).space


def _encoding(space: EnumerableSpace[Any], name: str) -> str:
    if not isinstance(name, str):
        raise InvalidInputError(f"encoding is {excerpt(name)}; expected a name such as 'path'")
    chosen = space.default_encoding if name == DEFAULT else "+".join(part.strip() for part in name.split("+"))
    if "." not in chosen:  # attached columns need the table
        encoding(chosen, space=space)  # refuses unknown names, and says which are known
    return chosen


def _train_size(space: EnumerableSpace[Any], value: int) -> int:
    return whole_number("train size", value, at_least=SMALLEST_SIZE, at_most=space.n_networks - 1)
