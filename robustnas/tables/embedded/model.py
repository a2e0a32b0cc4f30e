"""The fitted model of one dataset, as its file holds it: networks, scales, noise; plain arrays, no pickle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from robustnas.arrays import AnyArray, FloatArray, read_only
from robustnas.errors import DataError, DataNotFoundError, excerpt
from robustnas.metric import Metric
from robustnas.spaces.nasbench201.identity import network_indices, network_of_index
from robustnas.spaces.nasbench201.numbering import all_operations
from robustnas.spaces.nasbench201.twins import network_twin_labels
from robustnas.tables.embedded.network import StateNetwork, depends_on_input
from robustnas.tables.embedded.noise import NoiseModel

FORMAT = "robustnas surrogate benchmark 1"
OFFSET = 0.004
"""Added to both sides of the logit, so that accuracies of 0 have one; a few units of the database's rounding."""

KNOTS = (-2.0, -1.0, 0.0, 1.0, 2.0, 3.0, 4.0)
"""Where the lines that correct a metric's predictions bend, in standardised logits."""


@dataclass(frozen=True, eq=False)
class SurrogateModel:
    """A surrogate benchmark of one dataset.

    Attributes:
        dataset: The dataset that it was fitted to, such as ``cifar10``.
        n_classes: Its classes, which set the accuracy by chance.
        fitted_to: The digest of the table that it was fitted to.
        metrics: The m metrics that it predicts.
        centre, scale: The median of each metric's logits and their spread, (m,).
        networks: The ensemble, whose predictions are averaged.
        bends: A correction per metric of that average, linear between `KNOTS`, (m, 2 + len(KNOTS)); see `bent`.
        noise: The noise of a single training.
    """

    dataset: str
    n_classes: int
    fitted_to: str
    metrics: tuple[Metric, ...]
    centre: FloatArray
    scale: FloatArray
    networks: tuple[StateNetwork, ...]
    bends: FloatArray
    noise: NoiseModel

    def predictions(self) -> FloatArray:
        """Return the standardised predictions of the 6,466 networks, shape (6466, m), in ascending order of uid.

        They are computed once per functional class: twins are equal to the last bit.
        """
        labels = network_twin_labels()
        first, rows = np.unique(labels, return_index=True, return_inverse=True)[1:]
        ops = all_operations()[network_indices()[first]]
        averages = np.mean([network.predict(ops) for network in self.networks], axis=0)
        return bent(averages, self.bends)[rows]

    def columns(self, predictions: FloatArray, rng: np.random.Generator | None = None) -> FloatArray:
        """Return the accuracies of every cell by space index, shape (m, 15625), in [0, 1].

        They are rounded to three decimals, as the database's are: that adds less than a tenth of the noise of clean
        accuracy, and sums in another order, on another processor, do not show. A network that sees nothing of the
        image scores chance, without noise. As in the database, a cell has the accuracies of its network.

        Args:
            predictions: What `predictions` returned.
            rng: Draws one noise per network; None for none.
        """
        if rng is not None:
            seen = visibility(accuracy(self.centre + self.scale * predictions))
            predictions = predictions + seen * self.noise.draw(predictions, rng)
        accuracies = accuracy(self.centre + self.scale * predictions).clip(0, 1).round(3)
        accuracies[~depends_on_input(all_operations()[network_indices()])] = round(1 / self.n_classes, 3)
        return np.ascontiguousarray(accuracies[network_of_index()].T)

    @property
    def n_numbers(self) -> int:
        """The numbers that the model consists of, all its arrays together."""
        return sum(array.size for array in self.arrays().values())

    def arrays(self) -> dict[str, AnyArray]:
        """Return its numbers by name, as its file holds them, the members of the ensemble stacked."""
        members = {f"network.{name}": _stack(self.networks, name) for name in StateNetwork._fields}
        noise = {f"noise.{name}": array for name, array in self.noise._asdict().items()}
        return {"centre": self.centre, "scale": self.scale, "bends": self.bends, **members, **noise}

    def write(self, path: Path) -> None:
        """Write the model file: single precision, compressed; the same bytes for the same model."""
        content: dict[str, Any] = {name: getattr(self, name) for name in ("dataset", "n_classes", "fitted_to")}
        content |= {"format": FORMAT, "metrics": np.array([str(metric) for metric in self.metrics])}
        content |= {name: array.astype(np.float32) for name, array in self.arrays().items()}
        with path.open("wb") as file:
            np.savez_compressed(file, **content)


