"""Stand-ins for packages that NASLib imports but that are not installed, so that code that does not need them works.

A stand-in allows attribute access, so that ``import`` statements and class definitions succeed; calling anything in it
raises `MissingPackageError` with the package's name.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any, NoReturn

from robustnas.errors import MissingPackageError

PACKAGES: dict[str, tuple[str, ...]] = {
    # package on the index: modules that NASLib imports when it is imported
    "torchvision": ("torchvision", "torchvision.datasets", "torchvision.models", "torchvision.transforms"),
    "pytorch-msssim": ("pytorch_msssim",),
    "transforms3d": ("transforms3d",),
    "ConfigSpace": ("ConfigSpace", "ConfigSpace.read_and_write"),
    "nasbench_pytorch": ("nasbench_pytorch", "nasbench_pytorch.model"),
    "graphviz": ("graphviz",),
    "tensorwatch": ("tensorwatch",),
    "seaborn": ("seaborn",),
    "scikit-image": ("skimage",),
    "emcee": ("emcee",),
    "lightgbm": ("lightgbm",),
    "ngboost": ("ngboost", "ngboost.distns", "ngboost.scores"),
    "pybnn": ("pybnn", "pybnn.bayesian_linear_regression", "pybnn.bohamiann", "pybnn.dngo"),
    "pyro-ppl": ("pyro", "pyro.contrib", "pyro.contrib.gp", "pyro.distributions"),
    "grakel": ("grakel", "grakel.graph", "grakel.kernels", "grakel.utils"),
}
"""Packages that NASLib imports although its optimizers, or most of its predictors, do not need them."""


class _Absent(type):
    """The type of everything in a stand-in: any attribute is another stand-in, a call is refused."""

    package: str

    def __getattr__(cls, name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(name)
        return absent(cls.package, name)

    def __call__(cls, *_: Any, **__: Any) -> NoReturn:
        raise MissingPackageError(
            f"NASLib's {cls.__name__} comes from the package {cls.package}, which cannot be imported; "
            f"install it: {install_command(cls.package)}"
        )


class StandIn(ModuleType):
    """A module of a package that is not installed."""

    def __init__(self, name: str, package: str) -> None:
        super().__init__(name, f"Stands in for {name}: {package} cannot be imported.")
        self.__path__: list[str] = []
        self._package = package

    def __getattr__(self, name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(name)
        return absent(self._package, name)


def absent(package: str, name: str) -> type:
    """Return a class that can be referenced and subclassed, but not called."""
    return _Absent(name, (), {"package": package})


def install_command(package: str) -> str:
    """Return the command that installs a package of `PACKAGES`."""
    if package == "pybnn":  # it requires torchvision, which it does not use
        return "pip install --no-deps pybnn && pip install emcee"
    return f"pip install {package}"


def is_missing(package: str) -> bool:
    """Return whether a package of `PACKAGES` cannot be imported."""
    return not _importable(PACKAGES[package][0])


@contextmanager
def stand_ins() -> Iterator[tuple[str, ...]]:
    """Put stand-ins for missing packages into `sys.modules`, and remove them afterwards.

    Modules imported in between keep their references to them; no other code sees a stand-in.

    Yields:
        The packages replaced by stand-ins.
    """
    missing = tuple(package for package in PACKAGES if is_missing(package))
    made = {name: StandIn(name, package) for package in missing for name in PACKAGES[package]}
    for name, module in made.items():
        parent, _, child = name.rpartition(".")
        if parent:
            setattr(made[parent], child, module)
    sys.modules.update(made)
    try:
        yield missing
    finally:
        for name in made:
            sys.modules.pop(name, None)


def _importable(name: str) -> bool:
    before = set(sys.modules)
    try:
        importlib.import_module(name)
    except Exception:  # a package built for another torch fails in its own ways
        for imported in set(sys.modules) - before:
            if imported == name or imported.startswith(f"{name}."):
                del sys.modules[imported]
        return False
    return True
