"""Datasets by name: the published ones in the database's folder, the embedded ones in the package."""

from __future__ import annotations

import os
from pathlib import Path

from robustnas.errors import InvalidInputError, unknown_name
from robustnas.tables.database.database import DATA_VARIABLE, Database, DatabaseTable, find_folder, has_data
from robustnas.tables.embedded import SurrogateTable, open_surrogate, surrogate_names


def open_table(dataset: str, data: str | Path | None = None) -> DatabaseTable | SurrogateTable:
    """Open one dataset: a surrogate benchmark by its name, any other from the database.

    Args:
        dataset: ``cifar10-surrogate``, ``cifar10-surrogate@SEED`` with noise, or a dataset of the database.
        data: The database's folder; see `Database.open`. A surrogate benchmark needs none.

    Raises:
        InvalidInputError: There is no such dataset; lists those of the folder and the embedded ones.
        DataNotFoundError: There is no database where one was looked for.

    >>> open_table("cifar10-surrogate").source
    'surrogate'
    """
    if is_surrogate(dataset):
        return open_surrogate(dataset)
    database = Database.open(data)
    if dataset not in database:
        known = [*database, *surrogate_names()]
        raise InvalidInputError(f"{unknown_name('dataset', dataset, known)}; in {database.folder} and embedded")
    return database[dataset]


def choose_dataset(dataset: str | None, data: str | Path | None = None) -> str:
    """Return the dataset to use where the user may not have named one.

    That is ``cifar10``, unless no folder is named and none was fetched: then ``cifar10-surrogate``, which needs none.
    """
    if dataset is not None:
        return dataset
    folder, _ = find_folder(data)
    nothing_named = data is None and not os.environ.get(DATA_VARIABLE)
    return "cifar10-surrogate" if nothing_named and not has_data(folder) else "cifar10"


NO_DATA_NOTICE = (
    "No database here: using cifar10-surrogate, a model's predictions and not measurements. "
    "Get the measurements with: robustnas data fetch cifar10"
)
"""What commands say once where `choose_dataset` falls back."""


def is_surrogate(dataset: str) -> bool:
    """Return whether a name is that of a surrogate benchmark, with or without a noise seed.

    >>> is_surrogate("cifar10-surrogate@7"), is_surrogate("cifar10")
    (True, False)
    """
    return dataset.partition("@")[0] in surrogate_names()
