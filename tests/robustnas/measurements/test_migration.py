"""Stores of versions 1 and 2: converted when they are opened, whole or not at all."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, inspect

from robustnas.errors import DataError, InvalidInputError
from robustnas.measurements import Measurement, MeasurementKey, MeasurementStore, migration
from robustnas.measurements.location import Location
from robustnas.measurements.transactions import Transactions
from tests.robustnas.measurements.made_up import made_up_keys, made_up_measurement, made_up_networks

pytestmark = pytest.mark.timeout(60)  # slow where processors are shared

NETWORKS = made_up_networks(3)
VALUES = [made_up_measurement(key) for network in NETWORKS[:2] for key in made_up_keys(network)]

VERSION_1 = {
    "sqlite": """
CREATE TABLE robustnas_version (
    id INTEGER NOT NULL, version INTEGER NOT NULL, PRIMARY KEY (id),
    CONSTRAINT robustnas_version_one_row CHECK (id = 1));
CREATE TABLE networks (
    id INTEGER NOT NULL, arch TEXT NOT NULL, images TEXT NOT NULL, images_digest TEXT NOT NULL, training TEXT NOT NULL,
    seed BIGINT NOT NULL, PRIMARY KEY (id),
    CONSTRAINT networks_once UNIQUE (arch, images, images_digest, training, seed));
CREATE TABLE measurements (
    id INTEGER NOT NULL, network_id INTEGER NOT NULL, metric TEXT NOT NULL, source TEXT NOT NULL, level DOUBLE,
    protocol TEXT NOT NULL, settings TEXT NOT NULL, accuracy DOUBLE NOT NULL, confidence JSON NOT NULL,
    confusion JSON NOT NULL, seconds DOUBLE NOT NULL, device TEXT NOT NULL, versions JSON NOT NULL,
    measured_at DATETIME NOT NULL, PRIMARY KEY (id),
    CONSTRAINT measurements_once UNIQUE (network_id, metric, protocol, settings),
    CONSTRAINT measurements_accuracy CHECK (accuracy BETWEEN 0 AND 1),
    CONSTRAINT measurements_seconds CHECK (seconds >= 0), FOREIGN KEY(network_id) REFERENCES networks (id));
CREATE TABLE claims (
    network_id INTEGER NOT NULL, token TEXT NOT NULL, worker TEXT NOT NULL, claimed_at DOUBLE NOT NULL,
    expires_at DOUBLE NOT NULL, PRIMARY KEY (network_id), FOREIGN KEY(network_id) REFERENCES networks (id))
"""
}
VERSION_1["postgresql"] = (
    VERSION_1["sqlite"]
    .replace("id INTEGER NOT NULL, arch", "id BIGSERIAL NOT NULL, arch")
    .replace("id INTEGER NOT NULL, network_id INTEGER", "id BIGSERIAL NOT NULL, network_id BIGINT")
    .replace("network_id INTEGER", "network_id BIGINT")
    .replace("DOUBLE", "DOUBLE PRECISION")
    .replace("DATETIME", "TIMESTAMP WITH TIME ZONE")
)


def write_version_1(where: str) -> None:
    """Write a store as version 1 was: two networks with all their measurements, and a third one that is claimed."""
    location = Location.parse(where)

    def work(connection: Connection) -> None:
        zone = "+00" if connection.dialect.name == "postgresql" else ""
        for statement in VERSION_1[connection.dialect.name].split(";"):
            connection.exec_driver_sql(statement)
        insert(connection, "robustnas_version", id=1, version=1)
        for number, network in enumerate(NETWORKS, start=1):
            names = ("arch", "images", "images_digest", "training", "seed")
            insert(connection, "networks", **{name: getattr(network, name) for name in names})
            for value in VALUES:
                if value.key.network == network:
                    insert(connection, "measurements", network_id=number, **facts(value, zone))
        insert(connection, "claims", network_id=3, token="abc", worker="ada", claimed_at=2e9, expires_at=4e9)

    transactions = Transactions(location)
    transactions.write(work)
    transactions.close()


def write_version_2(where: str) -> None:
    """Write a store as version 2 was: what version 1 held, with the tables as they are but for those of runs."""
    write_version_1(where)

    def work(connection: Connection) -> None:
        migration._add_space(connection)
        for table in ("attempts", "runs"):
            connection.exec_driver_sql(f"DROP TABLE IF EXISTS {table}")  # SQLite's conversion makes all tables
        connection.exec_driver_sql("UPDATE robustnas_version SET version = 2")

    with closing(Transactions(Location.parse(where))) as transactions:
        transactions.write(work)


def insert(connection: Connection, table: str, **values: Any) -> None:
    holder = "?" if connection.dialect.name == "sqlite" else "%s"
    statement = f"INSERT INTO {table} ({', '.join(values)}) VALUES ({', '.join([holder] * len(values))})"
    connection.exec_driver_sql(statement, tuple(values.values()))


def facts(value: Measurement, zone: str) -> dict[str, Any]:
    level = value.key.metric.partition("@")[2]
    return {
        "metric": value.key.metric,
        "source": value.key.metric.partition("@")[0].removeprefix("corruption:"),
        "level": float(level) if level else None,
        "protocol": value.key.protocol,
        "settings": value.key.settings,
        "accuracy": value.accuracy,
        "confidence": json.dumps(value.confidence),
        "confusion": json.dumps(value.confusion.tolist()),
        "seconds": value.seconds,
        "device": value.device,
        "versions": json.dumps(value.versions),
        "measured_at": value.measured_at.strftime("%Y-%m-%d %H:%M:%S.%f") + zone,
    }


def layout(where: str) -> dict[str, Any]:
    """Return columns and constraints of a store, by table."""

    def work(connection: Connection) -> dict[str, Any]:
        found = inspect(connection)
        return {
            name: (
                sorted((column["name"], column["nullable"]) for column in found.get_columns(name)),
                sorted((unique["name"] or "", unique["column_names"]) for unique in found.get_unique_constraints(name)),
                [(key["constrained_columns"], key["referred_table"]) for key in found.get_foreign_keys(name)],
                found.get_pk_constraint(name)["constrained_columns"],
            )
            for name in found.get_table_names()
        }

    with closing(Transactions(Location.parse(where))) as transactions:
        return transactions.read(work)


def check(store: MeasurementStore) -> None:
    """Check that a converted store holds all there was, and works."""
    assert store.measurements() == VALUES
    (claim,) = store.active_claims()
    assert (claim.network, claim.worker) == (NETWORKS[2], "ada")
    assert store.claim(NETWORKS[2]) is None
    keys = made_up_keys(NETWORKS[0])
    assert store.missing(keys) == []
    other = replace(NETWORKS[0], space="another")
    with store.claim(other) as claimed:  # type: ignore[union-attr]
        assert claimed.record(made_up_measurement(replace(keys[0], network=other))) == 1
    assert len(store) == len(VALUES) + 1
    assert store.known(other) == {replace(keys[0], network=other)}
    with store.claim(NETWORKS[0]) as claimed:  # type: ignore[union-attr]
        assert claimed.record(VALUES[0]) == 0


@pytest.mark.parametrize("write", [write_version_1, write_version_2])
def test_nothing_is_lost(
    write: Callable[[str], None], where: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    write(where)
    with MeasurementStore.open(where) as store:
        check(store)
    new = str(tmp_path / "new.sqlite")
    if "postgresql" in where:
        new = request.getfixturevalue("postgresql").new_schema()
    MeasurementStore.open(new).close()
    assert layout(where) == layout(new)
    assert MeasurementStore.open(where).frame()["space"].tolist() == ["nasbench201"] * len(VALUES) + ["another"]


_OPEN = """
import sys, time
from pathlib import Path
from robustnas.measurements import MeasurementStore
print("ready", flush=True)
while not Path(sys.argv[2]).exists():
    time.sleep(0.001)