def logit(accuracies: FloatArray) -> FloatArray:
    """Return the logits of accuracies in [0, 1], with `OFFSET` to keep them finite.

    >>> float(np.round(accuracy(logit(np.array(0.0))), 9))
    0.0
    """
    return np.asarray(np.log((accuracies + OFFSET) / (1 - accuracies + OFFSET)))


def accuracy(logits: FloatArray) -> FloatArray:
    """Return what `logit` was computed from; slightly beyond [0, 1] for extreme logits."""
    return np.asarray((1 + 2 * OFFSET) / (1 + np.exp(-np.clip(logits, -60, 60))) - OFFSET)


def bent(predictions: FloatArray, bends: FloatArray) -> FloatArray:
    """Return predictions with each metric's correction added, shape (n, m).

    A metric's correction is an intercept, a slope, and the changes of the slope at the knots.

    >>> bent(np.array([[2.5]]), np.array([[0.1, 0.0, 0.0, 0.0, 0.0, 0.0, -0.5, 0.0, 0.0]])).tolist()
    [[2.35]]
    """
    corrected = predictions + bends[:, 0] + bends[:, 1] * predictions
    for knot, change in zip(KNOTS, bends.T[2:], strict=True):
        corrected += change * np.maximum(predictions - knot, 0)
    return np.asarray(corrected)


def visibility(accuracies: FloatArray) -> FloatArray:
    """Return how much of a small change of the true logit shows in `logit`: 1, but little near accuracies 0 and 1.

    >>> visibility(np.array([0.0, 0.004, 0.5])).round(2).tolist()
    [0.0, 0.5, 0.98]
    """
    values = np.clip(accuracies, 0, 1)
    return np.asarray(values * (1 - values) / ((values + OFFSET) * (1 - values + OFFSET)))


@cache
def read_model(path: Path) -> SurrogateModel:
    """Read a model file.

    Raises:
        DataNotFoundError: There is no such file.
        DataError: The file is none of ours, or incomplete.
    """
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            content = {name: file[name] for name in file.files}
    except FileNotFoundError:
        raise DataNotFoundError(f"no surrogate benchmark at {path}; scripts/fit_embedded.py fits one") from None
    except (ValueError, OSError, BadZipFile) as error:
        raise DataError(f"{path} is no surrogate benchmark: {error}") from None
    if str(content.get("format", "")) != FORMAT:
        raise DataError(
            f"{path} is no surrogate benchmark: its format is {excerpt(content.get('format'))}, not {FORMAT!r}"
        )
    try:
        return _model(content)
    except KeyError as error:
        raise DataError(f"{path} is an incomplete surrogate benchmark: it has no array {error}") from None


@cache
def file_digest(path: Path) -> str:
    """Return the SHA-256 of a model file."""
    return sha256(path.read_bytes()).hexdigest()


@cache
def model_predictions(path: Path) -> FloatArray:
    """Return `SurrogateModel.predictions` of a model file, computed once per process, read-only."""
    return read_only(read_model(path).predictions())


def _model(content: Mapping[str, AnyArray]) -> SurrogateModel:
    numbers = {name: array.astype(np.float64) for name, array in content.items() if array.dtype.kind == "f"}
    stacks = [numbers[f"network.{name}"] for name in StateNetwork._fields]
    return SurrogateModel(
        dataset=str(content["dataset"]),
        n_classes=int(content["n_classes"]),
        fitted_to=str(content["fitted_to"]),
        metrics=tuple(Metric.parse(name) for name in content["metrics"].tolist()),
        centre=numbers["centre"],
        scale=numbers["scale"],
        bends=numbers["bends"],
        networks=tuple(StateNetwork(*weights) for weights in zip(*stacks, strict=True)),
        noise=NoiseModel(*(numbers[f"noise.{name}"] for name in NoiseModel._fields)),
    )


def _stack(networks: tuple[StateNetwork, ...], name: str) -> AnyArray:
    return np.stack([getattr(network, name) for network in networks])
