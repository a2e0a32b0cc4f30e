"""Normal scores: ranks, mapped to quantiles of the standard normal distribution (Blom 1958, with Hazen's offset)."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri
from scipy.stats import rankdata

from robustnas.arrays import FloatArray


def normal_scores(values: FloatArray) -> FloatArray:
    """Return the normal scores of values, shape (n,); equal ones share their mean rank.

    Args:
        values: Finite, shape (n,).

    >>> normal_scores(np.array([-40.0, 0.1, 0.2])).round(2).tolist()
    [-0.97, 0.0, 0.97]
    >>> normal_scores(np.array([-1e9, 3.0, 3.0, 1e59])).round(2).tolist()
    [-1.15, 0.0, 0.0, 1.15]
    """
    return np.asarray(ndtri((rankdata(values) - 0.5) / len(values)))
