"""Downloading the published database from its public copy: checked, resumable, atomic.

The copy is folder ENAS_Data of the GitHub repository RuiZhong961230/LLMO at one commit; ``published.sha256`` in this
package has the SHA-256 sums of its meta.json and of the files that are fetched. The database itself is by Jung,
Lukasik and Keuper, http://robustness.vision/.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from robustnas.errors import DownloadError, InvalidInputError, unknown_name
from robustnas.spaces.nasbench201.cost import SKELETONS
from robustnas.tables.database.published import META

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

PUBLIC_COPY = "https://raw.githubusercontent.com/RuiZhong961230/LLMO/712d1ece9f8f6b9aada0cc7ac9087a6a84e235ea/ENAS_Data"
"""Base URL of the public copy. Its meta.json lies in a subfolder; a mirror has it at the top, as published."""

URL_VARIABLE = "ROBUSTNAS_URL"
"""The environment variable that names a mirror: the base URL of a folder in the published layout."""

_PAGE = "http://robustness.vision/"
_CHUNK = 1 << 14  # what a cut connection may cost
_TIMEOUT = (10, 60)  # seconds to connect, and between two packets

Advance = Callable[[int], None]


@cache
def published_sums() -> dict[str, str]:
    """Return the SHA-256 sums of the published files that can be fetched, by path.

    >>> len(published_sums()), published_sums()["meta.json"][:8]
    (42, '54b6d2c2')
    """
    text = resources.files("robustnas.tables.database").joinpath("published.sha256").read_text()
    return {path: digest for digest, path in (line.split() for line in text.splitlines())}


def fetchable() -> tuple[str, ...]:
    """Return the datasets that can be fetched.

    >>> fetchable()
    ('cifar10', 'cifar100')
    """
    return tuple(name for name in SKELETONS if _paths(name))


def fetch(
    datasets: Iterable[str],
    directory: Path,
    base_url: str | None = None,
    *,
    progress: bool = True,
    retries: int = 3,
) -> list[Path]:
    """Download meta.json and the files of some datasets into `directory`, in the published layout.

    Files that are there and right are not loaded again; a file that was cut off goes on where it stopped, if the
    server can; each takes its name once its SHA-256 is right.

    Args:
        datasets: Their names, see `fetchable`; none for all.
        directory: The database's folder, made if it is missing.
        base_url: A mirror in the published layout; None for what ROBUSTNAS_URL names, else the public copy.
        progress: Show a progress bar on stderr.
        retries: How often to try again after a failure that may pass.

    Returns:
        The paths of all files, those that were there already among them.

    Raises:
        InvalidInputError: A dataset that is unknown, or that the public copy lacks (says where it is).
        DownloadError: Naming the URL, the cause and what to do.
    """
    names = list(dict.fromkeys(datasets)) or list(fetchable())
    paths = [META, *(path for name in names for path in _checked_paths(name))]
    base = (base_url or os.environ.get(URL_VARIABLE) or PUBLIC_COPY).rstrip("/")
    if not base.startswith(("http://", "https://")):
        raise InvalidInputError(f"base URL {base!r}: expected one that starts with http:// or https://")
    with _locked(directory), _shown(progress) as display:
        total = display.add_task("files", total=len(paths), size=0)
        for path in paths:
            display.update(total, description=path)
            _fetch_file(path, directory, base, retries, partial(_add_bytes, display, total))
            display.advance(total)
    return [directory / path for path in paths]


class ResumingDownloader:
    """A pooch downloader that goes on where an earlier attempt was cut off, with an HTTP Range request.

    What has arrived is kept beside the target as ``<name>.part`` until it is complete.

    Args:
        part: The file that keeps what has arrived.
        advance: Called with the number of bytes of each chunk.
    """

    def __init__(self, part: Path, advance: Advance = lambda _: None) -> None:
        self.part = part
        self.advance = advance

    def __call__(self, url: str, output_file: str, _pooch: Any, check_only: bool = False) -> bool | None:
        """Download `url` to `output_file`, as pooch asks for."""
        import requests  # slow to import

        offset = self.part.stat().st_size if self.part.exists() else 0
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={offset}-"} if offset else {})
        with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT) as response:
            if check_only:
                return bool(response.ok)
            self._refuse_client_error(url, response)
            response.raise_for_status()
            resumed = response.headers.get("Content-Range", "").startswith(f"bytes {offset}-")
            with self.part.open("ab" if offset and response.status_code == 206 and resumed else "wb") as file:
                for chunk in response.iter_content(_CHUNK):
                    file.write(chunk)
                    self.advance(len(chunk))
        self.part.replace(output_file)
        return None

    def _refuse_client_error(self, url: str, response: Any) -> None:
        """Tell an error that will stay (404 and its like) from one that may pass."""
        if response.status_code == 416:  # the part is as long as the file, or longer: start afresh
            self.part.unlink()
        elif 400 <= response.status_code < 500 and response.status_code not in (408, 429):
            raise DownloadError(
                f"{url}: the server answers {response.status_code} {response.reason}; check the URL (--url), "
                f"or get the data by hand from {_PAGE} and run `robustnas data import DIR`"
            )


def _fetch_file(path: str, directory: Path, base: str, retries: int, advance: Advance) -> None:
    import pooch
    import requests

    url = f"{base}/data/{META}" if path == META and base == PUBLIC_COPY else f"{base}/{path.replace('@', '%40')}"
    target = directory / path
    downloader = ResumingDownloader(target.with_name(f"{target.name}.part"), advance)
    digest = f"sha256:{published_sums()[path]}"
    pooch.get_logger().setLevel("WARNING")  # the progress bar says the rest
    source = pooch.create(directory, base_url="", registry={path: digest}, urls={path: url}, retry_if_failed=retries)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        source.fetch(path, downloader=downloader)
    except requests.RequestException as error:  # is an OSError too
        raise DownloadError(
            f"{url}: {_cause(error)} ({retries + 1} attempts); what has arrived is kept: run the command again later, "
            "or name a mirror with --url"
        ) from error
    except ValueError as error:
        raise DownloadError(
            f"{url}: the content is not what was published ({_cause(error)}); nothing of it was kept: try again, "
            f"or name another mirror with --url, or get it by hand from {_PAGE}"
        ) from error
    except OSError as error:
        raise DownloadError(f"cannot write {target}: {error}; free some space, or name another folder") from error


def _cause(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _checked_paths(dataset: str) -> list[str]:
    if dataset not in SKELETONS:
        raise InvalidInputError(unknown_name("dataset", dataset, SKELETONS))
    if not _paths(dataset):
        raise InvalidInputError(
            f"{dataset} is not in the public copy, which holds {' and '.join(fetchable())}; download it from {_PAGE}, "
            "unpack it and run `robustnas data import DIR`"
        )
    return _paths(dataset)


def _paths(dataset: str) -> list[str]:
    return [path for path in published_sums() if path.startswith(f"{dataset}/")]


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Keep a second fetch out of the folder: both would write the same parts."""
    from filelock import FileLock, Timeout

    try:
        directory.mkdir(parents=True, exist_ok=True)
        lock = FileLock(directory / ".fetch.lock", blocking=False)
        lock.acquire()
    except Timeout:
        raise DownloadError(f"another fetch is writing to {directory}; wait until it is done") from None
    except OSError as error:
        raise DownloadError(f"cannot write to {directory}: {error}; name another folder with --data") from error
    try:
        _remove_leftovers(directory)
        yield
    finally:
        lock.release()


def _remove_leftovers(directory: Path) -> None:
    """Delete the empty files that pooch leaves behind if its process is killed."""
    for path in (*directory.glob("tmp????????"), *directory.glob("*/tmp????????")):
        if path.stat().st_size == 0:
            path.unlink()


@contextmanager
def _shown(progress: bool) -> Iterator[Progress]:
    """Show a progress bar over the files on stderr, where that is a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    console = Console(stderr=True)
    loaded = TextColumn("files, {task.fields[size]:,} bytes loaded")
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), loaded)
    with Progress(*columns, console=console, disable=not (progress and console.is_terminal)) as display:
        yield display


def _add_bytes(display: Progress, task: TaskID, n: int) -> None:
    display.update(task, size=display.tasks[task].fields["size"] + n)
