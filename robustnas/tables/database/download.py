"""Downloading the published database from its public copy: checked by SHA-256, each file whole or not at all.

The copy is folder ENAS_Data of the GitHub repository RuiZhong961230/LLMO at one commit; ``published.sha256`` in this
package has the SHA-256 sums of its meta.json and of the files that can be fetched. The database itself is by Jung,
Lukasik and Keuper, http://robustness.vision/.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib import resources
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from robustnas.atomic import atomic_file, remove_temporaries
from robustnas.errors import DownloadError, InvalidInputError, unknown_name
from robustnas.spaces.nasbench201.cost import SKELETONS
from robustnas.tables.database.published import META

PUBLIC_COPY = "https://raw.githubusercontent.com/RuiZhong961230/LLMO/712d1ece9f8f6b9aada0cc7ac9087a6a84e235ea/ENAS_Data"
"""Base URL of the public copy. Its meta.json lies in a subfolder; a mirror has it at the top, as published."""

URL_VARIABLE = "ROBUSTNAS_URL"
"""The environment variable that names a mirror: the base URL of a folder in the published layout."""

_PAGE = "http://robustness.vision/"
_TIMEOUT = (10, 60)  # seconds to connect, and between two packets


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

    Files that are already there with the right SHA-256 are not downloaded again, so that a fetch that was cut off
    resumes with the first missing file.

    Args:
        datasets: Their names, see `fetchable`; none for all.
        directory: The database's folder, created if it is missing.
        base_url: A mirror in the published layout; None for the one that ROBUSTNAS_URL names, else the public copy.
        progress: Show a progress bar on stderr.
        retries: How often to retry after a failure that may be temporary.

    Returns:
        The paths of all files, including those that were already there.

    Raises:
        InvalidInputError: A dataset that is unknown, or that the public copy lacks (says where it is).
        DownloadError: Naming the URL, the cause and what to do.
    """
    names = list(dict.fromkeys(datasets)) or list(fetchable())
    paths = [META, *(path for name in names for path in _checked_paths(name))]
    base = (base_url or os.environ.get(URL_VARIABLE) or PUBLIC_COPY).rstrip("/")
    if not base.startswith(("http://", "https://")):
        raise InvalidInputError(f"base URL {base!r}: expected one that starts with http:// or https://")
    with _locked(directory), TemporaryDirectory() as scratch:
        for path in _shown(paths, progress):
            if not _is_right(directory / path, path):
                _fetch_file(path, directory / path, base, retries, scratch)
    return [directory / path for path in paths]


def _is_right(target: Path, path: str) -> bool:
    return target.is_file() and hashlib.sha256(target.read_bytes()).hexdigest() == published_sums()[path]


def _fetch_file(path: str, target: Path, base: str, retries: int, scratch: str) -> None:
    import pooch
    import requests

    url = f"{base}/data/{META}" if path == META and base == PUBLIC_COPY else f"{base}/{path.replace('@', '%40')}"
    digest = f"sha256:{published_sums()[path]}"
    pooch.get_logger().setLevel("WARNING")  # the progress bar shows the rest
    source = pooch.create(scratch, base_url="", registry={path: digest}, urls={path: url}, retry_if_failed=retries)
    try:
        content = Path(source.fetch(path, downloader=_download)).read_bytes()
        target.parent.mkdir(parents=True, exist_ok=True)
        with atomic_file(target) as file:
            file.write(content)
    except requests.RequestException as error:  # is an OSError too
        raise DownloadError(
            f"{url}: {_cause(error)} ({retries + 1} attempts); finished files are kept: run the command again later, "
            "or name a mirror with --url"
        ) from error
    except ValueError as error:
        raise DownloadError(
            f"{url}: the content is not what was published ({_cause(error)}) and was not kept: try again, or name "
            f"another mirror with --url, or download it by hand from {_PAGE}"
        ) from error
    except OSError as error:
        raise DownloadError(f"cannot write {target}: {error}; free some space, or name another folder") from error


def _download(url: str, output_file: str, source: Any) -> None:
    """Download as pooch does, but do not retry after an error that will stay, such as 404."""
    import pooch
    import requests

    try:
        pooch.HTTPDownloader(timeout=_TIMEOUT, stream=False)(url, output_file, source)
    except requests.HTTPError as error:
        response = error.response
        if response is None or response.status_code >= 500 or response.status_code in (408, 429):
            raise
        raise DownloadError(
            f"{url}: the server answers {response.status_code} {response.reason}; check the URL (--url), "
            f"or download the data by hand from {_PAGE} and run `robustnas data import DIR`"
        ) from error


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
    """Keep a second fetch out of the folder, and remove what a killed one left there."""
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
        for folder in (directory, *(directory / name for name in fetchable())):
            remove_temporaries(folder)
        yield
    finally:
        lock.release()


def _shown(paths: list[str], progress: bool) -> Iterable[str]:
    """Show a progress bar over the files on stderr, where that is a terminal."""
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    return track(paths, "files", console=console, disable=not (progress and console.is_terminal))
