"""Reading NAS-RobBench-201 as its programming interface has it, with a value for every training seed.

``{"cifar10": {id: {"val_pgd_8.0_acc": {"1": value, ...}}}, "cifar100": ..., "imagenet": ...}``. A metric is the mean
over the seeds of a network; the spread between them estimates the noise of that mean.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from robustnas.arrays import FloatArray
from robustnas.errors import DataError, excerpt
from robustnas.metric import Metric
from robustnas.spaces.nasbench201.identity import N_NETWORKS
from robustnas.tables.database.column_names import ROBBENCH, images_named, robbench_metric
from robustnas.tables.database.network_values import (
    NetworkValues,
    ReadValues,
    database_row,
    load_json,
    number,
)


def read_seeds(content: str, where: str) -> ReadValues:
    """Read the text of a file with values by dataset, id, metric and training seed.

    Args:
        content: The text.
        where: What messages call the file.

    Raises:
        DataError: Naming the file and what is wrong in it.
    """
    found: dict[str, _Dataset] = {}
    unknown: Counter[str] = Counter()
    for name, entries in _items(load_json(content, where), "values by dataset", where):
        images = images_named(name)
        if images is None:
            unknown[name] += 1
            continue
        if f"{ROBBENCH}{images}" in found:
            raise DataError(f"{where}: holds {images} twice, the second time as {excerpt(name)}; expected it once")
        dataset = found[f"{ROBBENCH}{images}"] = _Dataset(f"{where}, {name}")
        for number_, metrics in _items(entries, f"values of {name} by id", where):
            row = database_row(number_, dataset.where)
            for metric_name, seeds in _items(metrics, f"values of id {number_} by metric", dataset.where):
                metric = robbench_metric(metric_name)
                if metric is None:
                    unknown[metric_name] += 1
                else:
                    dataset.add(row, metric, seeds, f"{metric_name} of id {number_}")
    values = (dataset.values(name) for name, dataset in found.items())
    return ReadValues(tuple(value for value in values if value.columns), tuple(unknown))


@dataclass
class _Dataset:
    """What is known of one dataset so far: the values of all seeds by metric and row."""

    where: str
    columns: dict[Metric, dict[int, FloatArray]] = field(default_factory=dict)

    def add(self, row: int, metric: Metric, seeds: Any, what: str) -> None:
        """Take in the values of one network under one metric."""
        given = [number(value, self.where, what) for value in _by_seed(seeds)]
        values = _checked(np.array(given, dtype=np.float64), what, self.where)
        column = self.columns.setdefault(metric, {})
        if row in column and not np.array_equal(column[row], values):
            raise DataError(f"{self.where}: {what} is given twice, for ids of one network or names of one metric")
        if len(values):
            column[row] = values

    def values(self, dataset: str) -> NetworkValues:
        """Return means, numbers of seeds, and the noise of the means."""
        known = {metric: by_row for metric, by_row in self.columns.items() if by_row}
        seeds = Counter(len(values) for by_row in known.values() for values in by_row.values())
        noise = {metric: spread for metric, by_row in known.items() if (spread := _noise(list(by_row.values())))[1]}
        columns = {metric: _means(by_row) for metric, by_row in known.items()}
        return NetworkValues(dataset, _training(seeds), columns, dict(sorted(seeds.items())), noise)


def _checked(values: FloatArray, what: str, where: str) -> FloatArray:
    """Return the values of the seeds that are known, each an accuracy in [0, 1]."""
    known = values[~np.isnan(values)]
    if (wrong := known[(known < 0) | (known > 1)]).size:
        hint = ": this looks like percent; divide all by 100" if (wrong > 1).all() and (wrong <= 100).all() else ""
        raise DataError(f"{where}: {what} is {wrong[0]:.6g}; expected accuracies in [0, 1]{hint}")
    return known


def _items(value: Any, expected: str, where: str) -> Any:
    if not isinstance(value, dict):
        raise DataError(f"{where}: found {excerpt(value)}; expected an object of {expected}")
    return value.items()


def _by_seed(seeds: Any) -> Sequence[Any]:
    """Return the values of a metric by seed; a number alone is that of one seed."""
    return list(seeds.values()) if isinstance(seeds, dict) else [seeds]


def _means(by_row: dict[int, FloatArray]) -> FloatArray:
    column = np.full(N_NETWORKS, np.nan)
    column[list(by_row)] = [values.mean() for values in by_row.values()]
    return column


def _noise(networks: Sequence[FloatArray]) -> tuple[float, int]:
    """Return the standard deviation of the means between trainings, pooled over networks, and degrees of freedom."""
    several = [values for values in networks if len(values) > 1]
    freedom = sum(len(values) - 1 for values in several)
    if not freedom:
        return 0.0, 0
    variance = sum(float(((values - values.mean()) ** 2).sum()) for values in several) / freedom
    of_mean = variance * float(np.mean([1 / len(values) for values in networks]))
    return float(np.sqrt(of_mean)), freedom


def _training(seeds: Counter[int]) -> str:
    """Return how the networks were trained, by the numbers of seeds that occur."""
    few, many = min(seeds, default=1), max(seeds, default=1)
    if many == 1:
        return "adversarial training, one seed"
    return f"adversarial training, mean of {many if few == many else f'{few} to {many}'} seeds"
