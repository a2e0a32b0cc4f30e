"""A PostgreSQL server of one's own, from Debian's programs, for benchmarks and tests: a directory, gone afterwards."""

from __future__ import annotations

import itertools
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class PostgreSQL:
    """A server in a directory of its own; a socket for all, TCP with a password.

    Args:
        programs: The folder of ``initdb`` and ``pg_ctl``.
        directory: Where it lives.
        settings: Settings of the server, such as ``fsync=off``.
    """

    password = "open-sesame"

    def __init__(self, programs: Path, directory: Path, settings: tuple[str, ...] = ()) -> None:
        self.programs, self.directory, self.settings = programs, directory, settings
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
            done = subprocess.run(command, stdout=log, stderr=log, cwd=self.directory, timeout=60, check=False)
        assert done.returncode == 0, (self.directory / "log").read_text()

    def make(self) -> None:
        """Lay out its directory."""
        password = self.directory / "password"
        password.write_text(self.password)
        password.chmod(0o644)
        access = ["--auth-local=trust", "--auth-host=scram-sha-256", f"--pwfile={password}"]
        self.run("initdb", "-D", self.data, "-U", "postgres", "-E", "UTF8", "--locale=C", "--no-sync", *access)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = f"-p {self.port} -k {self.directory} -c listen_addresses=127.0.0.1"
        options += "".join(f" -c {setting}" for setting in self.settings)
        self.run("pg_ctl", "-D", self.data, "-w", "-l", f"{self.directory}/server.log", "-o", options, "start")

    def stop(self, mode: str = "fast") -> None:
        """Stop it: ``smart``, ``fast`` or ``immediate``."""
        self.run("pg_ctl", "-D", self.data, "-w", "-m", mode, "stop")

    @property
    def data(self) -> str:
        """The directory of its data."""
        return str(self.directory / "data")

    def url(self, database: str) -> str:
        """Return the URL of a database, by the socket."""
        return f"postgresql://postgres@/{database}?host={self.directory}&port={self.port}"

    def remote_url(self, database: str) -> str:
        """Return the URL of a database as other machines would write it: TCP, and a password."""
        return f"postgresql://postgres:{self.password}@127.0.0.1:{self.port}/{database}"

    def processor_seconds(self) -> float:
        """Return the processor time of the server and of all connections that ended, on Linux."""
        time.sleep(0.2)  # connections that ended a moment ago are counted a moment later
        pid = int((Path(self.data) / "postmaster.pid").read_text().split()[0])
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")  # its own and its children's, user and system

    def administer(self, program: str, *arguments: str) -> None:
        """Run a program that talks to the server."""
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


def find_programs() -> Path | None:
    """Return the folder of PostgreSQL's programs; None where it is not installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres")) or [Path(shutil.which("postgres") or "none")]
    return found[-1].parent if found[-1].exists() else None


@contextmanager
def running_server(*settings: str) -> Iterator[PostgreSQL]:
    """Start a server, and remove it afterwards.

    Args:
        settings: Of the server, such as ``fsync=off``.

    Raises:
        FileNotFoundError: PostgreSQL is not installed.
    """
    programs = find_programs()
    if programs is None:
        raise FileNotFoundError("PostgreSQL is not installed: apt-get install postgresql")
    directory = Path(tempfile.mkdtemp(prefix="robustnas-"))  # short: a socket's path has at most 107 characters
    if os.geteuid() == 0:
        shutil.chown(directory, "postgres")
    server = PostgreSQL(programs, directory, settings)
    try:
        server.make()
        server.start()
        yield server
        server.stop("immediate")
    finally:
        shutil.rmtree(directory, ignore_errors=True)
