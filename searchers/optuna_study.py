"""Optuna studies that are kept: their storages, and what each one is about.

A study holds, as user attributes that begin with ``robustnas:``, what its trials are about. It is continued only by a
search that is about the same.
"""

from __future__ import annotations

import json
import os
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from robustnas.errors import InvalidInputError, SearchError, excerpt
from robustnas.network_drive import warn_of_network_drive

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler
    from optuna.storages import BaseStorage
    from optuna.study import Study, StudyDirection

PREFIX = "robustnas:"
"""What the names of the attributes begin with that say what a study is about."""

EXPERIMENT = "experiment"
"""The fact that names the experiment whose run a study is."""

_JOURNAL = "journal://"
_EXPECTED = "expected a URL such as sqlite:///study.db or journal://study.log"
_OTHER_NAME = "give another study_name, or none: then it is named after the search"
_LOCK_SECONDS = 60  # SQLite's own 5 are too few where many processes write
_LAYOUT_TRIES = 5
_MOST_LETTERS = 480  # of a study's name; databases take 512
_SHOWN = 60  # letters of a value in an error


def open_storage(url: str) -> BaseStorage:
    """Open a storage by its URL, and make it if it is a file that is not there.

    Args:
        url: ``sqlite:///PATH``, ``journal://PATH`` (one file that is only appended to), or that of a database server.

    Raises:
        InvalidInputError: It is not a URL.
        SearchError: It cannot be opened.
    """
    if not isinstance(url, str) or "://" not in url:
        raise InvalidInputError(f"storage is {excerpt(url)}; {_EXPECTED}")
    try:
        with storage_faults(url):
            return _journal(url) if url.startswith(_JOURNAL) else _database(url)
    except (ImportError, RuntimeError, ValueError) as error:  # no driver, another version of Optuna, no such URL
        if isinstance(error, InvalidInputError):
            raise
        raise _fault(url, error) from error


def open_study(
    storage: BaseStorage | None,
    name: str | None,
    sampler: BaseSampler,
    minimised: Sequence[bool],
) -> Study:
    """Return the study of a name, made if it is not there; a new one in memory where there is no storage.

    Args:
        storage: Where it is kept; None for memory.
        name: Its name; one that Optuna makes up if None.
        sampler: What suggests its trials.
        minimised: Whether each objective is minimised, if it is made.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna.create_study(
        sampler=sampler,
        storage=storage,
        study_name=name,
        directions=["minimize" if smaller else "maximize" for smaller in minimised],
        load_if_exists=True,
    )


def name_metrics(study: Study, names: Sequence[str]) -> None:
    """Give a study the names of its objectives, in order, for dashboards."""
    from optuna.exceptions import ExperimentalWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        study.set_metric_names(list(names))


def claim(study: Study, identity: Mapping[str, Any], minimised: Sequence[bool], place: str) -> None:
    """Mark a study as being about something, or refuse it because it is about something else.

    Args:
        study: The study; a new one is marked.
        identity: What it is to be about, plain data by name.
        minimised: Whether each objective is minimised.
        place: What messages call the storage.

    Raises:
        SearchError: It is about something else, or holds trials and does not say of what; says what differs.
    """
    n_trials = len(study.get_trials(deepcopy=False))
    if not is_marked(study.study_name, study.user_attrs, study.directions, n_trials, identity, minimised, place):
        for name, value in marks(identity).items():
            study.set_user_attr(name, value)


def is_marked(
    name: str,
    attributes: Mapping[str, Any],
    directions: Sequence[StudyDirection],
    n_trials: int,
    identity: Mapping[str, Any],
    minimised: Sequence[bool],
    place: str,
    advice: str = _OTHER_NAME,
) -> bool:
    """Return whether a study says that it is about something; refuse it if it is about something else.

    Args:
        name: The study's name.
        attributes: Its user attributes.
        directions: Its directions.
        n_trials: How many trials it has.
        identity: What it is to be about, plain data by name.
        minimised: Whether each objective is minimised.
        place: What messages call the storage.
        advice: What the user can do about a study that is refused.

    Raises:
        SearchError: It is about something else, or holds trials and does not say of what; says what differs.
    """
    expected = _plain(identity)
    found = {key.removeprefix(PREFIX): value for key, value in attributes.items() if key.startswith(PREFIX)}
    where = f"study {excerpt(name)} in {place}"
    if n_trials and not found:
        raise SearchError(f"{where} holds {n_trials} trials and does not say what they are about; {advice}")
    differing = [fact for fact in {**expected, **found} if found and found.get(fact) != expected.get(fact)]
    if differing:
        facts = "; ".join(f"{fact} is {_shown(found, fact)} there, {_shown(expected, fact)} here" for fact in differing)
        raise SearchError(f"{where} is about something else ({facts}); {advice}")
    if [direction.name == "MINIMIZE" for direction in directions] != list(minimised):
        raise SearchError(f"{where} has the directions {_directions(directions)}, unlike the objectives; {advice}")
    return bool(found)


def marks(identity: Mapping[str, Any]) -> dict[str, Any]:
    """Return the user attributes by which a study says what it is about."""
    return {PREFIX + name: value for name, value in _plain(identity).items()}


def default_name(label: str, identity: Mapping[str, Any]) -> str:
    """Return the name of the study of a search: its label, and a digest of all that it is about."""
    return named(label, _digest(json.dumps(_plain(identity), sort_keys=True)))


def named(*parts: object) -> str:
    """Return the name of a study from its parts, cut where it is too long for databases; the last part stays whole.

    >>> named("cifar10", "pgd@1", 0)
    'cifar10/pgd@1/0'
    """
    *label, last = map(str, parts)
    name = "/".join(label)
    return f"{name if len(name) <= _MOST_LETTERS else name[:_MOST_LETTERS] + _digest(name)}/{last}"


def forget_study(url: str, name: str, experiment: str) -> None:
    """Delete the study of a name if it is of an experiment; leave any other alone.

    Raises:
        InvalidInputError: The storage is not a URL.
        SearchError: It cannot be opened or written.
    """
    import optuna

    storage = open_storage(url)
    with storage_faults(url), suppress(KeyError):
        study = optuna.load_study(study_name=name, storage=storage)
        if study.user_attrs.get(PREFIX + EXPERIMENT) == experiment:
            optuna.delete_study(study_name=name, storage=storage)


@contextmanager
def storage_faults(url: str) -> Iterator[None]:
    """Turn what goes wrong with a storage into one sentence that names it.

    Raises:
        SearchError: It cannot be read or written, or the study was deleted.
    """
    from optuna.exceptions import OptunaError
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (OptunaError, SQLAlchemyError, OSError, KeyError) as error:  # a KeyError where the study is gone
        raise _fault(url, error) from error


def safe(url: str) -> str:
    """Return a URL without its password."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        return make_url(url).render_as_string(hide_password=True)
    except (ArgumentError, ValueError):
        return url


