"""How fast the database opens and answers, as ratios and rates measured in one run.

Example::

    python benchmarks/database.py ~/robustness-data
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from robustnas.metric import Metric
from robustnas.spaces.nasbench201.numbering import N_CELLS
from robustnas.tables.database.database import Database, DatabaseTable, find_folder


def seconds(task: Callable[[], object], repeats: int = 20) -> float:
    """Return the median time of a task."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        task()
        times.append(time.perf_counter() - start)
    return float(np.median(times))


def read_json(folder: Path) -> None:
    """Read the accuracy files of CIFAR-10 as JSON, no more."""
    for path in (folder / "cifar10").glob("*_accuracy.json"):
        json.loads(path.read_bytes())


def open_columns(folder: Path) -> DatabaseTable:
    """Open the database and map every column of CIFAR-10."""
    table = Database.open(folder)["cifar10"]
    for metric in table.metrics:
        table.column(metric)
    return table


def sum_columns(folder: Path) -> float:
    """Open the database and read every number of CIFAR-10."""
    table = open_columns(folder)
    return float(sum(table.column(metric).sum() for metric in table.metrics))


def first_lookups(folder: Path) -> float:
    """Return the mean time of the first whole-space lookup of each metric."""
    table = Database.open(folder)["cifar10"]
    table.column(table.metrics[0])
    start = time.perf_counter()
    for metric in table.metrics[1:]:
        table.column(metric)
    return (time.perf_counter() - start) / (len(table.metrics) - 1)


def main() -> None:
    folder = find_folder(sys.argv[1] if len(sys.argv) > 1 else None)[0]
    table = open_columns(folder)  # imports, the first time
    from_json = seconds(lambda: read_json(folder), repeats=5)
    print(f"read CIFAR-10's accuracy files as JSON   {from_json * 1e3:8.1f} ms")
    for what, task in (("open, map all columns", open_columns), ("open, read all numbers", sum_columns)):
        opened = seconds(partial(task, folder))
        print(f"{what:40} {opened * 1e3:8.2f} ms   {from_json / opened:.0f} times faster (goal 50)")
    print(f"whole-space column, first lookup         {first_lookups(folder) * 1e6:8.1f} us   (goal 100)")
    metric = Metric("pgd", 1.0)
    print(f"whole-space column, later lookups        {seconds(lambda: table.column(metric), 1000) * 1e6:8.2f} us")
    indices = np.random.default_rng(0).integers(N_CELLS, size=1_000_000)
    for n in (100, 10_000, 1_000_000):
        rate = n / seconds(partial(table.values, indices[:n], metric))
        print(f"lookups through values, {n:9,} at once {rate / 1e6:8.0f} million/s   (goal 1)")


if __name__ == "__main__":
    main()
