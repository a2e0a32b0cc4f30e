"""Our objectives as problems of other libraries: their optimisers search, an `Oracle` counts and answers.

`PymooProblem` is a problem of pymoo (extra ``pymoo``), `OptunaObjective` an objective for ``study.optimize``. Neither
library is imported before its adapter is asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from robustnas.errors import MissingPackageError

if TYPE_CHECKING:
    from robustnas.adapters.optuna_objective import OptunaObjective
    from robustnas.adapters.pymoo_problem import PymooProblem

__all__ = ["OptunaObjective", "PymooProblem"]

_MODULES = {"OptunaObjective": "optuna_objective", "PymooProblem": "pymoo_problem"}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    except ImportError as error:
        raise MissingPackageError(f"{name} needs pymoo ({error}); install it: pip install 'robustnas[pymoo]'") from None
