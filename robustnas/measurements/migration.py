"""The layout of a store that is opened: made if it is new, converted in place if it is of an older version.

All of it is one transaction: whoever is killed in the middle leaves the store as it was, and of several processes that
open it at once, one does the work. Rows keep their ids, so that claims which are held meanwhile stay valid.
"""

from __future__ import annotations

from sqlalchemy import Connection, insert, literal, select, table, update
from sqlalchemy import column as named

from robustnas.errors import DataError
from robustnas.measurements import schema
from robustnas.measurements.location import Location
from robustnas.measurements.transactions import Transactions
from robustnas.spaces import DEFAULT_SPACE

_OLD = "_before_migration"  # SQLite: what old tables are called until they are copied


def prepare(transactions: Transactions, location: Location) -> None:
    """Make a store's layout that of `schema.SCHEMA_VERSION`, unless it is already.

    Raises:
        DataError: It cannot be opened, read or written, is of a version that is not converted, or is something else.
    """
    found = transactions.read(lambda connection: schema.layout_version(connection, location), patient=False)
    if found == schema.SCHEMA_VERSION:
        return
    try:
        transactions.write(lambda connection: _write_layout(connection, location))
    except DataError as error:
        if found is None:
            raise
        why = f"it is of version {found}, and is converted to version {schema.SCHEMA_VERSION} when it is opened"
        raise DataError(
            f"{error}. ({why}: open it once where it can be written, or copy it to such a place.)"
        ) from error


def _write_layout(connection: Connection, location: Location) -> None:
    schema.lock(connection, schema.LAYOUT_LOCK)
    found = schema.layout_version(connection, location)  # again: another process may have been faster
    if found is None:
        schema.create(connection)
    elif found < schema.SCHEMA_VERSION:
        if found < 2:
            _add_space(connection)
        schema.metadata.create_all(connection)  # the tables that version 3 added
        connection.execute(update(schema.version).values(version=schema.SCHEMA_VERSION))


def _add_space(connection: Connection) -> None:
    """Convert version 1 to 2: a search space for every network; all there were are of NAS-Bench-201."""
    if connection.dialect.name == "sqlite":
        _rebuild(connection)
        return
    for change in (
        f"ADD COLUMN space TEXT NOT NULL DEFAULT '{DEFAULT_SPACE}'",
        "ALTER COLUMN space DROP DEFAULT",
        "DROP CONSTRAINT networks_once",
        "ADD CONSTRAINT networks_once UNIQUE (arch, images, images_digest, training, seed, space)",
    ):
        connection.exec_driver_sql(f"ALTER TABLE networks {change}")


def _rebuild(connection: Connection) -> None:
    """Copy all rows into tables of the present layout: SQLite cannot change a constraint."""
    parents_first = (schema.networks, schema.measurements, schema.claims)
    for new in parents_first:
        connection.exec_driver_sql(f"ALTER TABLE {new.name} RENAME TO {new.name}{_OLD}")
    schema.metadata.create_all(connection)
    for new in parents_first:
        names = [column.name for column in new.columns]
        old = table(f"{new.name}{_OLD}", *(named(name) for name in names if name != "space"))
        values = [literal(DEFAULT_SPACE) if name == "space" else old.c[name] for name in names]
        connection.execute(insert(new).from_select(names, select(*values).select_from(old)))
    for new in reversed(parents_first):
        connection.exec_driver_sql(f"DROP TABLE {new.name}{_OLD}")
