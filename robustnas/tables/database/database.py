"""The robustness database: accuracies under attack and corruption of every network of NAS-Bench-201.

Open it once per process; what it hands out are read-only arrays, shared and memory-mapped.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from robustnas.arrays import AnyArray, FloatArray, IntArray, read_only
from robustnas.errors import DataNotFoundError, InvalidInputError, ObjectiveError, unknown_name
from robustnas.metric import Metric
from robustnas.spaces.nasbench201.cell import Architecture, Cell
from robustnas.spaces.nasbench201.identity import network_indices, network_of_index, networks
from robustnas.spaces.nasbench201.numbering import N_CELLS
from robustnas.tables.attached.attached import AttachedTable, attached_tables
from robustnas.tables.database.cache import Catalogue, Store
from robustnas.tables.database.published import KEYS, N_CLASSES, PublishedFile
from robustnas.tables.table import missing_metric

if TYPE_CHECKING:
    import pandas as pd

DATA_VARIABLE = "ROBUSTNAS_DATA"
"""The environment variable that names the database's folder."""


def user_folder() -> Path:
    """Return the database's folder in the user's data directory, where `robustnas data fetch` puts it."""
    import platformdirs

    return platformdirs.user_data_path("robustnas") / "robustness-data"


def find_folder(path: str | Path | None = None) -> tuple[Path, str]:
    """Return the folder where the database is looked for, and in words what named it.

    The first that is named counts: `path`, then the environment variable ROBUSTNAS_DATA, then the user's data
    directory. The folder need not exist.
    """
    if path is not None:
        return Path(path).expanduser(), "the folder given"
    if named := os.environ.get(DATA_VARIABLE):
        return Path(named).expanduser(), DATA_VARIABLE
    return user_folder(), "the user's data directory"