def _journal(url: str) -> BaseStorage:
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

    path = url.removeprefix(_JOURNAL)
    if not path:
        raise InvalidInputError(f"storage is {excerpt(url)}; {_EXPECTED}")
    _check_folder(Path(path))
    lock = JournalFileOpenLock(path) if os.name == "nt" else None  # Windows lets few users make symbolic links
    try:
        return JournalStorage(JournalFileBackend(path, lock_obj=lock))
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is not a journal of Optuna's") from error


def _database(url: str) -> BaseStorage:
    """Open a database; of several processes that find it empty, one lays out its tables and the others try again."""
    from optuna.storages import RDBStorage
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError

    is_sqlite = make_url(url).get_backend_name() == "sqlite"
    if is_sqlite and (path := make_url(url).database) and path != ":memory:":
        _check_folder(Path(path))
        warn_of_network_drive(path, "journal://FILE, or postgresql://USER@HOST/DATABASE")
    arguments = {"connect_args": {"timeout": _LOCK_SECONDS}} if is_sqlite else {}
    for tries in range(_LAYOUT_TRIES):
        try:
            return RDBStorage(url, engine_kwargs=arguments)
        except (IntegrityError, OperationalError, ProgrammingError) as error:
            raced = isinstance(error, IntegrityError) or "already exists" in str(error)
            if not raced or tries == _LAYOUT_TRIES - 1:
                raise
            time.sleep(0.1 * (tries + 1))
    raise AssertionError("unreachable")


def _check_folder(path: Path) -> None:
    if path.is_dir():
        raise IsADirectoryError(21, "it is a folder; expected a file", str(path))
    if not path.parent.is_dir():
        raise FileNotFoundError(2, f"there is no folder {str(path.parent)!r}; make it first", str(path))


def _fault(url: str, error: Exception) -> SearchError:
    return SearchError(f"Optuna cannot use the storage {excerpt(safe(url))}: {_reason(error, url)}")


def _reason(error: Exception, url: str) -> str:
    """Return the first line of an error, without a password."""
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    if cause := getattr(error, "orig", None) or getattr(error.__cause__, "orig", None):
        text = str(cause)  # what the database said, without the statement
    lines = text.replace(url, safe(url)).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:8]


def _plain(identity: Mapping[str, Any]) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(json.dumps(dict(identity)))
    return plain


def _shown(facts: Mapping[str, Any], name: str) -> str:
    if name not in facts:
        return "not known"
    text = json.dumps(facts[name], ensure_ascii=False)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _directions(directions: Sequence[StudyDirection]) -> str:
    return ", ".join(direction.name.lower() for direction in directions)
