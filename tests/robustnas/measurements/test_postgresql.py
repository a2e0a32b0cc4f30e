from __future__ import annotations

import logging
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import Connection, make_url
from sqlalchemy.exc import OperationalError

from robustnas.errors import DataError
from robustnas.measurements import MeasurementStore
from robustnas.measurements.location import Location
from robustnas.measurements.transactions import Transactions
from tests.robustnas.measurements.killed_workers import SECONDS, check, fill_under_fire
from tests.robustnas.measurements.made_up import made_up_keys, made_up_measurement, made_up_networks

psycopg = pytest.importorskip("psycopg", reason='psycopg is not installed: pip install "robustnas[postgresql]"')

if TYPE_CHECKING:
    from tests.robustnas.measurements.conftest import PostgreSQL

pytestmark = pytest.mark.timeout(60)  # slow where processors are shared

NETWORK = made_up_networks(1)[0]
KEYS = made_up_keys(NETWORK)


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_killed_processes_lose_and_double_nothing_on_a_server(postgresql: PostgreSQL, tmp_path: Path) -> None:
    where = postgresql.new_database()
    happened = fill_under_fire(where, tmp_path / "logs", seed=2)
    assert happened["kills"] > SECONDS, happened
    logging.info("what happened: %s", happened | check(where, tmp_path / "logs"))


def test_a_server_that_restarts_is_waited_for(postgresql: PostgreSQL) -> None:
    with MeasurementStore.open(postgresql.new_schema()) as store, store.claim(NETWORK) as claim:
        postgresql.stop("immediate")
        threading.Timer(1.0, postgresql.start).start()
        assert claim.record([made_up_measurement(key) for key in KEYS]) == len(KEYS)


def test_a_session_that_the_server_ends_is_tried_again(postgresql: PostgreSQL) -> None:
    with MeasurementStore.open(postgresql.new_schema()) as store:
        ended = []

        def work(connection: Connection) -> int:
            if not ended:
                ended.append(1)
                connection.exec_driver_sql("SELECT pg_terminate_backend(pg_backend_pid())")
            return int(connection.exec_driver_sql("SELECT 7").scalar_one())

        assert store._transactions.write(work) == 7


def test_a_commit_whose_confirmation_was_lost(postgresql: PostgreSQL, monkeypatch: pytest.MonkeyPatch) -> None:
    """The claim that the first run took is ours when the transaction runs again."""
    networks = made_up_networks(2)
    with MeasurementStore.open(postgresql.new_schema()) as store:
        attempt, lost = Transactions._attempt, []

        def committed_but_unconfirmed(self: Transactions, work: Any, begin: str) -> Any:
            result = attempt(self, work, begin)
            if not lost:
                lost.append(1)
                raise OperationalError("COMMIT", None, psycopg.OperationalError("server closed the connection"))
            return result

        monkeypatch.setattr(Transactions, "_attempt", committed_but_unconfirmed)
        with store.claim_first(networks) as claim:
            assert claim.network == NETWORK
            assert [active.network for active in store.active_claims()] == [NETWORK]
            lost.clear()
            with store.claim(networks[1]) as second:
                assert second
                assert store.claim(networks[1]) is None
            lost.clear()
            claim.record([made_up_measurement(key) for key in KEYS])
        assert store.missing(KEYS) == []


def test_a_server_without_a_free_connection_is_waited_for(
    postgresql: PostgreSQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = postgresql.new_database()
    MeasurementStore.open(where)
    guest = f"guest{next(postgresql.numbers)}"
    postgresql.administer("createuser", guest)
    postgresql.administer("psql", "-c", f"ALTER ROLE {guest} CONNECTION LIMIT 1", "postgres")
    postgresql.administer("psql", "-c", f"GRANT pg_read_all_data TO {guest}", "postgres")
    url = where.replace("postgres@", f"{guest}@")
    with psycopg.connect(url.replace("+psycopg", "")) as only:
        pauses: list[int] = []

        def pause(attempt: int) -> None:
            pauses.append(attempt)
            if attempt == 30:
                only.close()
                time.sleep(0.5)

        monkeypatch.setattr("robustnas.measurements.transactions._pause", pause)
        assert MeasurementStore.open(url).active_claims() == []
    assert len(pauses) >= 30


def test_no_server() -> None:
    begin = time.monotonic()
    with pytest.raises(DataError, match=r"ada:\*\*\*@127.0.0.1:1/d: .*refused.*; check that the server runs") as caught:
        MeasurementStore.open("postgresql://ada:sesame@127.0.0.1:1/d")
    assert "sesame" not in str(caught.value)
    assert time.monotonic() - begin < 10


def test_a_wrong_password_and_a_wrong_name(postgresql: PostgreSQL) -> None:
    server = f"127.0.0.1:{postgresql.port}"
    with pytest.raises(DataError, match="password authentication failed") as caught:
        MeasurementStore.open(f"postgresql://postgres:wrong-sesame@{server}/postgres")
    assert "sesame" not in str(caught.value)
    with pytest.raises(DataError, match='database "nowhere" does not exist'):
        MeasurementStore.open(postgresql.url("nowhere"))
    database = make_url(postgresql.new_database()).database
    assert len(MeasurementStore.open(f"postgresql://postgres:{postgresql.password}@{server}/{database}")) == 0


def test_rights_that_are_missing(postgresql: PostgreSQL) -> None:
    where = postgresql.new_database()
    MeasurementStore.open(where)
    with pytest.raises(DataError, match=r"read-only transaction; its server is read-only"):
        MeasurementStore.open(f"{where}&options=-cdefault_transaction_read_only%3Don").claim(NETWORK)
    guest = f"guest{next(postgresql.numbers)}"
    postgresql.administer("createuser", guest)
    with pytest.raises(DataError, match=r"permission denied .*; ask its owner for the rights"):
        MeasurementStore.open(where.replace("postgres@", f"{guest}@"))


def test_tables_of_another_program(postgresql: PostgreSQL) -> None:
    where = postgresql.new_schema()
    store = MeasurementStore(Location.parse(where))
    store._transactions.configure("CREATE TABLE studies (id integer)")
    MeasurementStore.open(where)
    where = postgresql.new_schema()
    store = MeasurementStore(Location.parse(where))
    store._transactions.configure("CREATE TABLE networks (id integer)")
    with pytest.raises(DataError, match=r"has tables of another program \(networks\)"):
        MeasurementStore.open(where)


def test_a_missing_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(DataError, match=r'PostgreSQL needs psycopg: pip install "robustnas\[postgresql\]"'):
        MeasurementStore.open("postgresql://ada:secret@h/d")