class DatabaseTable:
    """One dataset of the database: a `Table`, and more.

    Get it from a `Database`: ``Database.open()["cifar10"]``.

    Args:
        dataset: The dataset's name.
        catalogue: The database's files.
        store: The store that holds their arrays.

    Attributes:
        dataset: The dataset's name, such as ``cifar10``.
        digest: A SHA-256 over meta.json and the dataset's accuracy files.
        source: ``table``.
        metrics: The metrics whose accuracy it holds: clean, attacks by eps, corruptions by severity.
    """

    source = "table"
    complete = True
    notes: tuple[str, ...] = ()

    def __init__(self, dataset: str, catalogue: Catalogue, store: Store) -> None:
        self.dataset = dataset
        self.digest = catalogue.digest(dataset)
        self._catalogue = catalogue
        self._store = store
        self._entries = {file: entry for file, entry in catalogue.files.items() if file.dataset == dataset}
        keys = [file.key for file in self._entries if file.measure == "accuracy"]
        self._places = {metric: (key, row) for key in keys for row, metric in enumerate(catalogue.meta.metrics(key))}
        self.metrics: tuple[Metric, ...] = tuple(self._places)
        self._arrays: dict[PublishedFile, AnyArray] = {}
        self._columns: dict[Metric | str, FloatArray] = {}
        self._attached: dict[str, AttachedTable] | None = None
        self._attached_columns: dict[str, FloatArray] | None = None

    @property
    def folder(self) -> Path:
        """The database's folder."""
        return self._catalogue.folder

    @property
    def measures(self) -> dict[str, tuple[str, ...]]:
        """The keys that it holds, by measure (accuracy, confidence, cm)."""
        found: dict[str, tuple[str, ...]] = {}
        for file in self._entries:
            found[file.measure] = (*found.get(file.measure, ()), file.key)
        return found

    def column(self, metric: Metric | str) -> FloatArray:
        """Return the accuracies of one metric by space index, shape (15625,), in [0, 1].

        It is a read-only view of the mapped file.

        Raises:
            ObjectiveError: The table does not hold the metric.
        """
        try:
            return self._columns[metric]
        except KeyError:
            key, row = self._places[self._metric(metric)]
            column: FloatArray = self._array(key, "accuracy")[row]
            self._columns[metric] = column
            return column

    def network_column(self, metric: Metric | str) -> FloatArray:
        """Return the accuracies of the 6,466 networks in ascending order of uid."""
        return self.column(metric).take(network_indices())

    def value(self, arch: Architecture, metric: Metric | str) -> float:
        """Return the accuracy of one architecture in any notation."""
        return float(self.column(metric)[Cell.parse(arch).index])

    def values(self, archs: IntArray | Sequence[int] | Iterable[Architecture], metric: Metric | str) -> FloatArray:
        """Return the accuracies of many architectures at once.

        Args:
            archs: Space indices as an integer array of any shape (or a list of integers), the fast way; or
                architectures in any notation.
            metric: The metric or its name.

        Raises:
            InvalidInputError: An index out of range.
        """
        indices = _indices(archs)
        if indices.size and (indices.min() < 0 or indices.max() >= N_CELLS):
            wrong = indices[(indices < 0) | (indices >= N_CELLS)].flat[0]
            raise InvalidInputError(f"{int(wrong)} is not a space index; expected 0 to {N_CELLS - 1}")
        values: FloatArray = self.column(metric)[indices]
        return values

    def scores(self, arch: Architecture) -> dict[str, float]:
        """Return the accuracies of one architecture under all metrics, by metric name."""
        index = Cell.parse(arch).index
        return {str(metric): float(self.column(metric)[index]) for metric in self.metrics}

    @property
    def attached(self) -> dict[str, AttachedTable]:
        """The tables attached to the dataset (`robustnas data attach`), by name; looked up once."""
        if self._attached is None:
            self._attached = attached_tables(self.dataset, self._catalogue.folder)
        return dict(self._attached)

    def attached_columns(self) -> dict[str, FloatArray]:
        """Return the attached columns by name, such as ``hw.edgegpu_latency``, shape (15625,), NaN where missing.

        They are read on first use; see `robustnas.tables.attached` for how missing cells are filled from their class.
        """
        if self._attached_columns is None:
            tables = self.attached.values()
            self._attached_columns = {name: values for t in tables for name, values in t.columns().items()}
        return dict(self._attached_columns)

    def attached_digests(self) -> dict[str, str]:
        """Return the digest of each attached table by name."""
        return {name: table.digest for name, table in self.attached.items()}

    def confidence(self, metric: Metric | str) -> FloatArray:
        """Return the prediction confidences of one metric by space index, shape (15625, ...) as published.

        Raises:
            ObjectiveError: The folder has no confidence file for the metric.
        """
        array: FloatArray = self._measured(metric, "confidence")[network_of_index()]
        return read_only(array)

    def confusion(self, arch: Architecture, metric: Metric | str = "clean") -> IntArray:
        """Return the confusion matrix of one architecture, counts of test images, shape (n_classes, n_classes).

        Raises:
            ObjectiveError: The folder has no confusion matrices for the metric.
        """
        network = network_of_index()[Cell.parse(arch).index]
        counts: IntArray = self._measured(metric, "cm")[network].astype(np.int64)
        return counts

    def frame(self) -> pd.DataFrame:
        """Return the 6,466 networks as a DataFrame: index uid, column arch, one column per metric."""
        import pandas as pd

        archs = [Cell.from_index(index).arch for index in network_indices().tolist()]
        columns = {str(metric): self.network_column(metric) for metric in self.metrics}
        return pd.DataFrame({"arch": archs, **columns}, index=pd.Index(networks(), name="uid"))

    def listing(self) -> pd.DataFrame:
        """Return the metrics as a DataFrame: index metric; columns title (as in papers), key, level, mean and best."""
        import pandas as pd

        rows = [self._listed(metric) for metric in self.metrics]
        columns = ["metric", "title", "key", "level", "mean", "best"]
        return pd.DataFrame(rows, columns=columns).set_index("metric")

    def _listed(self, metric: Metric) -> tuple[Any, ...]:
        column = self.network_column(metric)
        return str(metric), metric.title, metric.key, metric.level, float(column.mean()), float(column.max())

    def _metric(self, metric: Metric | str) -> Metric:
        found = Metric.parse(metric) if isinstance(metric, str) else metric
        if found not in self._places:
            raise ObjectiveError(missing_metric(found, self))
        return found

    def _measured(self, metric: Metric | str, measure: str) -> AnyArray:
        """Return the networks' values of another measure than accuracy, shape (6466, ...)."""
        metric = Metric.parse(metric) if isinstance(metric, str) else metric
        if metric.key not in self.measures.get(measure, ()):
            file = PublishedFile(self.dataset, metric.key, measure)
            reason = f"{self._catalogue.folder} has no file {file.path}; see `robustnas data status` for what it has"
            raise ObjectiveError(f"no {measure} of {metric} on {self.dataset}: {reason}")
        levels = self._catalogue.meta.levels(metric.key)
        if metric.level not in levels:
            known = ", ".join(f"{level:g}" for level in levels if level is not None)
            raise ObjectiveError(f"no {measure} of {metric} on {self.dataset}: its levels are {known}")
        array: AnyArray = self._array(metric.key, measure)[levels.index(metric.level)]
        return array

    def _array(self, key: str, measure: str) -> AnyArray:
        file = PublishedFile(self.dataset, key, measure)
        if file not in self._arrays:
            self._arrays[file] = self._store.array(file, self._entries[file])
        return self._arrays[file]

    def __repr__(self) -> str:
        return f"<{self.dataset}: {len(self.metrics)} metrics, digest {self.digest[:12]}, {self._catalogue.folder}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return DatabaseTable, (self.dataset, self._catalogue, self._store)  # arrays are mapped again, not copied


