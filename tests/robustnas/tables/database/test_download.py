from __future__ import annotations

import hashlib
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

import pytest
from filelock import FileLock

from robustnas.errors import DownloadError, InvalidInputError
from robustnas.tables.database import download, robbench_download
from robustnas.tables.database.database import has_data
from tests.robustnas.tables.database.test_importing import ROBBENCH, page

pytestmark = pytest.mark.usefixtures("own_cache", "no_waiting")

CONTENTS = {
    "meta.json": b"meta " * 50_000,
    "cifar10/clean_accuracy.json": b"clean " * 20_000,
    "cifar10/pgd@Linf_accuracy.json": b"pgd " * 60_000,
    "cifar100/fog_accuracy.json": b"fog " * 10_000,
}


class Mirror(ThreadingHTTPServer):
    """A local server whose answers to each path can be spoiled: one fault per request, in order."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.contents = dict(CONTENTS)
        self.faults: dict[str, list[str]] = {}
        self.requests: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that go away are part of the tests."""


class Answer(BaseHTTPRequestHandler):
    server: Mirror

    def do_GET(self) -> None:
        path = unquote(self.path).lstrip("/")
        self.server.requests.append(path)
        faults = self.server.faults.get(path, [])
        fault = faults.pop(0) if faults else ""
        content = self.server.contents.get(path)
        if content is None:
            self.send_error(404)
        elif fault.isdigit():
            self.send_error(int(fault))
        elif fault == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        else:
            self._send(content, fault)

    def _send(self, content: bytes, fault: str) -> None:
        body = content
        self.send_response(200)
        if fault != "short, no length":
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if fault == "corrupt":
            body = body[:100] + bytes([body[100] ^ 1]) + body[101:]
        if fault.startswith(("truncate", "short")):
            body = body[: len(body) // 2]
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def mirror(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirror]:
    sums = {path: hashlib.sha256(content).hexdigest() for path, content in CONTENTS.items()}
    monkeypatch.setattr(download, "published_sums", lambda: sums)
    with Mirror() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pooch.core.time.sleep", lambda seconds: None)


def fetch(mirror: Mirror, folder: Path, *datasets: str, retries: int = 2) -> list[Path]:
    return download.fetch(datasets or ["cifar10"], folder, mirror.url, progress=False, retries=retries)


def complete(folder: Path) -> bool:
    return all((folder / path).read_bytes() == content for path, content in CONTENTS.items() if "cifar100" not in path)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*") if path.is_file()} - {".fetch.lock"}


def test_it_fetches_what_was_asked_for(mirror: Mirror, tmp_path: Path) -> None:
    files = fetch(mirror, tmp_path)
    assert complete(tmp_path)
    assert {path.relative_to(tmp_path).as_posix() for path in files} == {p for p in CONTENTS if "cifar100" not in p}
    assert names(tmp_path) == {"meta.json", "clean_accuracy.json", "pgd@Linf_accuracy.json"}


def test_all_datasets_by_default(mirror: Mirror, tmp_path: Path) -> None:
    download.fetch([], tmp_path, mirror.url, progress=True)
    assert (tmp_path / "cifar100" / "fog_accuracy.json").exists()


def test_files_that_are_there_and_right_are_not_loaded_again(mirror: Mirror, tmp_path: Path) -> None:
    fetch(mirror, tmp_path)
    (tmp_path / "meta.json").write_bytes(b"damaged")
    mirror.requests.clear()
    fetch(mirror, tmp_path)
    assert mirror.requests == ["meta.json"]
    assert complete(tmp_path)


def test_a_fetch_that_was_cut_off_keeps_the_finished_files(mirror: Mirror, tmp_path: Path) -> None:
    mirror.faults["cifar10/pgd@Linf_accuracy.json"] = ["truncate"]
    with pytest.raises(DownloadError, match=r"pgd%40Linf_accuracy\.json.*1 attempts.*finished files are kept"):
        fetch(mirror, tmp_path, retries=0)
    assert names(tmp_path) == {"meta.json", "clean_accuracy.json"}
    mirror.requests.clear()
    fetch(mirror, tmp_path, retries=0)
    assert mirror.requests == ["cifar10/pgd@Linf_accuracy.json"]
    assert complete(tmp_path)


def test_a_fetch_that_failed_leaves_no_database(mirror: Mirror, tmp_path: Path) -> None:
    mirror.faults["meta.json"] = ["500"]
    with pytest.raises(DownloadError):
        fetch(mirror, tmp_path / "data", retries=0)
    assert not has_data(tmp_path / "data")


@pytest.mark.skipif(sys.platform == "win32", reason="no permission bits")
def test_others_may_read_the_files_as_far_as_the_umask_allows(mirror: Mirror, tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    for path in fetch(mirror, tmp_path):
        assert path.stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize(
    "faults",
    [
        ["truncate"],
        ["truncate", "truncate"],
        ["corrupt"],
        ["short, no length"],
        ["500", "503"],
        ["429"],
        ["reset", "truncate"],
    ],
)
def test_faults_that_pass_are_overcome(mirror: Mirror, tmp_path: Path, faults: list[str]) -> None:
    mirror.faults["cifar10/clean_accuracy.json"] = list(faults)
    fetch(mirror, tmp_path)
    assert complete(tmp_path)


@pytest.mark.parametrize(("fault", "words"), [("500", "500"), ("reset", "meta.json"), ("corrupt", "not what was")])
def test_faults_that_stay_are_reported(mirror: Mirror, tmp_path: Path, fault: str, words: str) -> None:
    mirror.faults["meta.json"] = [fault] * 3
    with pytest.raises(DownloadError, match=words) as error:
        fetch(mirror, tmp_path)
    assert mirror.url in str(error.value)
    assert "--url" in str(error.value)
    assert not (tmp_path / "meta.json").exists()
    assert len(mirror.requests) == 3


@pytest.mark.parametrize("status", ["403", "404"])
def test_what_is_not_there_is_not_asked_for_twice(mirror: Mirror, tmp_path: Path, status: str) -> None:
    mirror.faults["cifar10/pgd@Linf_accuracy.json"] = [status]
    with pytest.raises(DownloadError, match=rf"pgd%40Linf_accuracy\.json: the server answers {status}.*--url"):
        fetch(mirror, tmp_path)
    assert sum("pgd" in path for path in mirror.requests) == 1
    assert (tmp_path / "meta.json").exists()


def test_a_server_that_refuses_connections(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(DownloadError, match=f"127.0.0.1:{port}.*attempts"):
        download.fetch(["cifar10"], tmp_path, f"http://127.0.0.1:{port}", progress=False, retries=0)


def test_the_variable_names_the_mirror(mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROBUSTNAS_URL", mirror.url + "/")
    download.fetch(["cifar10"], tmp_path, progress=False)
    assert complete(tmp_path)


@pytest.mark.parametrize("url", ["ftp://host/x", "robustness.vision", "file:///etc"])
def test_other_addresses_are_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(InvalidInputError, match="http"):
        download.fetch(["cifar10"], tmp_path, url)


def test_datasets_are_checked(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="did you mean 'cifar10'"):
        download.fetch(["cifr10"], tmp_path)
    with pytest.raises(InvalidInputError, match=r"ImageNet16-120 is not in the public copy.*robustness\.vision"):
        download.fetch(["ImageNet16-120"], tmp_path)


def test_the_public_copy_has_its_meta_in_a_subfolder(mirror: Mirror, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(download, "PUBLIC_COPY", mirror.url)
    mirror.contents["data/meta.json"] = mirror.contents.pop("meta.json")
    fetch(mirror, tmp_path)
    assert mirror.requests[0] == "data/meta.json"
    assert complete(tmp_path)


def test_a_folder_that_cannot_be_written(mirror: Mirror, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DownloadError, match="cannot write"):
        fetch(mirror, tmp_path / "file")
    (tmp_path / "cifar10").write_text("")
    with pytest.raises(DownloadError, match="cannot write"):
        fetch(mirror, tmp_path)


def test_a_second_fetch_into_the_same_folder_is_refused(mirror: Mirror, tmp_path: Path) -> None:
    with (
        FileLock(tmp_path / ".fetch.lock", is_singleton=False),
        pytest.raises(DownloadError, match="another fetch or import is writing"),
    ):
        fetch(mirror, tmp_path)


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
@pytest.mark.parametrize("moment", ["requests.Response.iter_content", "os.fsync"])
def test_kill_9_leaves_nothing_false(mirror: Mirror, tmp_path: Path, moment: str) -> None:
    code = f"""
import os, signal, requests
from robustnas.tables.database import download, robbench_download
download.published_sums = lambda: {download.published_sums()!r}
{moment} = lambda *args, **kwargs: os.kill(os.getpid(), signal.SIGKILL)
download.fetch(["cifar10"], __import__("pathlib").Path({str(tmp_path)!r}), {mirror.url!r}, progress=False)
"""
    environment = {**os.environ, "PYTHONWARNINGS": "error"}
    killed = subprocess.run([sys.executable, "-c", code], check=False, env=environment, capture_output=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert not (tmp_path / "meta.json").exists()
    fetch(mirror, tmp_path)
    assert complete(tmp_path)
    assert names(tmp_path) == {"meta.json", "clean_accuracy.json", "pgd@Linf_accuracy.json"}


@pytest.mark.skipif(sys.platform == "win32", reason="no resource limits")
def test_a_full_disk(mirror: Mirror, tmp_path: Path) -> None:
    code = f"""
import resource
from pathlib import Path
from robustnas.tables.database import download, robbench_download
download.published_sums = lambda: {download.published_sums()!r}
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    download.fetch(["cifar10"], Path({str(tmp_path)!r}), {mirror.url!r}, progress=False)
except download.DownloadError as error:
    print(error)
"""
    result = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert "cannot write" in result.stdout
    assert "free some space" in result.stdout
    fetch(mirror, tmp_path)
    assert complete(tmp_path)


def test_the_published_sums_name_every_accuracy_file() -> None:
    sums = download.published_sums()
    for dataset in ("cifar10", "cifar100"):
        assert sum(path.startswith(f"{dataset}/") and path.endswith("_accuracy.json") for path in sums) == 20
    assert all(len(digest) == 64 for digest in sums.values())


@pytest.mark.real_data
def test_the_published_sums_are_those_of_the_published_files(real_data_dir: Path) -> None:
    for path, digest in download.published_sums().items():
        if (real_data_dir / path).exists():
            assert hashlib.sha256((real_data_dir / path).read_bytes()).hexdigest() == digest


class TestRobBench:
    @pytest.fixture
    def file(self, mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        names = [f"{images}#{name}" for images in ("cifar10", "cifar100", "imagenet") for name in ROBBENCH]
        path = page(tmp_path / "page.json", names)
        mirror.contents[robbench_download.ROBBENCH_FILE] = path.read_bytes()
        monkeypatch.setattr(robbench_download, "ROBBENCH_SHA256", hashlib.sha256(path.read_bytes()).hexdigest())
        return path

    def test_it_becomes_three_datasets_once(self, mirror: Mirror, file: Path, tmp_path: Path) -> None:
        result = robbench_download.fetch_robbench(tmp_path / "data", mirror.url)
        assert result is not None
        assert list(result.database) == ["robbench-cifar10", "robbench-cifar100", "robbench-ImageNet16-120"]
        assert robbench_download.fetch_robbench(tmp_path / "data", mirror.url) is None
        assert len(mirror.requests) == 1

    def test_other_content_is_not_kept(self, mirror: Mirror, file: Path, tmp_path: Path) -> None:
        mirror.contents[robbench_download.ROBBENCH_FILE] = file.read_bytes()[:-1]
        with pytest.raises(DownloadError, match="the content is not what was published"):
            robbench_download.fetch_robbench(tmp_path / "data", mirror.url, retries=0)
        assert not (tmp_path / "data").exists()
