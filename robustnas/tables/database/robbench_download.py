"""Downloading NAS-RobBench-201 from the repository of its web page, at one commit, checked by SHA-256.

One file has all three datasets (Wu et al., ICLR 2024; the page is licensed CC BY-SA 4.0); see `page_form`.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from robustnas.errors import DataError, DownloadError
from robustnas.tables.database.column_names import robbench_names
from robustnas.tables.database.database import Database
from robustnas.tables.database.download import downloaded, mirror
from robustnas.tables.database.importing import Import, install

ROBBENCH_COPY = (
    "https://raw.githubusercontent.com/TT2408/nasrobbench201hp/dff01e783855b2f121482f659a86eb7b9e12b9e6/files"
)
"""Base URL of the public copy."""

ROBBENCH_FILE = "NAS-RobBench-201_html.json"
"""The file's name, there and at the top of a mirror."""

ROBBENCH_SHA256 = "b3dc99b96324de07b1dd9f3c39830fe0f82aae7fbd1b20eb0a6885cabd4f2388"
"""The SHA-256 of the file at that commit (2,580,686 bytes)."""

_REPOSITORY = "https://github.com/TT2408/nasrobbench201hp"


def is_robbench(dataset: str) -> bool:
    """Return whether a name means NAS-RobBench-201 where datasets are fetched.

    >>> is_robbench("robbench"), is_robbench("robbench-cifar100"), is_robbench("cifar10")
    (True, True, False)
    """
    return dataset == "robbench" or dataset in robbench_names()


def fetch_robbench(directory: Path, base_url: str | None = None, *, retries: int = 3) -> Import | None:
    """Download NAS-RobBench-201 and import its three datasets into a database's folder.

    Args:
        directory: The folder, created if it is missing.
        base_url: A mirror with the file at its top; None for the one of ROBUSTNAS_URL, else the public copy.
        retries: How often to retry after a failure that may be temporary.

    Returns:
        What was imported; None if all three datasets are there already, from the same file.

    Raises:
        InvalidInputError: The base URL is not a URL.
        DownloadError: Naming the URL, the cause and what to do.
        DataError: A dataset is there from another file, or the folder cannot be written.
    """
    url = f"{mirror(base_url) or ROBBENCH_COPY}/{ROBBENCH_FILE}"
    if _is_there(directory):
        return None
    with TemporaryDirectory() as scratch:
        content = downloaded(url, ROBBENCH_FILE, ROBBENCH_SHA256, retries, scratch, by_hand=_REPOSITORY)
        file = Path(scratch) / "checked" / ROBBENCH_FILE
        try:
            file.parent.mkdir()
            file.write_bytes(content)
        except OSError as error:
            raise DownloadError(f"cannot write {file}: {error}; free some space") from error
        return install(file, directory)


def _is_there(directory: Path) -> bool:
    try:
        imported = Database.open(directory).imported
    except DataError:  # nothing there, or what an import will say
        return False
    return all(name in imported and imported[name].sha256 == ROBBENCH_SHA256 for name in robbench_names())
