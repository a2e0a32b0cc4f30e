"""optuna-dashboard on what is exported: its real server, page and JSON."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from experiments.comparison.studies import export_studies

pytest.importorskip("optuna_dashboard", reason="optuna-dashboard is not installed")
pytestmark = pytest.mark.timeout(120)  # its server loads scikit-learn

_SECONDS = 100.0


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def served(storage: str, log: Path) -> Iterator[str]:
    """Start the server on a storage, as the command optuna-dashboard does; yield its address."""
    port = free_port()
    command = ["-c", "from optuna_dashboard._cli import main; main()", storage, "--port", str(port)]
    with log.open("wb") as out, subprocess.Popen([sys.executable, *command], stdout=out, stderr=out) as server:
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


def fetched(address: str, log: Path) -> bytes:
    until = time.monotonic() + _SECONDS
    while True:
        try:
            with urlopen(address, timeout=_SECONDS) as response:
                content: bytes = response.read()
                return content
        except URLError as error:
            if time.monotonic() > until or not isinstance(error.reason, ConnectionRefusedError):
                raise AssertionError(f"{address}: {error.reason}\n{log.read_text()}") from error
            time.sleep(0.1)


def test_the_dashboard_shows_every_search(write_records: Callable[..., Path], tmp_path: Path) -> None:
    storage, log = f"sqlite:///{tmp_path / 'r.db'}", tmp_path / "server.log"
    names = export_studies(write_records(("clean", "params", "clean, pgd@1"), ("random",), 1, 9), storage).names
    with served(storage, log) as address:
        assert b"<title>Optuna Dashboard</title>" in fetched(f"{address}/dashboard", log)
        listed: Any = json.loads(fetched(f"{address}/api/studies", log))
        studies = {one["study_name"]: one for one in listed["study_summaries"]}
        assert sorted(studies) == sorted(names)
        assert studies["cifar10/params/random/0"]["directions"] == ["minimize"]
        identity = studies["cifar10/clean, pgd@1/random/0"]["study_id"]
        shown = json.loads(fetched(f"{address}/api/studies/{identity}", log))
    assert shown["objective_names"] == ["clean", "pgd@1"]
    assert [trial["state"] for trial in shown["trials"]] == ["Complete"] * 9
    assert {"key": "robustnas:searcher", "value": "random"} in shown["user_attrs"]
