"""The registry of searchers, one line each. The command line, plans, contract tests and docs read it."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from robustnas.arrays import FloatArray
from robustnas.checks import whole_number
from robustnas.errors import InvalidInputError, excerpt, unknown_name
from robustnas.parameters import checked_parameters, constructor_parameters
from robustnas.reference import EXAMPLE, is_reference, load_reference
from robustnas.registry import Registry
from robustnas.spaces import EnumerableSpace, open_space
from searchers.base import Searcher
from searchers.evolution import RegularizedEvolution
from searchers.local_search import LocalSearch
from searchers.multi_fidelity import MultiFidelitySearch
from searchers.naslib_search import NASLIB_SEARCHERS
from searchers.nsga2 import NSGA2
from searchers.optuna_sampler import PREFIX, SAMPLERS, sampler_searcher
from searchers.optuna_search import OptunaCMAES, OptunaGP, OptunaNSGA2, OptunaTPE
from searchers.presets import Bananas, ForestSearch, GPSearch, XGBoostSearch
from searchers.provenance import Provenance
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


_GIVEN = ("rng", "space", "n_objectives", "provenance", "known_utilities", "seed")  # by `create`, not by a plan


def create(
    name: str,
    /,
    seed: int | np.random.Generator,
    *,
    space: EnumerableSpace[Any] | None = None,
    n_objectives: int = 1,
    provenance: Provenance | None = None,
    known_utilities: Sequence[FloatArray | None] | None = None,
    **parameters: Any,
) -> Searcher:
    """Build a searcher.

    Args:
        name: A name in `SEARCHERS`, one of NASLib's in `searchers.naslib_search.NASLIB_SEARCHERS`, a sampler of Optuna
            such as ``optuna:CmaEsSampler`` (`searchers.optuna_sampler`), or your own class, such as
            ``my_file.py:MySearcher`` (`robustnas.reference`).
        seed: A seed, at least 0, or a generator; it fixes the trajectory on any machine.
        space: The search space; NAS-Bench-201 if None.
        n_objectives: The number of objectives to maximise.
        provenance: What the outcomes are about, for searchers that keep them.
        known_utilities: Per objective, the utilities of all architectures where they are known before any query, for
            searchers that use it; see `robustnas.objectives.known_utilities`.
        parameters: The searcher's own parameters.

    Raises:
        InvalidInputError: The name or a parameter is unknown, a value is invalid or of another type than the searcher
            declares, or a single-objective searcher is given several objectives.
        MissingPackageError: The searcher needs NASLib, which cannot be imported.

    >>> create("evolution", 0, population_size=20).population_size
    20
    """
    searcher = searcher_class(name)
    parameters = check_parameters(name, parameters)
    if not isinstance(seed, np.random.Generator):
        seed = whole_number("seed", seed, at_least=0)
    if n_objectives > 1 and not searcher.multi_objective:
        several = ", ".join(known for known, cls in SEARCHERS.items() if cls.multi_objective)
        raise InvalidInputError(
            f"searcher {excerpt(name)} maximises one objective, got {n_objectives}; these take several: {several}"
        )
    problem: dict[str, Any] = {"n_objectives": n_objectives}
    known, _ = constructor_parameters(searcher, n_positional=1)
    if "provenance" in known:
        problem["provenance"] = provenance
    if "known_utilities" in known:
        problem["known_utilities"] = known_utilities
    if "space" in known:
        problem["space"] = space
    elif space is not None and space != open_space():
        raise InvalidInputError(
            f"searcher {excerpt(name)} searches {open_space().name} only; to search {excerpt(space)}, its __init__ has "
            "to take **problem and pass it on to Searcher.__init__"
        )
    return searcher(np.random.default_rng(seed), **problem, **parameters)


def takes_space(name: str) -> bool:
    """Return whether a searcher can be given a space; one of the user's own may search NAS-Bench-201 only."""
    return "space" in constructor_parameters(searcher_class(name), n_positional=1)[0]


def searcher_class(name: str) -> type[Searcher]:
    """Return the class of a registered name or of a reference.

    Raises:
        InvalidInputError: The name is unknown (names the nearest one), or the reference is not to a searcher.
    """
    if isinstance(name, str) and name.startswith(PREFIX):
        return sampler_searcher(name)
    known = SEARCHERS | NASLIB_SEARCHERS
    registered = isinstance(name, str) and name in known
    if not registered and not is_reference(name):
        named = unknown_name("searcher", name, [*known, *SAMPLERS])
        raise InvalidInputError(f"{named}; or a class of your own, {EXAMPLE}")
    found: Any = known[name] if registered else load_reference("searcher", name)
    if not (isinstance(found, type) and issubclass(found, Searcher)):
        raise InvalidInputError(
            f"searcher {excerpt(name)} is {excerpt(found)}; expected a subclass of searchers.Searcher"
        )
    if inspect.isabstract(found):
        missing = ", ".join(sorted(found.__abstractmethods__))
        raise InvalidInputError(f"searcher {excerpt(name)} does not implement {missing}")
    return found


def check_parameters(name: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters as the searcher takes them; see `robustnas.parameters`.

    Raises:
        InvalidInputError: The searcher does not have a parameter (names the nearest one), or declares another type.
    """
    return checked_parameters(
        f"searcher {excerpt(name)}", searcher_class(name), parameters, reserved=_GIVEN, n_positional=1
    )


def parameter_names(name: str) -> tuple[str, ...]:
    """Return the names of a searcher's own parameters, including those of its base classes."""
    return tuple(name for name in constructor_parameters(searcher_class(name), n_positional=1)[0] if name not in _GIVEN)
