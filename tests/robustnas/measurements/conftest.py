"""Stores to test on: SQLite files, and databases of a PostgreSQL server that is started for the tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.postgresql_server import PostgreSQL, running_server
from robustnas.measurements import STORE_VARIABLE, MeasurementStore
from tests.postgresql import skip_without_postgresql


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """A running server; skips where PostgreSQL or its driver is not installed."""
    skip_without_postgresql()
    with running_server("fsync=off") as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a new store may be, on each kind of database."""
    if request.param == "sqlite":
        return str(tmp_path / "store.sqlite")
    server: PostgreSQL = request.getfixturevalue("postgresql")
    return server.new_schema()


@pytest.fixture
def store(where: str) -> Iterator[MeasurementStore]:
    with MeasurementStore.open(where) as store:
        yield store


@pytest.fixture(autouse=True)
def no_store_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(STORE_VARIABLE, raising=False)
