"""Rows of the tables from values, and values from rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, and_, select, true
from sqlalchemy.dialects import postgresql, sqlite

from robustnas.errors import DataError
from robustnas.measurements import fields as checked
from robustnas.measurements.location import Location
from robustnas.measurements.measurement import Measurement, MeasurementKey, NetworkKey
from robustnas.measurements.schema import measurements, networks
from robustnas.metric import Metric

_CHUNK = 10_000  # values in one statement; both databases take three times as many
_BATCH = 2_000  # rows that are fetched at once

NETWORK_COLUMNS = tuple(networks.c[name] for name in ("arch", "images", "images_digest", "training", "seed", "space"))
"""The columns that make a `NetworkKey`, in its order."""

_KEY_COLUMNS = tuple(measurements.c[name] for name in ("metric", "protocol", "settings"))
_KEY = [measurements.c.network_id, *_KEY_COLUMNS]  # of the constraint measurements_once
_VALUES = ("accuracy", "confidence", "confusion", "seconds", "device", "versions", "measured_at")

Conditions = Sequence[ColumnElement[bool]]


def insertion(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """Return an INSERT of the connection's database, which knows ON CONFLICT."""
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


def network_id(connection: Connection, network: NetworkKey) -> int:
    """Return the id of a network's row; it is inserted if it is new."""
    values = {column.name: getattr(network, column.name) for column in NETWORK_COLUMNS}
    query = select(networks.c.id).where(*(networks.c[name] == value for name, value in values.items()))
    found = connection.scalar(query)
    if found is None:
        connection.execute(insertion(connection, networks).values(values).on_conflict_do_nothing())
        found = connection.scalar(query)
    return int(found)  # type: ignore[arg-type]  # inserted, by us or by another


def insert_measurements(
    connection: Connection, owner: int, values: Sequence[Measurement], *, replace: bool = False
) -> int:
    """Insert measurements of the network of id `owner` and return how many were written.

    Args:
        connection: Inside a transaction.
        owner: The id of the network.
        values: The measurements.
        replace: Whether they take the place of those that are there already, which are kept otherwise.
    """
    if not values:
        return 0
    statement = insertion(connection, measurements)
    new = {name: statement.excluded[name] for name in _VALUES}
    upsert = statement.on_conflict_do_update(index_elements=_KEY, set_=new)
    written = (upsert if replace else statement.on_conflict_do_nothing()).returning(measurements.c.id)
    return len(connection.execute(written, [_row(owner, value) for value in values]).all())


def select_keys(connection: Connection, wanted: Conditions, conditions: Conditions) -> Iterator[MeasurementKey]:
    """Yield the keys of the measurements that meet all conditions and one of those wanted."""
    found = _select(connection, _KEY_COLUMNS, wanted, conditions)
    with _damage_reported(connection), closing(found):
        for network, row in found:
            yield MeasurementKey(network, row.metric, row.protocol, row.settings)


def select_measurements(connection: Connection, wanted: Conditions, conditions: Conditions) -> Iterator[Measurement]:
    """Yield the measurements that meet all conditions and one of those wanted, in the order they were recorded."""
    columns = (*_KEY_COLUMNS, *(measurements.c[name] for name in _VALUES))
    found = _select(connection, columns, wanted, conditions)
    with _damage_reported(connection), closing(found):
        for network, row in found:
            key = MeasurementKey(network, row.metric, row.protocol, row.settings)
            yield Measurement(key, *(getattr(row, name) for name in _VALUES))


def select_accuracies(connection: Connection, conditions: Conditions) -> Iterator[tuple[NetworkKey, float]]:
    """Yield the networks and accuracies of the measurements that meet all conditions."""
    found = _select(connection, [measurements.c.accuracy], [true()], conditions)
    with _damage_reported(connection), closing(found):
        for network, row in found:
            yield network, checked.fraction("accuracy", row.accuracy)


def any_of(wanted: Iterable[NetworkKey]) -> list[ColumnElement[bool]]:
    """Return conditions that hold for some networks, each short enough for one statement: few for many networks."""
    archs: defaultdict[tuple[Any, ...], list[str]] = defaultdict(list)
    for network in dict.fromkeys(wanted):
        rest = (network.images, network.images_digest, network.training, network.seed, network.space)
        archs[rest].append(network.arch)
    return [
        and_(
            networks.c.arch.in_(names[start : start + _CHUNK]),
            *(column == value for column, value in zip(NETWORK_COLUMNS[1:], rest, strict=True)),
        )
        for rest, names in archs.items()
        for start in range(0, len(names), _CHUNK)
    ]


def _select(
    connection: Connection, columns: Sequence[ColumnElement[Any]], wanted: Conditions, conditions: Conditions
) -> Generator[tuple[NetworkKey, Any]]:
    for condition in wanted:
        query = select(*NETWORK_COLUMNS, *columns).join_from(networks, measurements).where(condition, *conditions)
        ordered = query.order_by(measurements.c.id).execution_options(yield_per=_BATCH)
        with connection.execute(ordered) as result:
            for row in result:
                yield network_key(*row[: len(NETWORK_COLUMNS)]), row


@lru_cache(maxsize=65_536)
def network_key(arch: str, images: str, images_digest: str, training: str, seed: int, space: str) -> NetworkKey:
    """Return the key that the columns of a network make, `NETWORK_COLUMNS`; it is checked once."""
    return NetworkKey(arch, images, images_digest, training, seed, space)


@contextmanager
def _damage_reported(connection: Connection) -> Iterator[None]:
    """Turn a failed check of a row into a `DataError`: it was valid when it was written."""
    try:
        yield
    except (ValueError, TypeError) as error:
        what = f"the store of measurements {Location(connection.engine.url)} holds a row that is not a measurement"
        raise DataError(f"{what}: {error}; another program changed it: delete it to measure it again") from error


def _row(owner: int, value: Measurement) -> Mapping[str, Any]:
    metric = Metric.parse(value.key.metric)
    return {
        "network_id": owner,
        "metric": value.key.metric,
        "source": metric.kind,
        "level": metric.level,
        "protocol": value.key.protocol,
        "settings": value.key.settings,
        **{name: getattr(value, name) for name in _VALUES},
        "confusion": value.confusion.tolist(),
    }
