"""The robustness database: accuracies under attack and corruption of every network of NAS-Bench-201.

Open it once per process; its arrays are read-only, memory-mapped and shared between processes.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from robustnas.arrays import AnyArray, FloatArray, IntArray, read_only
from robustnas.errors import DataNotFoundError, InvalidInputError, ObjectiveError, unknown_name
from robustnas.metric import MEAN_CORRUPTION, PAPER_ATTACKS, Metric, corruption_metrics
from robustnas.spaces import EnumerableSpace, Subspace
from robustnas.spaces.nasbench201 import NASBENCH201, SKELETONS, Skeleton, space
from robustnas.spaces.nasbench201.cell import Architecture
from robustnas.tables.attached.attached import AttachedTable, attached_tables
from robustnas.tables.database.cache import CachedFolder, scan
from robustnas.tables.database.column_names import ROBBENCH
from robustnas.tables.database.imported_file import IMPORTED, ImportedFile, imported_files
from robustnas.tables.database.published import KEYS, META, PublishedFile, dataset_order
from robustnas.tables.network_table import NetworkTable
from robustnas.tables.table import STANDARD_TRAINING

if TYPE_CHECKING:
    import pandas as pd

DATA_VARIABLE = "ROBUSTNAS_DATA"
"""The environment variable that names the database's folder."""


def user_folder() -> Path:
    """Return the database's folder in the user's data directory, where `robustnas data fetch` puts it."""
    import platformdirs

    return platformdirs.user_data_path("robustnas") / "robustness-data"


def find_folder(path: str | Path | None = None) -> tuple[Path, str]:
    """Return the folder where the database is looked for, and in words where its name comes from.

    The first one named counts: `path`, then the environment variable ROBUSTNAS_DATA, then the user's data directory.
    The folder need not exist.
    """
    if path is not None:
        return Path(path).expanduser(), "the folder given"
    if named := os.environ.get(DATA_VARIABLE):
        return Path(named).expanduser(), DATA_VARIABLE
    return user_folder(), "the user's data directory"


def has_data(folder: Path) -> bool:
    """Return whether a folder holds a database: meta.json and at least one published or imported file."""
    return (folder / META).is_file() and bool(published_names(folder))


def published_names(folder: Path) -> list[str]:
    """Return the names of the datasets in a database's folder, in order; [] where there is no database."""
    try:
        paths = scan(folder)
    except DataNotFoundError:
        return []
    published = {path.partition("/")[0] for path in paths if path != META}
    return sorted(published | {path.parent.name for path in folder.glob(f"*/{IMPORTED}")}, key=dataset_order)


