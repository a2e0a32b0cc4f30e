"""The errors of RobustNAS.

::

    RobustNASError
    ├── InvalidInputError (also a ValueError)   an input is invalid: the message names it and what was expected
    │   ├── NotationError                       an architecture is not in a known notation
    │   ├── ObjectiveError                      an objective or metric cannot be parsed, or the data lacks it
    │   ├── SpaceTooLargeError                  a search space is too large to be enumerated
    │   └── PlanError                           a plan file has an invalid or unknown key
    ├── DataError                               a data file is missing, truncated, foreign or out of range
    │   ├── DataNotFoundError                   there is no database at the expected place
    │   ├── DamagedFileError                    weights or a checkpoint are cut short (`evaluator.checkpoint`)
    │   ├── ClaimLostError                      another worker took over a network (`measurements.claims`)
    │   ├── RunEndedError                       the run that a worker belongs to is over (`measurements.runs`)
    │   └── DownloadError                       a download failed, or its content is not what was published
    ├── EvaluationError                         a network cannot be trained or measured
    │   ├── TrainingError                       a training diverged
    │   └── DeviceMemoryError                   a device has too little memory (`evaluator.memory_size`)
    ├── UserCodeError                           a searcher, surrogate or encoding of the user's own raised an error
    ├── WorkerDiedError                         a worker process was killed
    ├── MissingPackageError                     a required optional package cannot be imported
    └── SearchError                             a search cannot continue
        ├── BudgetExhausted                     the budget of queries is spent
        └── SearchStalled                       the searcher proposes nothing new
"""

from __future__ import annotations

import difflib
import math
import reprlib
from collections.abc import Iterable

_LONGEST_NAME = 100  # what is longer is no misspelling
_LONGEST_MESSAGE = 500  # of other libraries, most of which is a value


class RobustNASError(Exception):
    """Root of every error that RobustNAS raises on purpose."""


class InvalidInputError(RobustNASError, ValueError):
    """An input is invalid; the message names the value and what was expected."""


class NotationError(InvalidInputError):
    """An architecture is not in a known notation."""


class ObjectiveError(InvalidInputError):
    """An objective or metric cannot be parsed, or the data lacks it."""


class SpaceTooLargeError(InvalidInputError):
    """A search space is too large to be enumerated."""


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


class BuildError(EvaluationError):
    """A search space built no network that can be trained and attacked."""


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


class CacheWarning(UserWarning):
    """The cache cannot be written; everything works without it, more slowly."""


def excerpt(value: object) -> str:
    """Return a value as messages show it: as it is if it is short, else its beginning and how much there is of it.

    >>> excerpt("pgd@1"), excerpt([0.5, None])
    ("'pgd@1'", '[0.5, None]')
    >>> excerpt("0" * 5000)[-22:], excerpt(range(7000)), excerpt(10**5000)
    ('... (5,000 characters)', 'range(0, 7000)', 'an integer of 5,001 digits')
    >>> excerpt(list(range(1000)))
    '[0, 1, 2, 3, 4, 5, ...] (1,000 entries)'
    """
    text = _EXCERPT.repr(value)
    if isinstance(value, list | tuple | dict | set | frozenset) and len(value) > _EXCERPT.maxlist:
        return f"{text} ({len(value):,} entries)"
    return text


class _Excerpt(reprlib.Repr):
    """Shortens a value of any type, entries of containers included, in time that does not depend on its size."""

    def __init__(self) -> None:
        super().__init__()
        self.maxstring, self.maxother, self.maxlevel = 120, 120, 2  # an arch string has up to 101 characters
        self.maxlist = self.maxtuple = self.maxset = self.maxfrozenset = self.maxdict = 6

    def repr_str(self, x: str, level: int) -> str:  # noqa: ARG002 - the signatures are reprlib's
        if len(x) <= self.maxstring:
            return repr(x)
        return f"{x[: self.maxstring]!r}... ({len(x):,} characters)"

    def repr_int(self, x: int, level: int) -> str:  # noqa: ARG002
        if x.bit_length() <= 200:
            return repr(x)
        return f"an integer of {math.floor(x.bit_length() * math.log10(2)) + 1:,} digits"  # Python writes no long ones


_EXCERPT = _Excerpt()


def listing(values: Iterable[object], count: int = 12) -> str:
    """Return values separated by commas, each as in `excerpt`, and the count of those beyond the first.

    Args:
        values: What to list; short text is shown without quotes.
        count: How many to show.

    >>> listing(["pgd", "fgsm"]), listing(range(100), 3)
    ('pgd, fgsm', '0, 1, 2 and 97 more')
    """
    items = list(values)
    shown = [item if isinstance(item, str) and len(item) <= _LONGEST_NAME else excerpt(item) for item in items[:count]]
    more = f" and {len(items) - count:,} more" if len(items) > count else ""
    return ", ".join(shown) + more


def abridged(message: object) -> str:
    """Return what another library says as our messages quote it: without its middle, if that is long.

    >>> abridged("Expected '=' (at line 1, column 4)")
    "Expected '=' (at line 1, column 4)"
    >>> len(abridged(f"Cannot declare {'x' * 33000} twice (at line 2, column 3)"))
    503
    """
    text = str(message)
    return text if len(text) <= _LONGEST_MESSAGE else f"{text[:400]}...{text[-100:]}"


def described(error: BaseException) -> str:
    """Return what others' code raised as our messages quote it: the class, and what it says, abridged.

    >>> described(ValueError("no such thing"))
    'ValueError: no such thing'
    """
    return abridged(f"{type(error).__name__}: {error}")


def unknown_name(kind: str, name: object, known: Iterable[str]) -> str:
    """Return an error message for the unknown `name` that suggests the nearest known name and lists all.

    >>> unknown_name("searcher", "evolutoin", ["random", "evolution"])
    "unknown searcher 'evolutoin'; did you mean 'evolution'? Known: evolution, random"
    """
    names = sorted(known)
    near = difflib.get_close_matches(name[:_LONGEST_NAME], names, n=1) if isinstance(name, str) else []
    hint = f"; did you mean {near[0]!r}?" if near else "."
    return f"unknown {kind} {excerpt(name)}{hint} Known: {listing(names, 60)}"
