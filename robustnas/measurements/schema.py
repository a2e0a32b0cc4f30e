"""The tables of a store, and the version of their layout.

::

    robustnas_version   version                             one row
    networks            id, arch, images, images_digest, training, seed, space
    measurements        id, network_id, metric, source, level, protocol, settings, accuracy, ...
    claims              network_id, token, worker, claimed_at, expires_at
    runs                token, submitter, expires_at
    attempts            network_id, run, token, doing, share, n_recorded, n_lost, reason

Attempts are what a run did with each network, as long as it goes on; one that goes on has the token of its claim.

To query it in SQL: ``source`` is ``clean``, an attack or a corruption, and ``level`` its eps in units of 1/255 or its
severity, NULL for clean. ``confusion`` is JSON, a list of rows, one per true class. Times of claims and runs are in
seconds since 1970 on the clock of `robustnas.measurements.clock`.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    Connection,
    DateTime,
    Dialect,
    Double,
    ForeignKey,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    func,
    insert,
    inspect,
    select,
)
from sqlalchemy.types import TypeDecorator

from robustnas.errors import DataError
from robustnas.measurements.location import STORE_VARIABLE, Location

SCHEMA_VERSION = 3
"""The version of the layout that this RobustNAS reads and writes.

Version 2 (2026) added the column ``space`` to networks, version 3 (2026) the tables ``runs`` and ``attempts``;
`robustnas.measurements.migration` converts older stores.
"""

OLDEST_VERSION = 1
"""The oldest version that is converted when a store is opened."""

LAYOUT_LOCK, CHOICE_LOCK = 7_262_852_011, 7_262_852_012
"""Numbers that no other program uses as advisory locks: of changes of the layout, and of choices among networks."""


class UTCDateTime(TypeDecorator[datetime]):
    """An aware datetime in UTC, also where the database knows no time zones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the time as the database keeps it."""
        if value is not None and dialect.name == "sqlite":
            return value.astimezone(UTC).replace(tzinfo=None)
        return value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Return the time in UTC."""
        if value is None:
            return None
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


_Id = BigInteger().with_variant(Integer, "sqlite")  # SQLite counts up INTEGER keys only
metadata = MetaData()

version = Table(
    "robustnas_version",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("version", Integer, nullable=False),
    CheckConstraint("id = 1", name="robustnas_version_one_row"),
)

networks = Table(
    "networks",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("arch", Text, nullable=False),
    Column("images", Text, nullable=False),
    Column("images_digest", Text, nullable=False),
    Column("training", Text, nullable=False),
    Column("seed", BigInteger, nullable=False),
    Column("space", Text, nullable=False),
    UniqueConstraint("arch", "images", "images_digest", "training", "seed", "space", name="networks_once"),
)

measurements = Table(
    "measurements",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("network_id", _Id, ForeignKey("networks.id"), nullable=False),
    Column("metric", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("level", Double),  # NULL for clean; no part of the key, where NULLs would all be different
    Column("protocol", Text, nullable=False),
    Column("settings", Text, nullable=False),
    Column("accuracy", Double, nullable=False),
    Column("confidence", JSON(none_as_null=True), nullable=False),
    Column("confusion", JSON(none_as_null=True), nullable=False),
    Column("seconds", Double, nullable=False),
    Column("device", Text, nullable=False),
    Column("versions", JSON(none_as_null=True), nullable=False),
    Column("measured_at", UTCDateTime, nullable=False),
    UniqueConstraint("network_id", "metric", "protocol", "settings", name="measurements_once"),
    CheckConstraint("accuracy BETWEEN 0 AND 1", name="measurements_accuracy"),
    CheckConstraint("seconds >= 0", name="measurements_seconds"),
)

claims = Table(
    "claims",
    metadata,
    Column("network_id", _Id, ForeignKey("networks.id"), primary_key=True, autoincrement=False),
    Column("token", Text, nullable=False),
    Column("worker", Text, nullable=False),
    Column("claimed_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False),
)

runs = Table(
    "runs",
    metadata,
    Column("token", Text, primary_key=True),
    Column("submitter", Text, nullable=False),
    Column("expires_at", Double, nullable=False),
)

attempts = Table(
    "attempts",
    metadata,
    Column("network_id", _Id, ForeignKey("networks.id"), primary_key=True, autoincrement=False),
    Column("run", Text, ForeignKey("runs.token", ondelete="CASCADE"), primary_key=True),
    Column("token", Text, nullable=False),
    Column("doing", Text, nullable=False),
    Column("share", Double, nullable=False),
    Column("n_recorded", Integer, nullable=False),
    Column("n_lost", Integer, nullable=False),
    Column("reason", Text),  # NULL unless the run gave up on the network
)


def layout_version(connection: Connection, location: Location) -> int | None:
    """Return the version of a store's layout, None if a database has no tables of ours yet.

    Raises:
        DataError: It has them in a version that we neither read nor convert, or is the database of another program.
    """
    names = set(inspect(connection).get_table_names())
    if version.name in names:
        found: int | None = connection.scalar(select(version.c.version))
        return _checked_version(found, location)
    alien = names if connection.dialect.name == "sqlite" else names & set(metadata.tables)
    if alien:
        what = f"has tables of another program ({', '.join(sorted(alien)[:3])})"
        raise DataError(f"the store of measurements {location} {what}; name another one with {STORE_VARIABLE}")
    return None


def lock(connection: Connection, number: int) -> None:
    """Wait until no other process holds a lock; SQLite's transactions that write exclude each other anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(number)))


def create(connection: Connection) -> None:
    """Create the tables."""
    metadata.create_all(connection)
    connection.execute(insert(version).values(id=1, version=SCHEMA_VERSION))


def _checked_version(found: int | None, location: Location) -> int:
    if found is None or not OLDEST_VERSION <= found <= SCHEMA_VERSION:
        advice = f"use the RobustNAS that wrote it, or name another store with {STORE_VARIABLE}"
        what = f"is of version {found}, this RobustNAS reads version {SCHEMA_VERSION}"
        raise DataError(f"the store of measurements {location} {what}; {advice}")
    return found
