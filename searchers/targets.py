"""How a model-based searcher scales the utilities that its model is fitted to.

Accuracies have a long lower tail. Standardised, it decides what a Gaussian process believes of the whole space; as
normal scores (ranks, mapped to quantiles of the standard normal distribution) the best networks stand apart and the
bad ones do not. Each view gets stuck where the other does not, so a search may take them in turns. HEBO (Cowen-Rivers
et al. 2022) transforms targets for the same reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeAlias

import numpy as np

from robustnas.arrays import FloatArray
from surrogates.normal_scores import normal_scores as ranks_as_normal_scores

View: TypeAlias = Callable[[FloatArray], FloatArray]
"""Takes standardised utilities, shape (n,), and returns them on another scale; NaN where not known yet stays NaN."""


def standardised(values: FloatArray) -> FloatArray:
    """Return the utilities as they are."""
    return values


def normal_scores(values: FloatArray) -> FloatArray:
    """Return the normal scores of utilities, with mean 0 and standard deviation 1; equal ones have equal scores.

    >>> normal_scores(np.array([-5.0, 0.1, 0.2, np.nan])).round(2).tolist()
    [-1.22, 0.0, 1.22, nan]
    """
    known = np.isfinite(values)
    found = values[known]
    if not len(found):
        return values
    scores = ranks_as_normal_scores(found)
    spread = scores.std()
    result = np.full(len(values), np.nan)
    result[known] = (scores - scores.mean()) / (spread if spread > 0 else 1.0)
    return result


TARGETS: Mapping[str, tuple[View, ...]] = MappingProxyType(
    {
        "standardised": (standardised,),
        "normal-scores": (normal_scores,),
        "alternating": (normal_scores, standardised),
    }
)
"""The views that a searcher takes in turns, by name."""
