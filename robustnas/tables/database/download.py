"""Downloading the published database from its public copy: checked by SHA-256, each file whole or not at all.

The copy is folder ENAS_Data of the GitHub repository RuiZhong961230/LLMO at one commit; ``published.sha256`` in this
package has the SHA-256 sums of its meta.json and of the files that can be fetched. The database itself is by Jung,
Lukasik and Keuper, http://robustness.vision/.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from functools import cache, partial
from importlib import resources
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from robustnas.atomic import atomic_file
from robustnas.errors import DownloadError, InvalidInputError, unknown_name
from robustnas.spaces.nasbench201.cost import SKELETONS
from robustnas.tables.database.column_names import robbench_names
from robustnas.tables.database.folder_lock import locked_folder
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
    base = mirror(base_url) or PUBLIC_COPY
    with locked_folder(directory, DownloadError), TemporaryDirectory() as scratch:
        for path in _shown(paths, progress):
            if not _is_right(directory / path, path):
                _fetch_file(path, directory / path, base, retries, scratch)
    return [directory / path for path in paths]


def mirror(base_url: str | None) -> str | None:
    """Return the base URL of the mirror that is named, by ROBUSTNAS_URL if not otherwise; None if none is.

    Raises:
        InvalidInputError: It is not a URL.
    """
    base = (base_url or os.environ.get(URL_VARIABLE) or "").rstrip("/")
    if base and not base.startswith(("http://", "https://")):
        raise InvalidInputError(f"base URL {base!r}: expected one that starts with http:// or https://")
    return base or None


def _is_right(target: Path, path: str) -> bool:
    return target.is_file() and hashlib.sha256(target.read_bytes()).hexdigest() == published_sums()[path]


def _fetch_file(path: str, target: Path, base: str, retries: int, scratch: str) -> None:
    url = f"{base}/data/{META}" if path == META and base == PUBLIC_COPY else f"{base}/{path.replace('@', '%40')}"
    content = downloaded(url, path, published_sums()[path], retries, scratch, by_hand=_PAGE)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with atomic_file(target) as file:
            file.write(content)
    except OSError as error:
        raise _unwritten(target, error) from error


def downloaded(url: str, path: str, sha256: str, retries: int, scratch: str, *, by_hand: str) -> bytes:
    """Download a file and return its content, which has the SHA-256 that was published.

    Args:
        url: Where it is.
        path: Its path in the layout.
        sha256: Its SHA-256.
        retries: How often to retry after a failure that may be temporary.
        scratch: A folder to write it to.
        by_hand: Where a user may download it by hand, for messages.

    Raises:
        DownloadError: Naming the URL, the cause and what to do.
    """
    import pooch
    import requests

    pooch.get_logger().setLevel("WARNING")  # the progress bar shows the rest
    source = pooch.create(
        scratch, base_url="", registry={path: f"sha256:{sha256}"}, urls={path: url}, retry_if_failed=retries
    )
    try:
        return Path(source.fetch(path, downloader=partial(_download, by_hand=by_hand))).read_bytes()
    except requests.RequestException as error:  # is an OSError too
        raise DownloadError(
            f"{url}: {_cause(error)} ({retries + 1} attempts); finished files are kept: run the command again later, "
            "or name a mirror with --url"
        ) from error
    except ValueError as error:
        raise DownloadError(
            f"{url}: the content is not what was published ({_cause(error)}) and was not kept: try again, or name "
            f"another mirror with --url, or download it by hand from {by_hand}"
        ) from error
    except OSError as error:
        raise _unwritten(Path(scratch), error) from error


def _unwritten(target: Path, error: OSError) -> DownloadError:
    return DownloadError(f"cannot write {target}: {error}; free some space, or name another folder")


def _download(url: str, output_file: str, source: Any, *, by_hand: str) -> None:
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
            f"or download the data by hand from {by_hand} and run `robustnas data import PATH`"
        ) from error


def _cause(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _checked_paths(dataset: str) -> list[str]:
    if dataset not in SKELETONS:
        raise InvalidInputError(unknown_name("dataset", dataset, [*SKELETONS, "robbench", *robbench_names()]))
    if not _paths(dataset):
        raise InvalidInputError(
            f"{dataset} is not in the public copy, which holds {' and '.join(fetchable())}; download it from {_PAGE}, "
            "unpack it and run `robustnas data import PATH`"
        )
    return _paths(dataset)


def _paths(dataset: str) -> list[str]:
    return [path for path in published_sums() if path.startswith(f"{dataset}/")]


def _shown(paths: list[str], progress: bool) -> Iterable[str]:
    """Show a progress bar over the files on stderr, where that is a terminal."""
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    return track(paths, "files", console=console, disable=not (progress and console.is_terminal))
