"""Where a command writes: the default folder of a comparison, and folders that nothing is written to."""

from __future__ import annotations

import re
from pathlib import Path

from robustnas.errors import InvalidInputError

RESULTS = Path("robustnas-results")
"""The folder below which `robustnas compare` writes, a folder per dataset."""

_PACKAGES = ("robustnas", "surrogates", "searchers", "experiments")
_LONGEST_NAME = 80


def default_results(dataset: str) -> Path:
    """Return the folder of a comparison on a dataset where the user names none.

    It is named by the dataset, so that a comparison without data does not stand in the way of one with it.

    >>> default_results("cifar10-surrogate@7").as_posix(), default_results("tables/mine.csv.gz").as_posix()
    ('robustnas-results/cifar10-surrogate@7', 'robustnas-results/mine.csv.gz')
    """
    last = re.split(r"[/\\:]", dataset.rstrip("/\\"))[-1]
    name = re.sub(r"[^\w.@+-]+", "-", last).strip(".-")[:_LONGEST_NAME]
    return RESULTS / (name or "results")


def checked_output(path: Path) -> Path:
    """Return a path to write to; refuse one in a Python package, which would then be installed with what is written.

    Args:
        path: A folder, or a file. It need not exist.

    Raises:
        InvalidInputError: It is a package, or in one of ours.
    """
    if (path / "__init__.py").exists():
        raise InvalidInputError(f"{path} is a Python package; expected a folder for results: name another one")
    resolved, ours = path.resolve(), Path(__file__).resolve().parents[1]
    for package in _PACKAGES:
        if resolved.is_relative_to(ours / package):
            raise InvalidInputError(f"{path} is in the package {package}; expected a folder outside it")
    return path