print(len(MeasurementStore.open(sys.argv[1])))
"""


@pytest.mark.timeout(60)
def test_processes_that_open_it_at_once(where: str, tmp_path: Path) -> None:
    write_version_1(where)
    command = [sys.executable, "-W", "error", "-c", _OPEN, where, str(tmp_path / "go")]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert {process.stdout.readline() for process in processes if process.stdout} == {"ready\n"}
    (tmp_path / "go").touch()
    assert [process.communicate()[0] for process in processes] == [f"{len(VALUES)}\n"] * 3
    with MeasurementStore.open(where) as store:
        check(store)


_KILLED = """
import os, signal, sys
from robustnas.measurements import MeasurementStore, migration
add_space = migration._add_space
def killed(connection):
    add_space(connection)
    os.kill(os.getpid(), signal.SIGKILL)
migration._add_space = killed
MeasurementStore.open(sys.argv[1])
"""


@pytest.mark.timeout(60)
def test_a_process_that_is_killed_in_the_middle(where: str) -> None:
    write_version_1(where)
    before = layout(where)
    done = subprocess.run([sys.executable, "-c", _KILLED, where])
    assert done.returncode == -signal.SIGKILL
    assert layout(where) == before
    with MeasurementStore.open(where) as store:
        check(store)


def test_a_store_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    where = str(tmp_path / "store.sqlite")
    write_version_1(where)

    def refused(*_: object) -> None:
        raise DataError("the store of measurements there: attempt to write a readonly database; make it writable")

    monkeypatch.setattr(Transactions, "write", refused)
    with pytest.raises(DataError, match=r"make it writable\. \(it is of version 1, and is converted to version 3 when"):
        MeasurementStore.open(where)


@pytest.mark.timeout(60)
def test_a_server_that_is_read_only(request: pytest.FixtureRequest) -> None:
    where = request.getfixturevalue("postgresql").new_database()
    write_version_1(where)
    with pytest.raises(DataError, match=r"read-only; name one that can be written\. \(it is of version 1"):
        MeasurementStore.open(f"{where}&options=-cdefault_transaction_read_only%3Don")


@pytest.mark.parametrize("version", [0, 4])
def test_other_versions_are_refused(version: int, where: str) -> None:
    write_version_1(where)
    with closing(Transactions(Location.parse(where))) as transactions:
        transactions.write(lambda c: c.exec_driver_sql(f"UPDATE robustnas_version SET version = {version}"))
    with pytest.raises(DataError, match=rf"is of version {version}, this RobustNAS reads version 3; use the RobustNAS"):
        MeasurementStore.open(where)


def test_architectures_of_other_spaces() -> None:
    network = replace(NETWORKS[0], arch="3-16-2", space="mine")
    assert str(network) == "3-16-2 of mine on digits, seed 0"
    assert MeasurementKey(network, "clean", "paper", "c0ffee01").network.space == "mine"
    with pytest.raises(InvalidInputError, match="arch is ''"):
        replace(network, arch="")
    with pytest.raises(InvalidInputError, match="arch string"):
        replace(network, space="nasbench201")
