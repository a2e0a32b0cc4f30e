"""Stores to test on: SQLite files, and databases of a PostgreSQL server that is started for the tests."""

from __future__ import annotations

import itertools
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from robustnas.measurements import STORE_VARIABLE, MeasurementStore


class PostgreSQL:
    """A server of the tests' own, in a directory of its own; a socket for all, TCP with a password."""

    password = "open-sesame"

    def __init__(self, programs: Path, directory: Path) -> None:
        self.programs = programs
        self.directory = directory
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.numbers = itertools.count()

    def run(self, program: str, *arguments: str) -> None:
        """Run one of PostgreSQL's programs; they refuse to be root."""
        become = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        command = [*become, str(self.programs / program), *arguments]
        with (self.directory / "log").open("a") as log:
            log.write(f"{command}\n")
            log.flush()
            done = subprocess.run(command, stdout=log, stderr=log, cwd=self.directory, timeout=60)
        assert done.returncode == 0, (self.directory / "log").read_text()

    def make(self) -> None:
        password = self.directory / "password"
        password.write_text(self.password)
        password.chmod(0o644)
        access = ["--auth-local=trust", "--auth-host=scram-sha-256", f"--pwfile={password}"]
        self.run("initdb", "-D", self.data, "-U", "postgres", "-E", "UTF8", "--locale=C", "--no-sync", *access)

    def start(self) -> None:
        options = f"-p {self.port} -k {self.directory} -c listen_addresses=127.0.0.1 -c fsync=off"
        self.run("pg_ctl", "-D", self.data, "-w", "-l", f"{self.directory}/server.log", "-o", options, "start")

    def stop(self, mode: str = "fast") -> None:
        self.run("pg_ctl", "-D", self.data, "-w", "-m", mode, "stop")

    @property
    def data(self) -> str:
        return str(self.directory / "data")

    def url(self, database: str) -> str:
        return f"postgresql://postgres@/{database}?host={self.directory}&port={self.port}"

    def administer(self, program: str, *arguments: str) -> None:
        self.run(program, "-h", str(self.directory), "-p", str(self.port), "-U", "postgres", *arguments)

    def new_database(self) -> str:
        """Return the URL of a new, empty database."""
        name = f"store{next(self.numbers)}"
        self.administer("createdb", name)
        return self.url(name)

    def new_schema(self) -> str:
        """Return the URL of a new, empty schema; it costs less than a database."""
        name = f"store{next(self.numbers)}"
        self.administer("psql", "-c", f"CREATE SCHEMA {name}", "postgres")
        return self.url("postgres") + f"&options=-csearch_path%3D{name}"


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """A running server; skips where PostgreSQL or its driver is not installed."""
    pytest.importorskip("psycopg", reason='psycopg is not installed: pip install "robustnas[postgresql]"')
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres")) or [Path(shutil.which("postgres") or "none")]
    if not found[-1].exists():
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    directory = Path(tempfile.mkdtemp(prefix="robustnas-"))  # pytest's own are too long for a socket's path
    if os.geteuid() == 0:
        shutil.chown(directory, "postgres")
    server = PostgreSQL(found[-1].parent, directory)
    try:
        server.make()
        server.start()
        yield server
        server.stop("immediate")
    finally:
        shutil.rmtree(directory)


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
