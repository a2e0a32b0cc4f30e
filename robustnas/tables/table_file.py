"""Datasets by file: a user's own CSV, Parquet, JSON or other file as a table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from robustnas.errors import DataNotFoundError, excerpt, listing
from robustnas.tables.array_table import ArrayTable
from robustnas.tables.sheets.reading import is_table_name, read_bytes, read_sheet, table_stem


def is_table_file(dataset: str) -> bool:
    """Return whether a dataset's name is that of a file.

    >>> is_table_file("my.parquet"), is_table_file("cifar10")
    (True, False)
    """
    return is_table_name(Path(dataset))


def existing_file(dataset: str) -> Path:
    """Return the path of a file that serves as a dataset.

    Raises:
        DataNotFoundError: There is none; says where it was looked for.
    """
    path = Path(dataset).expanduser()
    try:
        found = path.is_file()
    except OSError:  # the name is longer than names of files are
        found = False
    if not found:
        raise DataNotFoundError(f"dataset {excerpt(dataset)}: there is no file {listing([str(path.absolute())])}")
    return path


def open_file(dataset: str, datasets: Iterable[str] = ()) -> ArrayTable:
    """Open a file as a dataset, which goes by the file's name less its suffix.

    Columns are read as `ArrayTable.from_frame` reads them, and the source is ``file``.

    Args:
        dataset: The file, in any form that `robustnas.tables.sheets.reading` has a reader for.
        datasets: As in `read_sheet`.

    Raises:
        DataError: It is missing or faulty; names the line or row, and the column.
    """
    path = existing_file(dataset)
    name = table_stem(path)
    sheet = read_sheet(path, read_bytes(path), name, datasets)
    sheet = replace(sheet, advice="call the one that has them arch")
    return ArrayTable.from_sheet(sheet, dataset=name, source="file")
