"""Transactions: work on a store that is done completely or not at all, and tried again when others hold locks."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from functools import cached_property, partial
from itertools import count
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, NullPool, create_engine, event
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from robustnas.errors import DataError
from robustnas.measurements.faults import (
    data_error,
    directory_error,
    driver_error,
    is_crowded,
    is_disconnection,
    is_transient,
)
from robustnas.measurements.location import Location

Result = TypeVar("Result")

BUSY_TIMEOUT = 30.0
"""Seconds that one attempt waits for a lock that another process holds."""

_N_ATTEMPTS = 10
_PATIENCE = 60.0  # seconds after which nothing is tried again: a server may restart meanwhile
_PATIENCE_IN_A_CROWD = 600.0  # seconds for a server whose connections are all in use: it works, and our turn comes
_LONGEST_PAUSE = 5.0
_CONNECT_TIMEOUT = 10
_BEGIN = "robustnas_begin"
_POSTGRESQL_LIMITS = f"""
SELECT set_config('lock_timeout', '{BUSY_TIMEOUT:g}s', true),
       set_config('idle_in_transaction_session_timeout', '60s', true)
"""  # a worker that is stopped in the middle of a transaction does not hold up the others for ever


class Transactions:
    """Runs work in transactions.

    No connection outlives its transaction: it costs a few milliseconds, and a process may fork or sleep for hours of
    training, and a thousand workers do not exhaust a server's connections.

    Args:
        location: Where the store is.
    """

    def __init__(self, location: Location) -> None:
        self.location = location

    def read(self, work: Callable[[Connection], Result], *, patient: bool = True) -> Result:
        """Return what `work` gives on one consistent view of the store.

        Args:
            work: Takes a connection inside a transaction; may run more than once.
            patient: Whether to try again when a server cannot be reached.

        Raises:
            DataError: The store cannot be read; names it and what to do.
        """
        return self._run(work, "BEGIN", patient)

    def write(self, work: Callable[[Connection], Result], *, patient: bool = True) -> Result:
        """Return what `work` gives after its changes were committed; arguments and errors as `read`.

        The transaction may run again after a commit whose confirmation was lost, so that work must bear repetition.
        """
        return self._run(work, "BEGIN IMMEDIATE", patient)  # SQLite: lock first, so that what was read holds

    def configure(self, statement: str) -> None:
        """Run a statement outside of any transaction."""
        self._run(lambda connection: connection.exec_driver_sql(statement), "", patient=True)

    def close(self) -> None:
        """Forget the engine; it is made again when needed."""
        if engine := self.__dict__.pop("_engine", None):
            engine.dispose()

    def _run(self, work: Callable[[Connection], Result], begin: str, patient: bool) -> Result:
        began = time.monotonic()
        for attempt in count(1):
            try:
                return self._attempt(work, begin)
            except DBAPIError as error:
                spent = _is_spent(error, attempt, time.monotonic() - began, patient=patient)
                if spent or not is_transient(error):
                    raise data_error(self.location, error) from error
            except SQLAlchemyError as error:
                raise data_error(self.location, error) from error
            _pause(attempt)
        raise AssertionError("unreachable")

    def _attempt(self, work: Callable[[Connection], Result], begin: str) -> Result:
        with self._engine.connect() as connection:
            connection.execution_options(**{_BEGIN: begin})
            with connection.begin():
                return work(connection)

    @cached_property
    def _engine(self) -> Engine:
        return _sqlite_engine(self.location) if self.location.path else _postgresql_engine(self.location)


def _is_spent(error: DBAPIError, attempt: int, seconds: float, *, patient: bool) -> bool:
    """Return whether a transaction was tried often and long enough."""
    if is_crowded(error):
        return seconds > _PATIENCE_IN_A_CROWD
    return attempt >= _N_ATTEMPTS or seconds > _PATIENCE or (is_disconnection(error) and not patient)


def _pause(attempt: int) -> None:
    """Sleep, longer after every attempt, and not as long as another process that failed at the same time."""
    spread = 0.5 + time.monotonic_ns() % 1000 / 1000
    time.sleep(min(0.1 * 2 ** min(attempt - 1, 10), _LONGEST_PAUSE) * spread)


_make_engine = partial(
    create_engine,
    poolclass=NullPool,
    json_serializer=partial(json.dumps, separators=(",", ":"), allow_nan=False),
)


def _sqlite_engine(location: Location) -> Engine:
    assert location.path
    try:
        location.path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise directory_error(location, error) from error
    # isolation_level None: the driver begins no transactions, `_begin_sqlite` does.
    engine = _make_engine(location.url, connect_args={"timeout": BUSY_TIMEOUT, "isolation_level": None})
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _set_up_sqlite(connection: Any, _: object) -> None:
    connection.execute("PRAGMA synchronous=FULL")  # every commit is on the disk: it cost minutes, a sync milliseconds
    connection.execute("PRAGMA foreign_keys=ON")


def _begin_sqlite(connection: Connection) -> None:
    if begin := connection.get_execution_options().get(_BEGIN):
        connection.exec_driver_sql(begin)


def _postgresql_engine(location: Location) -> Engine:
    limits: dict[str, object] = {
        "connect_timeout": _CONNECT_TIMEOUT,
        "application_name": "robustnas",
        "tcp_user_timeout": 30_000,  # milliseconds until a network that went dead is noticed
    }
    own = {name: value for name, value in limits.items() if name not in location.url.query}
    try:
        # Each statement sees what was committed before it, which is what a claim that waited for a lock needs.
        engine = _make_engine(location.url, isolation_level="READ COMMITTED", connect_args=own)
    except ImportError as error:
        raise driver_error(location, error) from error
    except SQLAlchemyError as error:
        raise DataError(location.mask(f"the store of measurements {location}: {error}")) from error
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(_POSTGRESQL_LIMITS))
    return engine
