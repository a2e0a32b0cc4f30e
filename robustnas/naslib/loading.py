"""Imports NASLib's modules on demand, under current versions of Python and packages."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from robustnas.errors import MissingPackageError
from robustnas.naslib.repairs import old_names, repair, repair_counting, use_no_gpu
from robustnas.naslib.silence import silence
from robustnas.naslib.stand_ins import stand_ins

REPOSITORY = "https://github.com/automl/NASLib"
INSTALL = (
    f"git clone --depth 1 --branch Develop {REPOSITORY} naslib-source; pip install torch fvcore networkx six; "
    "and put the path of naslib-source into PYTHONPATH (docs/naslib.md tells more)"
)


def location() -> Path | None:
    """Return the folder of a package named ``naslib`` on Python's path, or None; `load` checks whether it works."""
    spec = importlib.util.find_spec("naslib")
    if spec is None or spec.origin is None or spec.submodule_search_locations is None:
        return None  # a folder or script that happens to have this name
    return Path(spec.origin).parent


def check_installed() -> None:
    """Check that NASLib and torch are installed, without spending seconds on importing them.

    Raises:
        MissingPackageError: One is missing; the message says how to install it.
    """
    if location() is None:
        raise MissingPackageError(f"NASLib is not installed; install it: {INSTALL}")
    if importlib.util.find_spec("torch") is None:  # the bridge itself imports it
        raise MissingPackageError(f"NASLib is in {location()} but needs torch; install it: {INSTALL}")


def load(name: str) -> Any:
    """Import a module of NASLib.

    Args:
        name: The module's name within NASLib, such as ``optimizers``.

    Raises:
        MissingPackageError: NASLib, or a package that it requires, cannot be imported; says how to install it.

    >>> load("optimizers").__name__  # doctest: +SKIP
    'naslib.optimizers'
    """
    check_installed()
    _prepare()
    return importlib.import_module(f"naslib.{name}")


def stood_in() -> tuple[str, ...]:
    """Return the packages that NASLib was loaded without; code that needs one raises an error when it is used."""
    check_installed()
    return _prepare()


@cache
def source_digest() -> str:
    """Return a SHA-256 of NASLib's Python files, for records: a clone has no version.

    Raises:
        MissingPackageError: NASLib is not installed.
    """
    check_installed()
    folder = location()
    assert folder is not None
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


@cache
def _prepare() -> tuple[str, ...]:
    """Import NASLib once, with stand-ins and repairs; return the packages replaced by stand-ins."""
    try:
        with stand_ins() as missing, old_names(), silence(), _root_logger_kept():
            repair_counting()
            for name in ("search_spaces", "predictors", "optimizers"):
                importlib.import_module(f"naslib.{name}")
            repair()
            use_no_gpu()
    except ImportError as error:
        raise MissingPackageError(
            f"NASLib is in {location()} but cannot be imported: {error}; install it: {INSTALL}"
        ) from error
    return missing


@contextmanager
def _root_logger_kept() -> Iterator[None]:
    """Restore the root logger after NASLib has configured it during import."""
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    yield
    root.setLevel(level)
    root.handlers[:] = handlers
