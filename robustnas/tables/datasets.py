"""Datasets by name.

Those are the published ones in the database's folder and others in their layout, the embedded ones, those of installed
packages, tables that the user has imported under a name, a file of the user's own (``my.parquet``) and a table of the
user's own code (``my_tables.py:my_table``): a table, or a function without arguments that returns one.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

from robustnas.errors import DataNotFoundError, InvalidInputError, RobustNASError, described, excerpt, unknown_name
from robustnas.reference import is_reference, load_reference, user_code
from robustnas.registry import Registry
from robustnas.spaces import EnumerableSpace
from robustnas.spaces.nasbench201 import NASBENCH201, SKELETONS
from robustnas.tables.database.column_names import robbench_names
from robustnas.tables.database.database import DATA_VARIABLE, Database, find_folder, has_data, published_names
from robustnas.tables.embedded import open_surrogate, surrogate_names, surrogate_of
from robustnas.tables.kept_table import find_kept, kept_names
from robustnas.tables.table import Table
from robustnas.tables.table_file import is_table_file, open_file

Opener: TypeAlias = Callable[[str, str | Path | None], Table]
"""Opens a dataset: gets its whole name (with what follows an ``@``) and the folder of data, None for the default."""


def _published(dataset: str, data: str | Path | None) -> Table:
    if dataset not in DATASETS and (kept := find_kept(dataset)):
        return kept.open()
    try:
        database = Database.open(data)
    except DataNotFoundError as error:
        stand_in = surrogate_of(dataset)
        raise DataNotFoundError(f"{error}{_needs_none(stand_in) if stand_in else ''}") from None
    if dataset not in database:
        if dataset in robbench_names():
            advice = "robustnas data fetch robbench, or robustnas data import FILE"
            raise DataNotFoundError(f"{database.folder} has no {dataset}, of NAS-RobBench-201; to get it: {advice}")
        known = [*database, *kept_names(), *(name for name in DATASETS if DATASETS[name] is not _published)]
        raise InvalidInputError(f"{unknown_name('dataset', dataset, known)}; in {database.folder} and embedded")
    return database[dataset]


def _needs_none(surrogate: str) -> str:
    return f". Without it, try {surrogate}: a model's predictions, which need no data"


def _embedded(dataset: str, data: str | Path | None) -> Table:  # noqa: ARG001  it needs no data
    return open_surrogate(dataset)


DATASETS: Registry[Opener] = Registry(
    "dataset",
    {
        **dict.fromkeys(SKELETONS, _published),
        **dict.fromkeys(robbench_names(), _published),
        **dict.fromkeys(surrogate_names(), _embedded),
    },
    "robustnas.datasets",
)
"""Datasets by name, each with what opens it."""


def open_table(dataset: str, data: str | Path | None = None) -> Table:
    """Open one dataset.

    Args:
        dataset: A name in `DATASETS`, such as ``cifar100`` of the database or ``cifar100-surrogate``; the embedded ones
            take a seed of noise, ``cifar100-surrogate@SEED``. Or a folder of the database, a file such as
            ``my.parquet``, or a reference such as ``my_tables.py:my_table``.
        data: The database's folder; see `Database.open`. An embedded dataset needs none.

    Raises:
        InvalidInputError: There is no such dataset; lists those that there are. Or a reference leads to no table.
        DataNotFoundError: There is no database, or no file, where one was looked for.
        DataError: A file is faulty.

    >>> open_table("cifar10-surrogate").source
    'surrogate'
    """
    if not isinstance(dataset, str):
        raise InvalidInputError(f"dataset is {excerpt(dataset)}; expected a name such as 'cifar10'")
    if is_table_file(dataset):
        return open_file(dataset, DATASETS)
    if is_reference(dataset):
        return check_table(f"dataset {excerpt(dataset)}", _referenced(dataset))
    opener = DATASETS.get(dataset.partition("@")[0], _published)
    if not callable(opener):
        raise InvalidInputError(
            f"dataset {excerpt(dataset)} is {excerpt(opener)}; expected a function of its name and a folder"
        )
    with user_code({f"dataset {excerpt(dataset)}": opener}):
        return check_table(f"dataset {excerpt(dataset)}", opener(dataset, data))


def opened_table(table: Table | str, data: str | Path | None = None) -> Table:
    """Return a table, or that of a dataset's name.

    Raises:
        InvalidInputError: It is neither.

    >>> opened_table("cifar10-surrogate").dataset
    'cifar10-surrogate'
    """
    return open_table(table, data) if isinstance(table, str) else check_table("table", table)


def _referenced(dataset: str) -> Any:
    """Return what a reference leads to: the object itself, or what it returns if it can be called."""
    found = load_reference("dataset", dataset)
    if not callable(found):
        return found
    try:
        return found()
    except RobustNASError:
        raise
    except (Exception, SystemExit) as error:  # whatever the user's code raises
        reason = described(error)
        expected = "expected a table, or a function without arguments that returns one"
        raise InvalidInputError(f"dataset {excerpt(dataset)}: {reason}; {expected}") from error


def check_table(name: str, table: Any) -> Table:
    """Return an object if it looks like a `Table`.

    Args:
        name: What messages call it.
        table: The object.

    Raises:
        InvalidInputError: It does not; says what it lacks.
    """
    if type(table).__name__ == "DataFrame":
        raise InvalidInputError(f"{name} is a DataFrame; robustnas.tables.ArrayTable.from_frame makes a table of one")
    members = [name for name in (*Table.__annotations__, *vars(Table)) if not name.startswith("_")]
    if lacking := [name for name in members if not hasattr(table, name)]:
        what = f"is a {type(table).__name__}, not a table: it has no {', '.join(lacking)}"
        raise InvalidInputError(f"{name} {what}; expected one such as robustnas.tables.ArrayTable")
    checked: Table = table
    return checked


def space_of(dataset: str) -> EnumerableSpace[Any] | None:
    """Return the search space of a dataset as far as it is known without opening it, else None.

    Raises:
        InvalidInputError: The space of a kept table is not there.
        DataError: The choices of it are others now.
    """
    if is_table_file(dataset):
        return NASBENCH201
    if is_reference(dataset):
        return None
    name = dataset.partition("@")[0]
    if name not in DATASETS and (kept := find_kept(dataset)):
        space = kept.open_space()
        return space if space.is_enumerated else kept.open().space
    return NASBENCH201 if name in {*SKELETONS, *robbench_names(), *surrogate_names()} or name not in DATASETS else None


def choose_dataset(dataset: str | None, data: str | Path | None = None) -> str:
    """Return the dataset to use where the user may not have named one.

    That is ``cifar10``, or the first one in a folder that lacks it. Where no folder is named and none was fetched, it
    is ``cifar10-surrogate``, which needs none.
    """
    if dataset is not None:
        return dataset
    folder, _ = find_folder(data)
    if not has_data(folder):
        nothing_named = data is None and not os.environ.get(DATA_VARIABLE)
        return "cifar10-surrogate" if nothing_named else "cifar10"
    held = published_names(folder)
    return "cifar10" if "cifar10" in held else held[0]


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
