"""What each searcher reaches: mean best after 50, 100 and 300 distinct networks, and seconds per run.

``python benchmarks/presets.py gp,evolution --seeds 100 --budget 100`` prints a Markdown table for six objectives.
"""

from __future__ import annotations

import argparse
import os
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from robustnas import Database, Oracle
from searchers import create, search

OBJECTIVES = ("clean", "fgsm@1", "pgd@1", "apgd@1", "square@1", "corruption")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("searchers", help="names, separated by commas")
    parser.add_argument("--objectives", default=",".join(OBJECTIVES))
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--budget", type=int, default=100)
    parser.add_argument("--dataset", default="cifar10")
    parser.add_argument("--data")
    arguments = parser.parse_args()
    table = Database.open(arguments.data)[arguments.dataset]
    points = [n for n in (20, 50, 100, 300) if n <= arguments.budget]
    print("| searcher | objective |", " | ".join(f"n = {n}" for n in points), "| cost | s per run |", flush=True)
    print("|---|---|" + "--:|" * (len(points) + 2))
    for name in arguments.searchers.split(","):
        for objective in arguments.objectives.split(","):
            best, cost, start = [], 0.0, time.process_time()
            for seed in range(arguments.seeds):
                oracle = Oracle(objective, table, budget=arguments.budget)
                best.append([o.score for o in search(create(name, seed), oracle) if not o.repeat])
                cost += oracle.cost / arguments.seeds
            seconds = (time.process_time() - start) / arguments.seeds
            reached = 100 * np.maximum.accumulate(best, axis=1)[:, [n - 1 for n in points]]
            error = reached.std(axis=0) / np.sqrt(arguments.seeds)
            cells = " | ".join(f"{mean:.2f} ± {e:.2f}" for mean, e in zip(reached.mean(axis=0), error, strict=True))
            print(f"| {name} | {objective} | {cells} | {cost:,.0f} | {seconds:.2f} |", flush=True)


if __name__ == "__main__":
    main()
