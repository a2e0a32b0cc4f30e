"""The surrogate benchmark as a table: what a search asks when no database is there."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from robustnas.arrays import FloatArray, IntArray, read_only
from robustnas.checks import whole_number
from robustnas.errors import InvalidInputError, ObjectiveError, unknown_name
from robustnas.metric import Metric
from robustnas.spaces.nasbench201.cell import Architecture, Cell
from robustnas.spaces.nasbench201.identity import network_indices, networks
from robustnas.spaces.nasbench201.numbering import N_CELLS
from robustnas.tables.attached.attached import AttachedTable, attached_tables
from robustnas.tables.embedded.model import SurrogateModel, file_digest, model_predictions, read_model
from robustnas.tables.table import missing_metric

if TYPE_CHECKING:
    import pandas as pd

SUFFIX = "-surrogate"
MODELS: dict[str, Path] = {f"cifar10{SUFFIX}": Path(__file__).with_name("cifar10.npz")}
"""The surrogate benchmarks that are shipped: model files by the name of the dataset that they stand for."""

_NAME = re.compile(rf"(?P<model>.+{SUFFIX})(?:@(?P<seed>\d+))?")


class SurrogateTable:
    """A surrogate benchmark: a `Table` of predictions, for every network and metric. It holds no measurement.

    Without a seed it is deterministic, and networks that are functional twins are equal. With one, every network gets
    one draw of training noise, fixed by seed and network: asking twice gives the same number, as from the database.

    Args:
        noise_seed: Fixes the draw of the noise, at least 0; None for none.
        model: A model file from scripts/fit_embedded.py; None for the shipped one of CIFAR-10.

    Attributes:
        dataset: ``cifar10-surrogate``, or ``cifar10-surrogate@7`` with the noise of seed 7.
        digest: A SHA-256 of the model file, and of the seed.
        source: ``surrogate``.
        metrics: The metrics that it predicts.

    Raises:
        InvalidInputError: A seed that is not a whole number of at least 0.
        DataError: The model file is missing or faulty.

    >>> table = SurrogateTable()
    >>> 0.85 < table.value("#13433", "clean") < 0.93
    True
    >>> SurrogateTable(noise_seed=7).dataset
    'cifar10-surrogate@7'
    """

    source = "surrogate"
    complete = True
    notes: tuple[str, ...] = ()

    def __init__(self, noise_seed: int | None = None, *, model: Path | None = None) -> None:
        self.noise_seed = None if noise_seed is None else whole_number("noise_seed", noise_seed, at_least=0)
        self._path = MODELS[f"cifar10{SUFFIX}"] if model is None else Path(model)
        fitted = read_model(self._path)
        self.metrics: tuple[Metric, ...] = fitted.metrics
        self.dataset = f"{fitted.dataset}{SUFFIX}" + ("" if noise_seed is None else f"@{self.noise_seed}")
        self.digest = _digest(self._path, self.noise_seed)
        self._rows = {metric: row for row, metric in enumerate(self.metrics)}

    @property
    def model(self) -> SurrogateModel:
        """The fitted model."""
        return read_model(self._path)

    def column(self, metric: Metric | str) -> FloatArray:
        """Return the predicted accuracies of one metric by space index, shape (15625,), in [0, 1], read-only.

        They are rounded to three decimals, as the database's are.

        Raises:
            ObjectiveError: The model does not predict the metric.
        """
        found = Metric.parse(metric) if isinstance(metric, str) else metric
        if found not in self._rows:
            raise ObjectiveError(missing_metric(found, self))
        column: FloatArray = _accuracies(self._path, self.noise_seed)[self._rows[found]]
        return column

    def network_column(self, metric: Metric | str) -> FloatArray:
        """Return the predicted accuracies of the 6,466 networks in ascending order of uid."""
        return self.column(metric).take(network_indices())

    def value(self, arch: Architecture, metric: Metric | str) -> float:
        """Return the predicted accuracy of one architecture in any notation."""
        return float(self.column(metric)[Cell.parse(arch).index])

    def values(self, archs: IntArray | Iterable[Architecture], metric: Metric | str) -> FloatArray:
        """Return the predicted accuracies of many architectures: an integer array of space indices, or any notation."""
        whole = isinstance(archs, np.ndarray) and archs.dtype.kind in "iu"
        rows = np.asarray(archs if whole else [Cell.parse(arch).index for arch in archs], dtype=np.int64)
        if rows.size and (rows.min() < 0 or rows.max() >= N_CELLS):
            wrong = rows[(rows < 0) | (rows >= N_CELLS)].flat[0]
            raise InvalidInputError(f"{int(wrong)} is not a space index; expected 0 to {N_CELLS - 1}")
        values: FloatArray = self.column(metric)[rows]
        return values

    def scores(self, arch: Architecture) -> dict[str, float]:
        """Return the predicted accuracies of one architecture under all metrics, by metric name."""
        column = _accuracies(self._path, self.noise_seed)[:, Cell.parse(arch).index]
        return dict(zip(map(str, self.metrics), column.tolist(), strict=True))

    def frame(self) -> pd.DataFrame:
        """Return the 6,466 networks as a DataFrame: index uid, column arch, one column per metric."""
        import pandas as pd

        archs = [Cell.from_index(index).arch for index in network_indices().tolist()]
        columns = {str(metric): self.network_column(metric) for metric in self.metrics}
        return pd.DataFrame({"arch": archs, **columns}, index=pd.Index(networks(), name="uid"))

    def attached_columns(self) -> dict[str, FloatArray]:
        """Return the columns that were attached to the real dataset, such as latencies: the networks are the same."""
        return {name: values for table in self._attached().values() for name, values in table.columns().items()}

    def attached_digests(self) -> dict[str, str]:
        """Return the digest of each attached table by name."""
        return {name: table.digest for name, table in self._attached().items()}

    def _attached(self) -> dict[str, AttachedTable]:
        return attached_tables(self.model.dataset)

    def __repr__(self) -> str:
        return f"<{self.dataset}: {len(self.metrics)} metrics predicted by a model, digest {self.digest[:12]}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuilt, (self.noise_seed, self._path)


def surrogate_names() -> tuple[str, ...]:
    """Return the names of the surrogate benchmarks that are shipped."""
    return tuple(MODELS)


def open_surrogate(dataset: str) -> SurrogateTable:
    """Open a shipped surrogate benchmark by name; ``@`` and a whole number draw noise.

    Raises:
        InvalidInputError: There is none of that name.

    >>> open_surrogate("cifar10-surrogate@7").noise_seed
    7
    """
    match = _NAME.fullmatch(dataset)
    if not match or match["model"] not in MODELS:
        known = [name for model in MODELS for name in (model, f"{model}@SEED")]
        raise InvalidInputError(unknown_name("surrogate benchmark", dataset, known))
    return SurrogateTable(int(match["seed"]) if match["seed"] else None, model=MODELS[match["model"]])


@cache
def _accuracies(path: Path, noise_seed: int | None) -> FloatArray:
    """Return all accuracies of a model, shape (n_metrics, 15625), read-only."""
    rng = None if noise_seed is None else np.random.default_rng(noise_seed)
    return read_only(read_model(path).columns(model_predictions(path), rng))


def _digest(path: Path, noise_seed: int | None) -> str:
    digest = file_digest(path)
    return digest if noise_seed is None else sha256(f"{digest}@{noise_seed}".encode()).hexdigest()


def _rebuilt(noise_seed: int | None, path: Path) -> SurrogateTable:
    return SurrogateTable(noise_seed, model=path)
