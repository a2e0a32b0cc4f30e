"""Where a store is: an SQLite file or a PostgreSQL database, from a path, a URL or the environment."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from robustnas.errors import InvalidInputError

STORE_VARIABLE = "ROBUSTNAS_STORE"
"""The environment variable that names the store, as a path or a URL."""

_SQLITE = ("sqlite", "sqlite+pysqlite")
_POSTGRESQL = ("postgresql", "postgres", "postgresql+psycopg")
_EXPECTED = "expected a path, sqlite:///PATH or postgresql://USER:PASSWORD@HOST/DATABASE"


@dataclass(frozen=True)
class Location:
    """Where a store is.

    Attributes:
        url: The URL, password included; never to be shown.

    >>> str(Location.parse("postgresql://ada:secret@db.lab/robustness"))
    'postgresql+psycopg://ada:***@db.lab/robustness'
    """

    url: URL = field(repr=False)

    @classmethod
    def parse(cls, where: str | Path | None = None) -> Location:
        """Read a path or a URL; None for what ROBUSTNAS_STORE names, else a file in the user's data directory.

        Raises:
            InvalidInputError: A URL that does not parse, or of a database that is not supported.
        """
        if where is None:
            where = os.environ.get(STORE_VARIABLE) or _default_path()
        if isinstance(where, str) and "://" in where:
            return cls(_read_url(where))
        if not str(where) or str(where) == ":memory:":
            raise InvalidInputError(f"the store is {str(where)!r}; {_EXPECTED}")
        return cls(_file_url(Path(where)))

    @property
    def path(self) -> Path | None:
        """The file of an SQLite store, absolute; None for a server."""
        return Path(self.url.database or "") if self.url.drivername == "sqlite" else None

    @property
    def reopens(self) -> str:
        """The path or URL that opens the store again, password included."""
        return str(self.path) if self.path else self.url.render_as_string(hide_password=False)

    def mask(self, message: str) -> str:
        """Return `message` without the password, should it quote it."""
        secrets = {self.url.password, *(self.url.query.get(name) for name in ("password", "sslpassword"))}
        for secret in secrets:
            if isinstance(secret, str) and secret:
                message = message.replace(secret, "***")
        return message

    def __str__(self) -> str:
        if self.path:
            return str(self.path)
        hidden = {name: "***" for name in ("password", "sslpassword") if name in self.url.query}
        return self.url.update_query_dict(hidden).render_as_string(hide_password=True)


def _default_path() -> Path:
    import platformdirs

    return platformdirs.user_data_path("robustnas") / "measurements.sqlite"


def _file_url(path: Path) -> URL:
    return URL.create("sqlite", database=str(path.expanduser().absolute()))


def _read_url(text: str) -> URL:
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise InvalidInputError(f"the store is {_without_password(text)!r}, which is not a URL; {_EXPECTED}") from None
    if url.drivername in _POSTGRESQL:
        return url.set(drivername="postgresql+psycopg")
    if url.drivername in _SQLITE and url.database not in (None, "", ":memory:") and not url.query:
        assert url.database
        return _file_url(Path(url.database))
    raise InvalidInputError(f"the store is {_without_password(text)!r}; {_EXPECTED}")


def _without_password(text: str) -> str:
    return re.sub(r"(?<=://).*@", "***@", re.sub(r"(?<=password=)[^&]*", "***", text))
