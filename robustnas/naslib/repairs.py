"""Patches that let NASLib's code run under current versions of Python, numpy and torch.

Only NASLib's own modules are patched, except for a name added to `collections` while they are imported.
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
    """Restore a name that Python 3.10 removed from `collections`, while modules that need it are imported."""
    collections.Iterable = collections.abc.Iterable  # type: ignore[attr-defined]
    try:
        yield
    finally:
        del collections.Iterable  # type: ignore[attr-defined]


def repair_counting() -> None:
    """Count parameters without numpy's sum over a generator, now unsupported; call before importing optimizers."""
    _module("utils").count_parameters_in_MB = parameters_in_millions


def repair() -> None:
    """After all imports, give certain modules of NASLib the old names that they still use when called."""
    _module("predictors.gp.gpwl").np = _Amended(np, array=_array)
    for name in ("predictors.bonas", "search_spaces.nasbench201.encodings"):
        _module(name).np = _Amended(np, row_stack=np.vstack)
    kernel = _module("predictors.gp.gpwl_utils.wl_kernel")
    kernel.collections = _Amended(collections, Iterable=collections.abc.Iterable)
    bananas = _module("optimizers.discrete.bananas.optimizer").Bananas
    bananas._get_train = _with_array(bananas._get_train)


def use_no_gpu() -> None:
    """Keep predictors on the CPU: their networks are small, and its random numbers are the same on any machine."""
    cpu = importlib.import_module("torch").device("cpu")
    for name in ("bonas", "gcn", "omni_seminas", "seminas"):
        module = _module(f"predictors.{name}")
        module.device, module.move_to_cuda = cpu, lambda tensor: tensor


def parameters_in_millions(model: Any) -> float:
    """Return the parameters of a torch module in millions, excluding auxiliary heads."""
    counts = (parameter.numel() for name, parameter in model.named_parameters() if "auxiliary" not in name)
    return float(sum(counts)) / 1e6


class _Amended(ModuleType):
    """A view of a module with added or replaced names, for a single importer; the module itself is unchanged."""

    def __init__(self, module: ModuleType, **names: object) -> None:
        super().__init__(module.__name__)
        self._module = module
        vars(self).update(names)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)


def _array(values: Any, *args: Any, **kwargs: Any) -> Any:
    """Make an array as older numpy did: graphs of several sizes become an array of objects."""
    if isinstance(values, list) and hasattr(next(iter(values), None), "nodes"):
        return np.fromiter(values, dtype=object, count=len(values))
    return np.array(values, *args, **kwargs)


def _with_array(get_train: Callable[[Any], tuple[list[Any], list[float]]]) -> Callable[[Any], tuple[list[Any], Any]]:
    """Return accuracies as an array: the acquisition function ``ei`` calls the method `max` of what is a list."""

    def get(optimizer: Any) -> tuple[list[Any], Any]:
        architectures, accuracies = get_train(optimizer)
        return architectures, np.array(accuracies)

    return get


def _module(name: str) -> Any:
    return importlib.import_module(f"naslib.{name}")
