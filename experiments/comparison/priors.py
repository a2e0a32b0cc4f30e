"""The priors of runs: a searcher's parameter ``prior`` names them, and they are opened here, once per process."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from robustnas.objectives import Objective
from robustnas.spaces import EnumerableSpace
from robustnas.tables.embedded import surrogate_of
from robustnas.tables.table import Table
from searchers.model_based import ModelBasedSearch
from searchers.prior import Prior
from searchers.prior_sources import open_prior, prior_names
from searchers.registry import searcher_class

PRIOR = "prior"


def names_of(searcher: str, parameters: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of the priors of a searcher with these parameters; none if it has none, or opens its own.

    Raises:
        InvalidInputError: They are no names.
    """
    prior = parameters.get(PRIOR)
    if prior is None or not issubclass(searcher_class(searcher), ModelBasedSearch):
        return ()
    return prior_names(prior)


def without_prior(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters but for the prior, to build a searcher without opening any data."""
    return {name: value for name, value in parameters.items() if name != PRIOR}


def open_priors(
    names: tuple[str, ...],
    objectives: tuple[Objective, ...],
    table: Table,
    space: EnumerableSpace[Any],
    data: str | None,
) -> tuple[Prior, ...]:
    """Return the priors of some names; see `searchers.open_prior`."""
    return tuple(_opened(name, objectives, table, space, data) for name in names)


def prior_columns(names: tuple[str, ...], table: Table) -> list[str]:
    """Return the attached columns among some priors."""
    return [name for name in names if name in table.attached_columns()]


def prior_notes(names: tuple[str, ...], table: Table) -> list[str]:
    """Return what the user should read of priors that know what is searched for."""
    stand_in = surrogate_of(table.dataset)
    return [
        f"prior {name} is a model of the very numbers of {table.dataset} that are searched: what it finds says nothing "
        "of searches on new data"
        for name in names
        if stand_in is not None and name.partition("@")[0] == stand_in
    ]


@lru_cache(maxsize=32)
def _opened(
    name: str, objectives: tuple[Objective, ...], table: Table, space: EnumerableSpace[Any], data: str | None
) -> Prior:
    return open_prior(name, objectives, table, space=space, data=data)
