"""The surrogate benchmark as a table: what a search runs on without a database."""

from __future__ import annotations

import re
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from robustnas.arrays import FloatArray, read_only
from robustnas.checks import whole_number, written_number
from robustnas.errors import InvalidInputError, unknown_name
from robustnas.metric import PAPER_ATTACKS, Metric
from robustnas.spaces.nasbench201 import NASBENCH201, Skeleton
from robustnas.tables.attached.attached import AttachedTable, attached_tables
from robustnas.tables.embedded.model import SurrogateModel, file_digest, model_predictions, read_model
from robustnas.tables.network_table import NetworkTable

SUFFIX = "-surrogate"
MODELS: dict[str, Path] = {
    f"{name}{SUFFIX}": Path(__file__).with_name(f"{name}.npz") for name in ("cifar10", "cifar100")
}
"""The surrogate benchmarks that are shipped: model files by the name of the dataset that they stand for."""

_NAME = re.compile(rf"(?P<model>.+{SUFFIX})(?:@(?P<seed>\d+))?")


class SurrogateTable(NetworkTable):
    """A surrogate benchmark: predicted accuracies of every network under every metric, and no measurement.

    Without a seed it is deterministic, and functional twins are equal. With one, every network gets one draw of
    training noise, fixed by seed and network: a repeated query returns the same number, as from the database.

    Args:
        noise_seed: Fixes the draw of the noise, at least 0; None for none.
        model: A model file from scripts/fit_embedded.py; None for the shipped one of CIFAR-10.

    Attributes:
        dataset: Such as ``cifar10-surrogate``, or ``cifar10-surrogate@7`` with the noise of seed 7.
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

    space = NASBENCH201
    source = "surrogate"
    attacks = PAPER_ATTACKS

    def __init__(self, noise_seed: int | None = None, *, model: Path | None = None) -> None:
        self.noise_seed = None if noise_seed is None else whole_number("noise_seed", noise_seed, at_least=0)
        self._path = MODELS[f"cifar10{SUFFIX}"] if model is None else Path(model)
        fitted = read_model(self._path)
        self.metrics = fitted.metrics
        self.dataset = f"{fitted.dataset}{SUFFIX}" + ("" if noise_seed is None else f"@{self.noise_seed}")
        self.digest = _digest(self._path, self.noise_seed)
        self._rows = {metric: row for row, metric in enumerate(self.metrics)}

    @property
    def model(self) -> SurrogateModel:
        """The fitted model."""
        return read_model(self._path)

    @property
    def skeleton(self) -> Skeleton:
        """The size of the networks that it predicts for, which their numbers of parameters depend on."""
        return self.space.skeleton(self.model.dataset)

    def _read(self, metric: Metric) -> FloatArray:
        """Return the predicted accuracies of one metric, rounded to three decimals, as the database's are."""
        column: FloatArray = _accuracies(self._path, self.noise_seed)[self._rows[metric]]
        return column

    def _find_attached(self) -> dict[str, AttachedTable]:
        """Return its own attached tables and those of the real dataset: the networks are the same."""
        own = attached_tables(self.dataset.partition("@")[0], space=self.space)
        return {**attached_tables(self.model.dataset, space=self.space), **own}

    def __repr__(self) -> str:
        return f"<{self.dataset}: {len(self.metrics)} metrics predicted by a model, digest {self.digest[:12]}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuilt, (self.noise_seed, self._path)


def surrogate_names() -> tuple[str, ...]:
    """Return the names of the surrogate benchmarks that are shipped."""
    return tuple(MODELS)


def surrogate_of(dataset: str) -> str | None:
    """Return the name of the shipped surrogate benchmark of a dataset, None if there is none.

    >>> surrogate_of("cifar100"), surrogate_of("ImageNet16-120")
    ('cifar100-surrogate', None)
    """
    name = f"{dataset}{SUFFIX}"
    return name if name in MODELS else None


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
    seed = written_number("the seed of noise", match["seed"], at_least=0) if match["seed"] else None
    return SurrogateTable(seed, model=MODELS[match["model"]])


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