class DatabaseTable(NetworkTable):
    """One dataset of the database: accuracies, and where they were published, confidences and confusion matrices.

    Get it from a `Database`: ``Database.open()["cifar10"]``. Its numbers are those of the published files; what these
    lack is taken from the imported file, if there is one. A dataset that was imported for some networks only is over
    the subspace of these.

    Args:
        dataset: The dataset's name.
        files: The database's files.
        imported: What was imported of the dataset in another form than the published one.

    Attributes:
        dataset: The dataset's name, such as ``cifar10``.
        digest: A SHA-256 over meta.json and the dataset's accuracy files, and the imported values that it serves.
        source: ``table``.
        metrics: The metrics whose accuracy it holds: clean, attacks by eps, corruptions by severity.
        folder: The database's folder.
        imported: The imported file that it takes metrics from, None if it takes none.
    """

    source = "table"

    def __init__(self, dataset: str, files: CachedFolder, imported: ImportedFile | None = None) -> None:
        published = files.metrics(dataset)
        extra = extra_metrics(published, imported)
        self.dataset = dataset
        self.imported = imported if extra else None
        self.metrics = (*published, *extra)
        self.digest = _digest(files.digest(dataset) if published or not extra else "", self.imported)
        self.folder = files.folder
        self._files = files
        self._rows = {metric: row for row, metric in enumerate(published)}
        self._measured: dict[PublishedFile, AnyArray] = {}
        of_database = dataset in SKELETONS
        self.attacks = None if self.imported and not of_database else PAPER_ATTACKS
        self.training = STANDARD_TRAINING if of_database else self.imported.training if self.imported else ""

    @cached_property
    def space(self) -> EnumerableSpace[Any]:  # type: ignore[override]  # computed when asked for
        """The search space: NAS-Bench-201, or those of its networks that have a number."""
        if self.imported is None or self._rows:
            return NASBENCH201
        known = np.asarray(np.isfinite(self.imported.values).any(axis=0), dtype=np.bool_)
        return NASBENCH201 if known.all() else Subspace(NASBENCH201, known)

    @property
    def skeleton(self) -> Skeleton | None:
        """The size of the networks, as far as the dataset's name says it."""
        return SKELETONS.get(self.dataset.removeprefix(ROBBENCH))

    @property
    def seed_noise(self) -> dict[Metric, float]:
        """The standard deviation of metrics between trainings, as far as training seeds were imported."""
        return {metric: std for metric, (std, _) in self.imported.noise.items()} if self.imported else {}

    def over_all_networks(self) -> DatabaseTable:
        """Return the same table over the whole of NAS-Bench-201, NaN where a network has no number."""
        if self.space is NASBENCH201:
            return self
        table = DatabaseTable(self.dataset, self._files, self.imported)
        table.__dict__["space"] = NASBENCH201
        return table

    def over_known_networks(self) -> DatabaseTable:
        """Return the same table over the networks that it has numbers of: what `over_all_networks` was called on."""
        return DatabaseTable(self.dataset, self._files, self.imported)

    @property
    def measures(self) -> dict[str, tuple[str, ...]]:
        """The keys that it holds, by measure (accuracy, confidence, cm)."""
        found: dict[str, tuple[str, ...]] = {}
        for file in self._files.files:
            if file.dataset == self.dataset:
                found[file.measure] = (*found.get(file.measure, ()), file.key)
        if self.imported:
            extra = (metric.key for metric in self.metrics if metric not in self._rows)
            found["accuracy"] = tuple(dict.fromkeys((*found.get("accuracy", ()), *extra)))
        return found

    def confidence(self, metric: Metric | str) -> FloatArray:
        """Return the prediction confidences of one metric by space index, shape (15625, ...) as published.

        Raises:
            ObjectiveError: The folder has no confidence file for the metric.
        """
        array: FloatArray = self._networks(metric, "confidence")[space.network_of_index()]
        return read_only(array)

    def confusion(self, arch: Architecture, metric: Metric | str = "clean") -> IntArray:
        """Return the confusion matrix of one architecture, counts of test images, shape (n_classes, n_classes).

        Raises:
            ObjectiveError: The folder has no confusion matrices for the metric.
        """
        network = space.network_of_index()[space.parse(arch).index]
        counts: IntArray = self._networks(metric, "cm")[network].astype(np.int64)
        return counts

    @cached_property
    def _accuracies(self) -> FloatArray:
        return self._files.accuracies(self.dataset)

    def _read(self, metric: Metric) -> FloatArray:
        if metric not in self._rows and self.imported and metric in self.metrics:
            return read_only(self.imported.column(metric)[space.network_of_index()])
        row = self._rows[metric]
        column: FloatArray = self._accuracies[row]
        return column

    def _find_attached(self) -> dict[str, AttachedTable]:
        return attached_tables(self.dataset, self.folder, self.space)

    def _networks(self, metric: Metric | str, measure: str) -> AnyArray:
        """Return the networks' values of another measure than accuracy, shape (6466, ...)."""
        metric = Metric.parse(metric) if isinstance(metric, str) else metric
        file = PublishedFile(self.dataset, metric.key, measure)
        if file.path not in self._files.known:
            reason = f"{self.folder} has no file {file.path}; see `robustnas data status` for what it has"
            raise ObjectiveError(f"no {measure} of {metric} on {self.dataset}: {reason}")
        levels = self._files.meta.levels(metric.key)
        if metric.level not in levels:
            known = ", ".join(f"{level:g}" for level in levels if level is not None)
            raise ObjectiveError(f"no {measure} of {metric} on {self.dataset}: its levels are {known}")
        if file not in self._measured:
            self._measured[file] = self._files.array(file)
        array: AnyArray = self._measured[file][levels.index(metric.level)]
        return array

    def __repr__(self) -> str:
        return f"<{self.dataset}: {len(self.metrics)} metrics, digest {self.digest[:12]}, {self.folder}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return DatabaseTable, (self.dataset, self._files, self.imported)  # arrays are mapped again, not copied


