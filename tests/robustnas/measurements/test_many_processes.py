from __future__ import annotations

import logging
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.robustnas.measurements.killed_workers import SECONDS, check, fill_under_fire


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_killed_processes_lose_and_double_nothing_in_a_file(tmp_path: Path) -> None:
    where = str(tmp_path / "new" / "store.sqlite")
    happened = fill_under_fire(where, tmp_path / "logs", seed=1)
    assert happened["kills"] > SECONDS, happened
    with closing(sqlite3.connect(where)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        assert connection.execute("PRAGMA journal_mode").fetchall() == [("wal",)]
    logging.info("what happened: %s", happened | check(where, tmp_path / "logs"))
