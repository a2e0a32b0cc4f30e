"""NASLib's predictors, constructed as in NASLib's own ensembles."""

from __future__ import annotations

from typing import Any

from robustnas.naslib.light_space import LightSpace
from robustnas.naslib.loading import load
from robustnas.naslib.predictor_types import PREDICTOR_TYPES


def make_predictor(name: str, n_rows: int) -> Any:
    """Return an unfitted predictor for NAS-Bench-201.

    Predictors that do not compute their own encoding take features, as an array of shape (n, d).

    Args:
        name: A name in `PREDICTOR_TYPES`.
        n_rows: Number of architectures to fit; ``seminas`` also gets as many random ones without accuracies.

    Raises:
        MissingPackageError: NASLib, or a package that the predictor needs, cannot be imported.
    """
    ensemble = load("predictors.ensemble").Ensemble
    (predictor,) = ensemble(num_ensemble=1, ss_type="nasbench201", predictor_type=name).get_ensemble()
    if not PREDICTOR_TYPES[name].reads_cells:
        predictor.encoding_type = None
    if name == "seminas":
        predictor.set_pre_computations(unlabeled=[_random_architecture() for _ in range(n_rows)])
    return predictor


def _random_architecture() -> LightSpace:
    architecture = LightSpace()
    architecture.sample_random_architecture()
    return architecture