class Database(Mapping[str, DatabaseTable]):
    """The datasets of one database folder, by name.

    Args:
        catalogue: The folder's files.
        store: The store that holds their arrays.

    Example::

        db = Database.open()
        table = db["cifar10"]
        table.value("#13433", "pgd@1")     # 0.336
        table.column(Metric("pgd", 1.0))   # all 15,625 cells by space index
        db.frame()                         # everything, as pandas
    """

    def __init__(self, catalogue: Catalogue, store: Store) -> None:
        self.folder = catalogue.folder
        self.catalogue = catalogue
        self.store = store
        names = {file.dataset for file in catalogue.files}
        self._tables = {name: DatabaseTable(name, catalogue, store) for name in N_CLASSES if name in names}

    @classmethod
    def open(cls, path: str | Path | None = None) -> Database:
        """Open a database folder in the published layout, importing what is new in it.

        Args:
            path: The folder; if None, what ROBUSTNAS_DATA names, else the user's data directory.

        Raises:
            DataNotFoundError: There is no database; says where it was looked for.
            DataError: A file is faulty, or the cache cannot be written.
        """
        folder, origin = find_folder(path)
        store = Store()
        try:
            catalogue = store.catalogue(folder)
        except DataNotFoundError as error:
            raise DataNotFoundError(f"no robustness database in {origin}: {error}. {_places(path)}") from None
        if not catalogue.files:
            expected = f"expected files such as {PublishedFile('cifar10', KEYS[0], 'accuracy').path}"
            raise DataNotFoundError(
                f"{folder} ({origin}) has a meta.json but no data file; {expected}. {_places(path)}"
            )
        return cls(catalogue, store)

    def frame(self) -> pd.DataFrame:
        """Return all datasets below each other as a DataFrame: index dataset and uid, columns arch and metrics."""
        import pandas as pd

        return pd.concat({name: table.frame() for name, table in self.items()}, names=["dataset"])

    def listing(self) -> pd.DataFrame:
        """Return the metrics of all datasets: index dataset and metric, columns as `DatabaseTable.listing`."""
        import pandas as pd

        return pd.concat({name: table.listing() for name, table in self.items()}, names=["dataset"])

    def __getitem__(self, dataset: str) -> DatabaseTable:
        """Return one dataset.

        Raises:
            InvalidInputError: The folder holds no such dataset.
        """
        try:
            return self._tables[dataset]
        except KeyError:
            raise InvalidInputError(f"{unknown_name('dataset', dataset, self._tables)}; in {self.folder}") from None

    def __contains__(self, dataset: object) -> bool:
        return dataset in self._tables

    def get(self, dataset: str, default: Any = None) -> Any:
        """Return one dataset, or `default`."""
        return self._tables.get(dataset, default)

    def __iter__(self) -> Iterator[str]:
        return iter(self._tables)

    def __len__(self) -> int:
        return len(self._tables)

    def __repr__(self) -> str:
        return f"<Database {self.folder}: {', '.join(self)}>"


def _places(path: str | Path | None) -> str:
    """Return a sentence on where a database is looked for."""
    named = path if path is not None else "not given"
    return (
        f"Looked for, in this order: --data ({named}), {DATA_VARIABLE} "
        f"({os.environ.get(DATA_VARIABLE) or 'not set'}), {user_folder()}; the first one named counts. "
        "To download it: robustnas data fetch"
    )


def _indices(archs: IntArray | Sequence[int] | Iterable[Architecture]) -> IntArray:
    if isinstance(archs, np.ndarray) and archs.dtype.kind in "iu":
        return archs
    items = list(archs)
    if all(isinstance(item, int | np.integer) and not isinstance(item, bool) for item in items):
        return np.array(items, dtype=np.int64)
    return np.array([Cell.parse(item).index for item in items], dtype=np.int64)
