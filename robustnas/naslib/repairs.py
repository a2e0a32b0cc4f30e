"""What NASLib's code needs to run under the Python, numpy and torch of today, changed from outside.

Nothing outside NASLib's own modules is changed, but for a name lent to `collections` while they are imported.
"""

from __future__ import annotations

import collections
import collections.abc
import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import numpy as np


@contextmanager
def old_names() -> Iterator[None]:
    """Lend `collections` a name that Python 3.10 took away, while modules that ask for it are imported."""
    collections.Iterable = collections.abc.Iterable  # type: ignore[attr-defined]
    try:
        yield
    finally:
        del collections.Iterable  # type: ignore[attr-defined]


def repair_counting() -> None:
    """Count parameters without a sum over a generator, which numpy takes no longer; before optimizers are imported."""
    _module("utils").count_parameters_in_MB = parameters_in_millions


def repair() -> None:
    """Give single modules of NASLib, once all are imported, the old names that they still use when they are called."""
    _module("predictors.gp.gpwl").np = _Amended(np, array=_array)
    for name in ("predictors.bonas", "search_spaces.nasbench201.encodings"):
        _module(name).np = _Amended(np, row_stack=np.vstack)
    kernel = _module("predictors.gp.gpwl_utils.wl_kernel")
    kernel.collections = _Amended(collections, Iterable=collections.abc.Iterable)
    bananas = _module("optimizers.discrete.bananas.optimizer").Bananas
    bananas._get_train = _with_array(bananas._get_train)


def use_no_gpu() -> None:
    """Keep predictors on the processor: their networks are small, and its random numbers are the same anywhere."""
    cpu = importlib.import_module("torch").device("cpu")
    for name in ("bonas", "gcn", "omni_seminas", "seminas"):
        module = _module(f"predictors.{name}")
        module.device, module.move_to_cuda = cpu, lambda tensor: tensor


def parameters_in_millions(model: Any) -> float:
    """Return the parameters of a torch module in millions, those of auxiliary heads left out."""
    counts = (parameter.numel() for name, parameter in model.named_parameters() if "auxiliary" not in name)
    return float(sum(counts)) / 1e6


class _Amended(ModuleType):
    """A module with some names more, or other ones, for a single importer; the module itself stays as it is."""

    def __init__(self, module: ModuleType, **names: object) -> None:
        super().__init__(module.__name__)
        self._module = module
        vars(self).update(names)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)


def _array(values: Any, *args: Any, **kwargs: Any) -> Any:
    """Make an array as numpy once did: graphs of several sizes become an array of objects."""
    if isinstance(values, list) and hasattr(next(iter(values), None), "nodes"):
        return np.fromiter(values, dtype=object, count=len(values))
    return np.array(values, *args, **kwargs)


def _with_array(get_train: Callable[[Any], tuple[list[Any], list[float]]]) -> Callable[[Any], tuple[list[Any], Any]]:
    """Return accuracies as an array: the acquisition function ``ei`` asks the list for its maximum."""

    def get(optimizer: Any) -> tuple[list[Any], Any]:
        architectures, accuracies = get_train(optimizer)
        return architectures, np.array(accuracies)

    return get


def _module(name: str) -> Any:
    return importlib.import_module(f"naslib.{name}")
