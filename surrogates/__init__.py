"""Surrogate predictors of robust accuracy: scikit-learn regressors with predictive standard deviations.

>>> from robustnas.spaces import encoding
>>> from surrogates import DEFAULT_ENCODING, make_surrogate
>>> features = encoding(DEFAULT_ENCODING)
>>> cells = features.values[::50]
>>> target = cells[:, features.names.index("cost:count_conv")]
>>> mean, deviation = make_surrogate("default", features).fit(cells, target).predict(cells, return_std=True)
>>> mean.shape, deviation.shape
((313,), (313,))
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from surrogates.base import Surrogate as Surrogate
    from surrogates.base import TreeSurrogate as TreeSurrogate
    from surrogates.cross_fitted import WithDeviation as WithDeviation
    from surrogates.cross_fitted import with_std as with_std
    from surrogates.registry import DEFAULT_ENCODING as DEFAULT_ENCODING
    from surrogates.registry import DEFAULT_SURROGATE as DEFAULT_SURROGATE
    from surrogates.registry import SURROGATES as SURROGATES
    from surrogates.registry import check_pair as check_pair
    from surrogates.registry import make_surrogate as make_surrogate
    from surrogates.registry import surrogate_class as surrogate_class

_MODULE_OF = {
    "DEFAULT_ENCODING": "registry",
    "DEFAULT_SURROGATE": "registry",
    "SURROGATES": "registry",
    "Surrogate": "base",
    "TreeSurrogate": "base",
    "WithDeviation": "cross_fitted",
    "check_pair": "registry",
    "make_surrogate": "registry",
    "surrogate_class": "registry",
    "with_std": "cross_fitted",
}

__all__ = [
    "DEFAULT_ENCODING",
    "DEFAULT_SURROGATE",
    "SURROGATES",
    "Surrogate",
    "TreeSurrogate",
    "WithDeviation",
    "check_pair",
    "make_surrogate",
    "surrogate_class",
    "with_std",
]


def __getattr__(name: str) -> object:
    """Import on demand: searches that need no scikit-learn and no XGBoost start without them."""
    if name in _MODULE_OF:
        return getattr(importlib.import_module(f"surrogates.{_MODULE_OF[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
