"""The registry of surrogates: one line each. The command line, plans, contract tests and docs read it."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np

from robustnas.encodings import Encoding
from robustnas.errors import InvalidInputError, unknown_name
from surrogates.base import Surrogate
from surrogates.boosted_trees import BoostedTrees
from surrogates.forest import Forest
from surrogates.gaussian_process import GaussianProcess
from surrogates.mlp import MLPEnsemble
from surrogates.multitask import MultiTask
from surrogates.ridge import RidgeRegression

SURROGATES: dict[str, type[Surrogate]] = {
    "xgboost": BoostedTrees,
    "forest": Forest,
    "gp": GaussianProcess,
    "mlp": MLPEnsemble,
    "ridge": RidgeRegression,
    "multitask": MultiTask,
}
"""Surrogates by name."""

DEFAULT_SURROGATE = "xgboost"
DEFAULT_ENCODING = "path+cost+path-statistics"


def make_surrogate(
    name: str,
    encoding: Encoding | None = None,
    random_state: int | np.random.RandomState | None = 0,
    **parameters: Any,
) -> Surrogate:
    """Build a surrogate.

    Args:
        name: A name in `SURROGATES`, or ``default``.
        encoding: The encoding that it will be fitted on; gives the GP its groups of columns.
        random_state: Of those that draw at random.
        parameters: The surrogate's own parameters.

    Raises:
        InvalidInputError: An unknown name or parameter, with the nearest known one.

    >>> make_surrogate("default", n_estimators=50).n_estimators
    50
    >>> from robustnas.encodings import encoding
    >>> make_surrogate("gp", encoding("path+cost")).groups
    (40, 6)
    """
    surrogate = surrogate_class(name)
    known = parameter_names(name)
    for parameter in parameters:
        if parameter not in known:
            raise InvalidInputError(f"surrogate {name!r}: {unknown_name('parameter', parameter, known)}")
    if encoding is not None and "groups" in known:
        parameters.setdefault("groups", encoding.groups)
    if "random_state" in known:
        parameters.setdefault("random_state", random_state)
    return surrogate(**parameters)


def surrogate_class(name: str) -> type[Surrogate]:
    """Return the class of a registered name, or refuse it naming the nearest."""
    try:
        return SURROGATES[DEFAULT_SURROGATE if name == "default" else name]
    except (KeyError, TypeError):
        raise InvalidInputError(unknown_name("surrogate", name, [*SURROGATES, "default"])) from None


def parameter_names(name: str) -> tuple[str, ...]:
    """Return the names of a surrogate's own parameters."""
    return tuple(inspect.signature(surrogate_class(name)).parameters)
