"""The registry of searchers: one line each. The command line, plans, contract tests and docs read it."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import numpy as np

from robustnas.checks import whole_number
from robustnas.errors import InvalidInputError, unknown_name
from robustnas.registry import Registry
from robustnas.spaces import EnumerableSpace
from searchers.base import Searcher
from searchers.evolution import RegularizedEvolution
from searchers.local_search import LocalSearch
from searchers.model_based import Bananas, ForestSearch, GPSearch, XGBoostSearch
from searchers.multi_fidelity import MultiFidelitySearch
from searchers.naslib_search import NASLIB_SEARCHERS
from searchers.nsga2 import NSGA2
from searchers.optuna_search import OptunaCMAES, OptunaGP, OptunaNSGA2, OptunaTPE
from searchers.random_search import RandomSearch

SEARCHERS: Registry[type[Searcher]] = Registry(
    "searcher",
    {
        "random": RandomSearch,
        "local": LocalSearch,
        "evolution": RegularizedEvolution,
        "nsga2": NSGA2,
        "gp": GPSearch,
        "xgboost": XGBoostSearch,
        "forest": ForestSearch,
        "bananas": Bananas,
        "multi-fidelity": MultiFidelitySearch,
        "optuna-tpe": OptunaTPE,
        "optuna-gp": OptunaGP,
        "optuna-cmaes": OptunaCMAES,
        "optuna-nsga2": OptunaNSGA2,
    },
    "robustnas.searchers",
)
"""Search strategies by name."""


def create(
    name: str,
    seed: int | np.random.Generator,
    *,
    space: EnumerableSpace[Any] | None = None,
    n_objectives: int = 1,
    **parameters: Any,
) -> Searcher:
    """Build a searcher.

    Args:
        name: A name in `SEARCHERS`, or one of NASLib's optimizers in `searchers.naslib_search.NASLIB_SEARCHERS`.
        seed: A seed, at least 0, or a generator; it fixes the trajectory on any machine.
        space: What it searches; NAS-Bench-201 if None.
        n_objectives: How many objectives it maximises.
        parameters: The searcher's own parameters.

    Raises:
        InvalidInputError: An unknown name or parameter, a bad value, or a single-objective searcher for several.
        MissingPackageError: NASLib is asked for and cannot be imported.

    >>> create("evolution", 0, population_size=20).population_size
    20
    """
    searcher = searcher_class(name)
    check_parameters(name, parameters)
    if not isinstance(seed, np.random.Generator):
        seed = whole_number("seed", seed, at_least=0)
    return searcher(np.random.default_rng(seed), space=space, n_objectives=n_objectives, **parameters)


def searcher_class(name: str) -> type[Searcher]:
    """Return the class of a registered name, or refuse it naming the nearest."""
    known = SEARCHERS | NASLIB_SEARCHERS
    try:
        return known[name]
    except (KeyError, TypeError):
        raise InvalidInputError(unknown_name("searcher", name, known)) from None


def check_parameters(name: str, parameters: Mapping[str, object]) -> None:
    """Refuse a parameter that the searcher does not have, naming the nearest."""
    known = parameter_names(name)
    for parameter in parameters:
        if parameter not in known:
            raise InvalidInputError(f"searcher {name!r}: {unknown_name('parameter', parameter, known)}")


def parameter_names(name: str) -> tuple[str, ...]:
    """Return the names of a searcher's own parameters, its base classes' included."""
    names: dict[str, None] = {}
    for cls in searcher_class(name).__mro__:
        if issubclass(cls, Searcher) and "__init__" in vars(cls):
            parameters = inspect.signature(cls.__init__).parameters.values()
            names.update(dict.fromkeys(p.name for p in parameters if p.kind is p.KEYWORD_ONLY))
            if not any(p.kind is p.VAR_KEYWORD for p in parameters):
                break
    for problem in ("space", "n_objectives"):
        names.pop(problem, None)
    return tuple(names)
