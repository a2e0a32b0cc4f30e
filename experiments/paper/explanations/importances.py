"""Importances: which graph features a surrogate needs to predict a score of networks that it has not seen."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from sklearn.inspection import permutation_importance
from sklearn.model_selection import GroupShuffleSplit

from experiments.paper.correlations.rank_correlations import kendall
from robustnas.arrays import FloatArray
from robustnas.errors import ObjectiveError
from robustnas.spaces import encoding
from robustnas.spaces.nasbench201 import space
from robustnas.spaces.nasbench201.twins import network_twin_labels
from surrogates.metrics import spearman

_HELD_OUT = 0.3
_REPEATS = 5


class Importances(NamedTuple):
    """What the predictions of one score depend on.

    Attributes:
        frame: One row per feature: feature, importance (the fall of R2 on held-out networks if the feature is
            shuffled), std (over shuffles) and direction (-1, 0 or 1: the sign of its rank correlation with the score).
        kendall_tau: Between prediction and score on held-out networks.
        n_held_out: How many those are.
    """

    frame: pd.DataFrame
    kendall_tau: float
    n_held_out: int


def importances(scores: FloatArray, name: str = "graph", seed: int = 0) -> Importances:
    """Fit XGBoost on 70 % of the functions and shuffle features of the others (Breiman 2001).

    Args:
        scores: One per network, shape (6466,); NaN where unknown.
        name: The encoding; see `robustnas.spaces.encoding`.
        seed: Of the split, the trees and the shuffles.

    Raises:
        ObjectiveError: Fewer than 100 networks are known.
    """
    from xgboost import XGBRegressor

    known = np.flatnonzero(np.isfinite(scores))
    if len(known) < 100:
        raise ObjectiveError(f"{len(known)} networks have a score; expected at least 100")
    features = encoding(name)
    x = features.values[space.network_indices()[known]]  # noqa: PD011 - an Encoding, no frame
    y = np.asarray(scores, dtype=float)[known]
    split = GroupShuffleSplit(1, test_size=_HELD_OUT, random_state=seed)
    train, test = next(split.split(x, y, groups=network_twin_labels()[known]))
    model = XGBRegressor(n_estimators=200, max_depth=5, learning_rate=0.1, subsample=0.7, n_jobs=1, random_state=seed)
    model.fit(x[train], y[train])
    found = permutation_importance(model, x[test], y[test], n_repeats=_REPEATS, random_state=seed)
    frame = pd.DataFrame(
        {
            "feature": [column.removeprefix(f"{name}:") for column in features.names],
            "importance": found.importances_mean,
            "std": found.importances_std,
            "direction": [int(np.sign(spearman(column, y))) for column in x.T],
        }
    )
    return Importances(frame, kendall(model.predict(x[test]), y[test]), len(test))
