"""Errors of databases: which ones are transient, and what to advise on the others."""

from __future__ import annotations

import errno
import sqlite3

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError

from robustnas.errors import DataError
from robustnas.measurements.location import STORE_VARIABLE, Location

_ELSEWHERE = f"name another store with {STORE_VARIABLE}"
_WRITABLE = f"make it writable, or {_ELSEWHERE}"
_FULL = "free some space; everything recorded before is kept"
_LOCKED = "end the process that holds it, and run again"
_FOREIGN = f"move that file away, or {_ELSEWHERE}"
_UNREACHABLE = "check that the server runs and that server, user and database in the URL are right"

_SQLITE_ADVICE = {
    sqlite3.SQLITE_PERM: _WRITABLE,
    sqlite3.SQLITE_READONLY: _WRITABLE,
    sqlite3.SQLITE_CANTOPEN: _WRITABLE,
    sqlite3.SQLITE_FULL: _FULL,
    sqlite3.SQLITE_IOERR: "the disk is full, read-only or failing; " + _FULL,
    sqlite3.SQLITE_BUSY: _LOCKED,
    sqlite3.SQLITE_LOCKED: _LOCKED,
    sqlite3.SQLITE_NOTADB: _FOREIGN,
    sqlite3.SQLITE_CORRUPT: _FOREIGN,
}
_SQLITE_TRANSIENT = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL)

_POSTGRESQL_ADVICE = {
    "08": _UNREACHABLE,
    "28": _UNREACHABLE,
    "3D": _UNREACHABLE,
    "25": "its server is read-only; name one that can be written",
    "42": f"ask its owner for the rights, or {_ELSEWHERE}",
    "53": "the server lacks space or connections; " + _FULL,
    "55": _LOCKED,
    "57": _UNREACHABLE,
}
# Connection lost, serialisation failure, deadlock, lock timeout, shutdown or crash, idle timeout, no free connection.
_POSTGRESQL_TRANSIENT = ("08", "40001", "40P01", "55P03", "57P01", "57P02", "57P03", "25P03", "53300")
# A connection that is refused carries no SQLSTATE. A server that says it in another language is tried less often.
_CROWDED = ("too many clients already", "remaining connection slots", "too many connections for")


def is_transient(error: DBAPIError) -> bool:
    """Return whether the same transaction may succeed when tried again."""
    if isinstance(error.orig, sqlite3.Error):
        return _sqlite_code(error.orig) in _SQLITE_TRANSIENT
    return is_disconnection(error) or _sqlstate(error).startswith(_POSTGRESQL_TRANSIENT)


def is_crowded(error: DBAPIError) -> bool:
    """Return whether all connections of a server, a database or a user are in use."""
    return any(phrase in str(error.orig) for phrase in _CROWDED)


def is_disconnection(error: DBAPIError) -> bool:
    """Return whether a server could not be reached, or went away."""
    if isinstance(error.orig, sqlite3.Error):
        return False
    nameless = isinstance(error, OperationalError | InterfaceError) and not _sqlstate(error)
    return error.connection_invalidated or nameless


def data_error(location: Location, error: SQLAlchemyError) -> DataError:
    """Return the error to raise for one of SQLAlchemy: it names the store, the reason and what to do."""
    original = error.orig if isinstance(error, DBAPIError) else error
    reason = str(original).strip().partition("\n")[0]
    return DataError(location.mask(f"the store of measurements {location}: {reason}; {_advice(error)}"))


def directory_error(location: Location, error: OSError) -> DataError:
    """Return the error to raise where the directory of a store cannot be made."""
    reason = "no space left" if error.errno == errno.ENOSPC else error.strerror or error
    return DataError(f"the store of measurements {location}: cannot make its directory: {reason}; {_WRITABLE}")


def driver_error(location: Location, error: ImportError) -> DataError:
    """Return the error to raise where psycopg is missing."""
    advice = 'PostgreSQL needs psycopg: pip install "robustnas[postgresql]"'
    return DataError(f"the store of measurements {location}: {advice} ({error})")


def _advice(error: SQLAlchemyError) -> str:
    if isinstance(error, DBAPIError):
        if isinstance(error.orig, sqlite3.Error):
            return _SQLITE_ADVICE.get(_sqlite_code(error.orig), _FOREIGN)
        if is_disconnection(error):
            return _UNREACHABLE
        return _POSTGRESQL_ADVICE.get(_sqlstate(error)[:2], _ELSEWHERE)
    return _ELSEWHERE


def _sqlite_code(error: sqlite3.Error) -> int:
    """Return SQLite's primary result code, 0 if the error has none."""
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF


def _sqlstate(error: DBAPIError) -> str:
    return getattr(error.orig, "sqlstate", None) or ""
