"""Numbers of one dataset by network, as a file of another form than the published one gives them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from robustnas.arrays import FloatArray
from robustnas.errors import DataError, excerpt
from robustnas.metric import ATTACKS, Metric
from robustnas.spaces.nasbench201.identity import network_of_index, networks
from robustnas.spaces.nasbench201.numbering import N_CELLS, index_of_id
from robustnas.tables.json_object import unique_object


@dataclass(frozen=True, eq=False)
class NetworkValues:
    """Accuracies of one dataset.

    Attributes:
        dataset: The dataset's name, such as ``robbench-cifar10``.
        training: How the networks were trained, in words.
        columns: Accuracies in [0, 1] by metric, shape (6466,) in ascending order of uid, NaN where missing.
        seeds: How many of the values are means of how many training seeds; empty where the file gives means alone.
        noise: The standard deviation of each metric's values between trainings (of the means, where they are means),
            and its degrees of freedom; of metrics with several seeds.
    """

    dataset: str
    training: str
    columns: Mapping[Metric, FloatArray]
    seeds: Mapping[int, int] = field(default_factory=dict)
    noise: Mapping[Metric, tuple[float, int]] = field(default_factory=dict)

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The metrics in order: clean, attacks by eps, corruption."""
        return tuple(sorted(self.columns, key=metric_order))

    @property
    def n_networks(self) -> int:
        """Networks with a value."""
        return int(np.any([np.isfinite(column) for column in self.columns.values()], axis=0).sum())


@dataclass(frozen=True, eq=False)
class ReadValues:
    """What a file holds.

    Attributes:
        values: One per dataset, those without a number left out.
        unknown: Names of columns and datasets that are not known, and are left out.
    """

    values: tuple[NetworkValues, ...]
    unknown: tuple[str, ...] = ()


def metric_order(metric: Metric) -> tuple[int, int, float]:
    """Return what to sort metrics by: clean, attacks by eps, then others."""
    attacks = list(ATTACKS)
    rank = 0 if metric.kind == "clean" else 1 if metric.kind in attacks else 2
    return rank, attacks.index(metric.kind) if rank == 1 else 0, metric.level or 0.0


def load_json(text: str, where: str) -> Any:
    """Return a JSON value; an object that has a key twice is refused.

    Raises:
        DataError: Naming the file and what is wrong in it.
    """
    if not text.strip():
        raise DataError(f"{where}: the file is empty")
    try:
        return json.loads(text, object_pairs_hook=lambda pairs: unique_object(pairs, where))
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where}: truncated, or not JSON: {error} ({len(text)} characters)") from None


def database_row(name: str, where: str) -> int:
    """Return the row of the network of a database id, 0 to 6465 in ascending order of uid.

    Raises:
        DataError: It is not an id.
    """
    if not (name.isascii() and name.isdecimal() and len(name) < 6 and int(name) < N_CELLS and str(int(name)) == name):
        raise DataError(f"{where}: {excerpt(name)} is not a database id; expected 0 to {N_CELLS - 1}")
    return int(network_of_index()[index_of_id()[int(name)]])


def number(value: Any, where: str, what: str) -> float:
    """Return a number of a file, NaN for null.

    Raises:
        DataError: It is something else.
    """
    if value is None:
        return float("nan")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise DataError(f"{where}: {what} is {excerpt(value)}; expected a number in [0, 1], or null")
    try:
        return float(value)
    except OverflowError:
        return float("inf")


def checked_shares(column: FloatArray, name: str, where: str) -> FloatArray:
    """Return accuracies in [0, 1], NaN where missing.

    Raises:
        DataError: One lies outside; says so where they look like percent.
    """
    wrong = (column < 0) | (column > 1)
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        known = column[np.isfinite(column)]
        percent = known.min() >= 0 and known.max() <= 100 and np.median(known) > 1
        hint = ": these look like percent; divide them by 100" if percent else ""
        raise DataError(
            f"{where}: {name} of network {networks()[row]} is {column[row]:.6g}; expected accuracies in [0, 1] "
            f"({wrong.sum()} lie outside){hint}"
        )
    return column
