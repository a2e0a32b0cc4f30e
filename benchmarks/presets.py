"""What each searcher reaches: mean best after 30, 50, 100, 200 and 300 distinct networks, and seconds per run.

``python benchmarks/presets.py gp,evolution --seeds 100 --budget 200`` prints a Markdown table for six objectives.
``--prior cifar10 --dataset cifar100`` gives the searchers a prior; ``--misleading permuted`` or ``negated`` spoils it.
"""

from __future__ import annotations

import argparse
import os
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from robustnas import Oracle
from robustnas.tables.datasets import open_table
from robustnas.tables.noise import noise_floor
from robustnas.tables.table import Table
from searchers import Prior, create, open_prior, search

OBJECTIVES = ("clean", "fgsm@1", "pgd@1", "apgd@1", "square@1", "corruption")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("searchers", help="names, separated by commas")
    parser.add_argument("--objectives", default=",".join(OBJECTIVES))
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--budget", type=int, default=100)
    parser.add_argument("--dataset", default="cifar10")
    parser.add_argument("--prior")
    parser.add_argument("--misleading", choices=("permuted", "negated"))
    parser.add_argument("--data")
    arguments = parser.parse_args()
    table = open_table(arguments.dataset, arguments.data)
    points = [n for n in (5, 10, 30, 50, 100, 200, 300) if n <= arguments.budget]
    heads = [*(f"n = {n}" for n in points), "seeds beyond one noise floor", "cost", "s per run"]
    print("| searcher | objective |", " | ".join(heads), "|", flush=True)
    print("|---|---|" + "--:|" * len(heads))
    for name in arguments.searchers.split(","):
        for objective in arguments.objectives.split(","):
            print(f"| {name} | {objective} | {_row(name, objective, table, points, arguments)} |", flush=True)


def _row(name: str, objective: str, table: Table, points: list[int], arguments: argparse.Namespace) -> str:
    best, cost, start = [], 0.0, time.process_time()
    for seed in range(arguments.seeds):
        oracle = Oracle(objective, table, budget=arguments.budget)
        prior = {} if arguments.prior is None else {"prior": _prior(objective, table, seed, arguments)}
        best.append([o.score for o in search(create(name, seed, **prior), oracle) if not o.repeat])
        cost += oracle.cost / arguments.seeds
    seconds = (time.process_time() - start) / arguments.seeds
    reached = np.maximum.accumulate(best, axis=1)[:, [n - 1 for n in points]]
    error = reached.std(axis=0) / np.sqrt(arguments.seeds)
    cells = [f"{100 * mean:.2f} ± {100 * e:.2f}" for mean, e in zip(reached.mean(axis=0), error, strict=True)]
    scores = oracle.objectives[0].evaluate(table)[table.space.network_indices()]
    beyond = int((np.nanmax(scores) - reached[:, -1] > noise_floor(scores).std + 1e-9).sum())
    return " | ".join([*cells, f"{beyond} of {arguments.seeds}", f"{cost:,.0f}", f"{seconds:.2f}"])


def _prior(objective: str, table: Table, seed: int, arguments: argparse.Namespace) -> Prior:
    """Return the prior; spoiled, it is permuted anew for every seed, or negated."""
    prior = open_prior(arguments.prior, objective, table, data=arguments.data)
    features = prior.features
    assert features is not None
    if arguments.misleading == "permuted":
        order = np.random.default_rng(seed).permutation(prior.n_networks)
        return Prior("permuted", prior.guesses[:, order], features[order])
    return Prior("negated", -prior.guesses, -features) if arguments.misleading else prior


if __name__ == "__main__":
    main()
