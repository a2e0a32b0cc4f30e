"""The registry of surrogates, one line each. The command line, plans, contract tests and docs read it."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from robustnas.errors import InvalidInputError, excerpt, unknown_name
from robustnas.naslib import PREFIX
from robustnas.naslib.predictor_types import PREDICTOR_TYPES, require
from robustnas.parameters import checked_parameters, constructor_parameters
from robustnas.reference import EXAMPLE, is_reference, load_reference
from robustnas.registry import Registry
from robustnas.spaces import Encoding
from surrogates.base import Surrogate
from surrogates.boosted_trees import BoostedTrees
from surrogates.cross_fitted import with_std
from surrogates.forest import Forest
from surrogates.gaussian_process import GaussianProcess
from surrogates.mlp import MLPEnsemble
from surrogates.multitask import MultiTask
from surrogates.naslib_predictor import NASLibPredictor, check_encoding
from surrogates.ridge import RidgeRegression

SURROGATES: Registry[type[BaseEstimator]] = Registry(
    "surrogate",
    {
        "xgboost": BoostedTrees,
        "forest": Forest,
        "gp": GaussianProcess,
        "mlp": MLPEnsemble,
        "ridge": RidgeRegression,
        "multitask": MultiTask,
    },
    "robustnas.surrogates",
)
"""Surrogates by name; a registered scikit-learn regressor without deviations gets them from `with_std`."""

NASLIB_SURROGATES: dict[str, str] = {PREFIX + predictor: predictor for predictor in PREDICTOR_TYPES}
"""NASLib's predictors by name, such as ``naslib:xgb``; `make_surrogate` accepts these names too."""

_GIVEN = ("predictor",)  # NASLib's, by the name of the surrogate

DEFAULT_SURROGATE = "xgboost"
DEFAULT_ENCODING = "path+cost+path-statistics"


def make_surrogate(
    name: str,
    encoding: Encoding | None = None,
    random_state: int | np.random.RandomState | None = 0,
    **parameters: Any,
) -> Any:
    """Build a surrogate.

    Args:
        name: A name in `SURROGATES` or `NASLIB_SURROGATES`, ``default``, or your own regressor, such as
            ``my_file.py:MyRegressor`` (`robustnas.reference`).
        encoding: The encoding to fit on; provides the GP's groups of columns.
        random_state: Seeds surrogates that use random numbers.
        parameters: The surrogate's own parameters.

    Returns:
        A regressor whose `predict` accepts `return_std`: a `Surrogate`, or another regressor wrapped by `with_std`.

    Raises:
        InvalidInputError: The name or a parameter is unknown (names the nearest known one), or a value is of another
            type than the surrogate declares.
        MissingPackageError: The surrogate needs NASLib or another package that cannot be imported.

    >>> make_surrogate("default", n_estimators=50).n_estimators
    50
    >>> from robustnas.spaces import encoding
    >>> make_surrogate("gp", encoding("path+cost")).groups
    (40, 6)
    """
    surrogate = surrogate_class(name)
    parameters = checked_parameters(f"surrogate {excerpt(name)}", surrogate, parameters, reserved=_GIVEN)
    known = parameter_names(name)
    if encoding is not None and "groups" in known:
        parameters.setdefault("groups", encoding.groups)
    if "random_state" in known:
        parameters.setdefault("random_state", random_state)
    if name in NASLIB_SURROGATES:
        require(NASLIB_SURROGATES[name])
        parameters["predictor"] = NASLIB_SURROGATES[name]
    made = surrogate(**parameters)
    return made if isinstance(made, Surrogate) else with_std(made, random_state)


def surrogate_class(name: str) -> type[BaseEstimator]:
    """Return the class of a registered name or of a reference.

    Raises:
        InvalidInputError: The name is unknown (names the nearest one), or the reference is not to a regressor.
    """
    if isinstance(name, str) and name in NASLIB_SURROGATES:
        return NASLibPredictor
    chosen = DEFAULT_SURROGATE if name == "default" else name
    registered = isinstance(chosen, str) and chosen in SURROGATES
    if not registered and not is_reference(name):
        known = [*SURROGATES, *NASLIB_SURROGATES, "default"]
        raise InvalidInputError(f"{unknown_name('surrogate', name, known)}; or a regressor of your own, {EXAMPLE}")
    found: Any = SURROGATES[chosen] if registered else load_reference("surrogate", name)
    if not (isinstance(found, type) and issubclass(found, BaseEstimator) and hasattr(found, "predict")):
        raise InvalidInputError(
            f"surrogate {excerpt(name)} is {excerpt(found)}; expected a scikit-learn regressor: a subclass of "
            "BaseEstimator with fit and predict"
        )
    return found


def parameter_names(name: str) -> tuple[str, ...]:
    """Return the names of a surrogate's own parameters."""
    surrogate: Any = surrogate_class(name)
    return tuple(parameter for parameter in constructor_parameters(surrogate)[0] if parameter not in _GIVEN)


def check_pair(name: str, encoding: str) -> None:
    """Refuse an encoding that the surrogate does not support, and NASLib's predictors if NASLib is not installed.

    Raises:
        InvalidInputError: The surrogate is unknown, or it has to recover cells from the encoding and cannot.
        MissingPackageError: NASLib, or a package that the predictor needs, cannot be imported.
    """
    surrogate_class(name)
    if name in NASLIB_SURROGATES:
        check_encoding(NASLIB_SURROGATES[name], encoding)
        require(NASLIB_SURROGATES[name])
