"""The errors of RobustNAS.

::

    RobustNASError
    ├── InvalidInputError (also a ValueError)   an input is invalid: the message names it and what was expected
    │   ├── NotationError                       an architecture is not in a known notation
    │   ├── ObjectiveError                      an objective or metric cannot be parsed, or the data lacks it
    │   └── PlanError                           a plan file has an invalid or unknown key
    ├── DataError                               a data file is missing, truncated, foreign or out of range
    │   ├── DataNotFoundError                   there is no database at the expected place
    │   ├── DamagedFileError                    weights or a checkpoint are cut short (`evaluator.checkpoint`)
    │   ├── ClaimLostError                      another worker took over a network (`measurements.claims`)
    │   └── DownloadError                       a download failed, or its content is not what was published
    ├── EvaluationError                         a network cannot be trained or measured
    │   ├── TrainingError                       a training diverged
    │   └── DeviceMemoryError                   a device has too little memory (`evaluator.device`)
    ├── UserCodeError                           a searcher, surrogate or encoding of the user's own raised an error
    ├── WorkerDiedError                         a worker process was killed
    ├── MissingPackageError                     a required optional package cannot be imported
    └── SearchError                             a search cannot continue
        ├── BudgetExhausted                     the budget of queries is spent
        └── SearchStalled                       the searcher proposes nothing new
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class RobustNASError(Exception):
    """Root of every error that RobustNAS raises on purpose."""


class InvalidInputError(RobustNASError, ValueError):
    """An input is invalid; the message names the value and what was expected."""


class NotationError(InvalidInputError):
    """An architecture is not in a known notation."""


class ObjectiveError(InvalidInputError):
    """An objective or metric cannot be parsed, or the data lacks it."""


class PlanError(InvalidInputError):
    """A plan has an invalid or unknown key."""


class DataError(RobustNASError):
    """A data file is missing, truncated, foreign or out of range."""


class DataNotFoundError(DataError):
    """There is no database at the expected place."""


class DownloadError(DataError):
    """A download failed, or its content is not what was published."""


class EvaluationError(RobustNASError):
    """A network cannot be trained or measured."""


class TrainingError(EvaluationError):
    """A training diverged."""


class UserCodeError(RobustNASError):
    """Code of the user's own raised an error: one line that names it, then the part of the traceback that is theirs."""


class WorkerDiedError(RobustNASError):
    """A worker process was killed."""


class MissingPackageError(RobustNASError):
    """A required optional package cannot be imported; the message says how to install it."""


class SearchError(RobustNASError):
    """A search cannot continue."""


class BudgetExhausted(SearchError):
    """The budget of queries is spent."""


class SearchStalled(SearchError):
    """The searcher proposes nothing new, query after query."""


def unknown_name(kind: str, name: object, known: Iterable[str]) -> str:
    """Return an error message for the unknown `name` that suggests the nearest known name and lists all.

    >>> unknown_name("searcher", "evolutoin", ["random", "evolution"])
    "unknown searcher 'evolutoin'; did you mean 'evolution'? Known: evolution, random"
    """
    names = sorted(known)
    near = difflib.get_close_matches(str(name), names, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else "."
    return f"unknown {kind} {name!r}{hint} Known: {', '.join(names)}"
