"""NASLib's predictors, under NASLib's names, and their requirements."""

from __future__ import annotations

from typing import NamedTuple

from robustnas.errors import MissingPackageError, excerpt
from robustnas.naslib.loading import check_installed
from robustnas.naslib.stand_ins import install_command, is_missing


class PredictorType(NamedTuple):
    """A predictor of NASLib.

    Attributes:
        package: The additional package that it needs, by its name on the index; None if NASLib's own are enough.
        reads_cells: Whether it computes its own encoding of cells and accepts no other features.
    """

    package: str | None = None
    reads_cells: bool = False


PREDICTOR_TYPES: dict[str, PredictorType] = {
    "xgb": PredictorType(),
    "rf": PredictorType(),
    "lgb": PredictorType("lightgbm"),
    "ngb": PredictorType("ngboost"),
    "mlp": PredictorType(),
    "gp": PredictorType("pyro-ppl"),
    "sparse_gp": PredictorType("pyro-ppl"),
    "var_sparse_gp": PredictorType("pyro-ppl"),
    "bayes_lin_reg": PredictorType("pybnn"),
    "dngo": PredictorType("pybnn"),
    "bohamiann": PredictorType("pybnn"),
    "bananas": PredictorType(reads_cells=True),
    "gcn": PredictorType(reads_cells=True),
    "bonas": PredictorType(reads_cells=True),
    "gpwl": PredictorType("grakel", reads_cells=True),
    "nao": PredictorType(reads_cells=True),
    "seminas": PredictorType(reads_cells=True),
}
"""Every predictor that learns from accuracies alone; NASLib's ``omni_*`` also need images and trained networks."""


def require(name: str) -> None:
    """Check that NASLib and the package that a predictor needs are installed.

    Raises:
        MissingPackageError: One is missing; the message names it and says how to install it.
    """
    check_installed()
    package = PREDICTOR_TYPES[name].package
    if package is not None and is_missing(package):
        raise MissingPackageError(
            f"NASLib's predictor {excerpt(name)} needs the package {package}, which cannot be imported; "
            f"install it: {install_command(package)}"
        )
