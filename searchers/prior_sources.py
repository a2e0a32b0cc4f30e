"""Priors by name: another dataset, an attached column of the one that is searched, or a function of the user's own."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from robustnas.arrays import FloatArray
from robustnas.errors import InvalidInputError, ObjectiveError, abridged, excerpt
from robustnas.objectives import Objective, declared, parse_objectives
from robustnas.reference import is_reference, load_reference, user_code
from robustnas.spaces import EnumerableSpace
from robustnas.tables.datasets import open_table
from robustnas.tables.table import ATTACHED_NAME, Table
from searchers.prior import Prior, components

_EXPECTED = "expected another dataset such as 'cifar10', an attached column, or a function such as my_file.py:belief"


def prior_names(prior: object) -> tuple[str, ...]:
    """Return the names of a parameter ``prior``: one, several separated by commas, or a list.

    Raises:
        InvalidInputError: It is something else.

    >>> prior_names("cifar10, zc.synflow")
    ('cifar10', 'zc.synflow')
    """
    entries = prior.split(",") if isinstance(prior, str) else prior
    if not isinstance(entries, Sequence) or not all(isinstance(entry, str) and entry.strip() for entry in entries):
        raise InvalidInputError(f"prior is {excerpt(prior)}; {_EXPECTED}")
    names = tuple(entry.strip() for entry in entries)
    if not names or len(set(names)) < len(names):
        raise InvalidInputError(f"prior is {excerpt(prior)}; expected one or more different names")
    return names


def open_prior(
    name: str,
    objectives: str | Objective | Sequence[str | Objective],
    searched: Table,
    *,
    space: EnumerableSpace[Any] | None = None,
    data: str | Path | None = None,
) -> Prior:
    """Return what a source says of the networks of a table that is to be searched.

    Of another dataset, the features are principal components of the logits of all its metrics, and its guess is the
    objective on it; where it does not have the objective, the mean of its standardised metrics. A column of the table
    that is searched is a guess in its own direction. A function is called with every architecture and returns a weight,
    larger for better ones, NaN if it does not know.

    Args:
        name: A dataset as `robustnas.tables.open_table` takes it, an attached column such as ``zc.synflow``, or a
            reference to a function such as ``my_file.py:belief``.
        objectives: What is searched for.
        searched: The table that is searched.
        space: What of its space is searched; all if None.
        data: The database's folder.

    Raises:
        InvalidInputError: There is nothing of this name, it is the dataset that is searched, it is over another space,
            or measured on demand; or a function does not return numbers.
        UserCodeError: A function of the user's own raised an error.
    """
    space = space or searched.space
    wanted = parse_objectives(objectives)
    if is_reference(name) and callable(found := load_reference("prior", name)) and not _makes_table(found):
        return _believed(name, found, space)
    if name in searched.attached_columns() or (ATTACHED_NAME.fullmatch(name) and not Path(name).exists()):
        (column,) = declared(name, searched)
        values = column.sign * column.evaluate(searched)[space.network_indices()]
        return Prior(name, _known(name, values[None]))
    return _transferred(name, wanted, _other(name, searched, data), space)


def _makes_table(function: Callable[..., Any]) -> bool:
    """Return whether a function takes no argument: then it returns a table, as a dataset's may."""
    try:
        return not inspect.signature(function).parameters
    except (TypeError, ValueError):
        return False


def _other(name: str, searched: Table, data: str | Path | None) -> Table:
    try:
        table = open_table(name, data)
    except InvalidInputError as error:
        raise InvalidInputError(f"prior {excerpt(name)}: {error}; {_EXPECTED}") from None
    if table.dataset == searched.dataset or table.digest == searched.digest:
        raise InvalidInputError(f"prior {excerpt(name)} is the dataset that is searched; {_EXPECTED}")
    if not table.space.shares_indices(searched.space):
        raise InvalidInputError(
            f"prior {excerpt(name)} is over the space {table.space.name}, {searched.dataset} over "
            f"{searched.space.name}; expected a dataset over the same space"
        )
    if not table.complete:
        raise InvalidInputError(f"prior {excerpt(name)} is measured on demand; expected a table that is complete")
    return table


def _transferred(name: str, objectives: Sequence[Objective], table: Table, space: EnumerableSpace[Any]) -> Prior:
    rows = space.network_indices()
    accuracies = np.array([table.column(metric)[rows] for metric in table.metrics]).T.reshape(len(rows), -1)
    guesses = [_guess(objective, table, rows, accuracies) for objective in objectives]
    return Prior(name, _known(name, np.array(guesses)), components(accuracies), table.digest)


def _guess(objective: Objective, table: Table, rows: Any, accuracies: FloatArray) -> FloatArray:
    """Return an objective's utilities on another table; how good networks are there in general if it lacks it."""
    try:
        return np.asarray(objective.sign * objective.evaluate(table)[rows])
    except ObjectiveError:
        with np.errstate(invalid="ignore", divide="ignore"):
            scaled = (accuracies - np.nanmean(accuracies, axis=0)) / np.nanstd(accuracies, axis=0)
        known = np.isfinite(scaled)
        n_known = known.sum(axis=1)
        total = np.where(known, scaled, 0.0).sum(axis=1)
        return np.where(n_known > 0, total / np.maximum(n_known, 1), np.nan)


def _believed(name: str, belief: Callable[[Any], Any], space: EnumerableSpace[Any]) -> Prior:
    architectures = [space.architecture(index) for index in space.network_indices().tolist()]
    with user_code({f"prior {excerpt(name)}": belief}):
        weights = [belief(architecture) for architecture in architectures]
    return Prior(name, _known(name, np.array([list(map(partial(_weight, name), weights))])))


def _weight(name: str, weight: Any) -> float:
    try:
        value = float(weight)
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidInputError(
            f"prior {excerpt(name)} returned {excerpt(weight)} ({abridged(str(error))}); expected a weight, larger for "
            "better networks"
        ) from None
    if math.isinf(value):
        raise InvalidInputError(f"prior {excerpt(name)} returned {excerpt(weight)}; expected a finite weight")
    return value


def _known(name: str, guesses: FloatArray) -> FloatArray:
    if not np.isfinite(guesses).any(axis=1).all():
        raise InvalidInputError(f"prior {excerpt(name)} says nothing of any network that is searched")
    return guesses