class Database(Mapping[str, DatabaseTable]):
    """The datasets of one database folder, by name.

    Args:
        files: The folder's files.
        imported: What was imported in another form than the published one, by dataset.

    Example::

        db = Database.open()
        table = db["cifar10"]
        table.value("#13433", "pgd@1")     # 0.336
        table.column(Metric("pgd", 1.0))   # all 15,625 cells by space index
        db.frame()                         # everything, as pandas
    """

    def __init__(self, files: CachedFolder, imported: Mapping[str, ImportedFile] | None = None) -> None:
        self.folder = files.folder
        self.files = files
        self.imported = dict(imported or {})
        names = sorted({*(file.dataset for file in files.files), *self.imported}, key=dataset_order)
        self._tables = {name: DatabaseTable(name, files, self.imported.get(name)) for name in names}

    @classmethod
    def open(cls, path: str | Path | None = None) -> Database:
        """Open a database folder in the published layout, importing what is new in it.

        Args:
            path: The folder; if None, what ROBUSTNAS_DATA names, else the user's data directory.

        Raises:
            DataNotFoundError: There is no database; the message says where it was looked for.
            DataError: A file is faulty.
        """
        folder, origin = find_folder(path)
        try:
            files = CachedFolder.open(folder)
        except DataNotFoundError as error:
            raise DataNotFoundError(f"no robustness database in {origin}: {error}. {_places(path)}") from None
        imported = imported_files(folder)
        if not files.files and not imported:
            expected = f"expected files such as {PublishedFile('cifar10', KEYS[0], 'accuracy').path}"
            raise DataNotFoundError(
                f"{folder} ({origin}) has a meta.json but no data file; {expected}. {_places(path)}"
            )
        return cls(files, imported)

    def verify(self, tick: Callable[[str], None] = lambda _: None) -> None:
        """Read every file again and check it; see `CachedFolder.verify`.

        Raises:
            DataError: Naming the file and what is wrong.
        """
        self.files.verify(tick)
        for file in imported_files(self.folder).values():
            file.check()
            tick(f"{file.dataset}/{IMPORTED}")

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


def extra_metrics(published: Sequence[Metric], imported: ImportedFile | None) -> tuple[Metric, ...]:
    """Return the metrics of an imported file that the published files of its dataset lack.

    A mean corruption is not lacking where all corruptions are there, of which it is the mean.
    """
    held = set(published)
    if held.issuperset(corruption_metrics()):
        held.add(Metric(MEAN_CORRUPTION))
    return tuple(metric for metric in imported.metrics if metric not in held) if imported else ()


def _digest(published: str, imported: ImportedFile | None) -> str:
    """Return the digest of a dataset: of one kind of file that kind's own, of both kinds one of both."""
    if imported is None or not published:
        return published if imported is None else imported.digest
    return sha256(f"{published} {imported.digest}".encode()).hexdigest()


def _places(path: str | Path | None) -> str:
    """Return a sentence on where a database is looked for."""
    named = path if path is not None else "not given"
    return (
        f"Of --data ({named}), {DATA_VARIABLE} ({os.environ.get(DATA_VARIABLE) or 'not set'}) and {user_folder()}, the "
        "first one named counts. To download it: robustnas data fetch"
    )
