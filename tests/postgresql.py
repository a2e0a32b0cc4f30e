"""PostgreSQL, where it is installed."""

from __future__ import annotations

import pytest

from benchmarks.postgresql_server import find_programs


def skip_without_postgresql() -> None:
    """Skip a test where PostgreSQL or its driver is not installed."""
    pytest.importorskip("psycopg", reason='psycopg is not installed: pip install "robustnas[postgresql]"')
    if find_programs() is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
