"""The errors of RobustNAS.

::

    RobustNASError
    ├── InvalidInputError (also a ValueError)   a value handed in is wrong: the message names it and what was expected
    │   ├── NotationError                       an architecture is written in no notation we know
    │   ├── ObjectiveError                      an objective or metric does not parse, or the data lacks it
    │   └── PlanError                           a plan file has a wrong or unknown key
    ├── DataError                               a data file is missing, truncated, foreign or out of range
    │   ├── DataNotFoundError                   no database where one was looked for
    │   ├── DamagedFileError                    weights or a checkpoint are cut short (`evaluator.checkpoint`)
    │   ├── ClaimLostError                      another worker took over a network (`measurements.claims`)
    │   └── DownloadError                       a download failed or its content is not what was published
    ├── EvaluationError                         a network cannot be trained or measured
    │   ├── TrainingError                       a training diverged
    │   └── DeviceMemoryError                   a device has too little memory (`evaluator.device`)
    ├── WorkerDiedError                         a worker process was killed
    ├── MissingPackageError                     an optional package that was asked for cannot be imported
    └── SearchError                             a search cannot go on
        ├── BudgetExhausted                     every query of the budget is spent
        └── SearchStalled                       the searcher asks for nothing new
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class RobustNASError(Exception):
    """Root of every error that RobustNAS raises on purpose."""


class InvalidInputError(RobustNASError, ValueError):
    """A value handed in is wrong; the message names the value and what was expected."""


class NotationError(InvalidInputError):
    """An architecture is written in no notation we know."""


class ObjectiveError(InvalidInputError):
    """An objective or metric does not parse, or the open data does not hold it."""


class PlanError(InvalidInputError):
    """A plan has a wrong or unknown key."""


class DataError(RobustNASError):
    """A data file is missing, truncated, foreign or out of range."""


class DataNotFoundError(DataError):
    """No database where one was looked for."""


class DownloadError(DataError):
    """A download failed, or what came is not what was published."""


class EvaluationError(RobustNASError):
    """A network cannot be trained or measured."""


class TrainingError(EvaluationError):
    """A training diverged."""


class WorkerDiedError(RobustNASError):
    """A worker process was killed."""


class MissingPackageError(RobustNASError):
    """An optional package that was asked for cannot be imported; the message says how to install it."""


class SearchError(RobustNASError):
    """A search cannot go on."""


class BudgetExhausted(SearchError):
    """Every query of the budget is spent."""


class SearchStalled(SearchError):
    """The searcher asks for nothing new, query after query."""


def unknown_name(kind: str, name: object, known: Iterable[str]) -> str:
    """Return a sentence that refuses `name`, offers the nearest known one and lists all.

    >>> unknown_name("searcher", "evolutoin", ["random", "evolution"])
    "unknown searcher 'evolutoin'; did you mean 'evolution'? Known: evolution, random"
    """
    names = sorted(known)
    near = difflib.get_close_matches(str(name), names, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else "."
    return f"unknown {kind} {name!r}{hint} Known: {', '.join(names)}"
