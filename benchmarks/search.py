"""How fast searches are: seconds per run, and the ratio of searcher's time to a bare oracle's.

Run it where ROBUSTNAS_DATA (or the user's data directory) holds the database: ``python benchmarks/search.py``.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from robustnas import Cell, Database, Oracle
from robustnas.spaces.nasbench201 import space
from robustnas.tables.table import Table
from searchers import create, search

BUDGET, N_SEEDS, OBJECTIVE = 300, 30, "pgd@1"


def seconds(function: Callable[[int], object]) -> float:
    times = []
    for seed in range(N_SEEDS):
        start = time.perf_counter()
        function(seed)
        times.append(time.perf_counter() - start)
    return float(np.median(times))


def bare(table: Table) -> Callable[[int], object]:
    cells = [Cell.from_index(int(index)) for index in space.network_indices()[:BUDGET]]

    def run(_: int) -> None:
        oracle = Oracle(OBJECTIVE, table, budget=BUDGET)
        for cell in cells:
            oracle.query(cell)

    return run


def main() -> None:
    table = Database.open()["cifar10"]
    floor = seconds(bare(table))
    print(f"median of {N_SEEDS} runs of {BUDGET} queries on {OBJECTIVE}")
    print(f"{'oracle alone':<14} {1000 * floor:8.2f} ms")
    for name in ("random", "local", "evolution"):

        def run(seed: int, name: str = name) -> None:
            for _ in search(create(name, seed), Oracle(OBJECTIVE, table, budget=BUDGET)):
                pass

        taken = seconds(run)
        print(f"{name:<14} {1000 * taken:8.2f} ms   {taken / floor:6.1f} x the oracle alone")


if __name__ == "__main__":
    main()
