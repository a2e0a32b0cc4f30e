"""What multi-objective searchers reach on the suite: normalised hypervolume, IGD+ and the share of the table's front.

``python benchmarks/several_objectives.py gp,nsga2 --seeds 30 --budget 100`` prints a Markdown table, one row per
searcher and number of queries, one column per problem. ``pymoo-nsga2`` is pymoo's NSGA-II (`robustnas.adapters`).
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Sequence

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from robustnas import Oracle
from robustnas.arrays import FloatArray
from robustnas.objectives import SUITE, known_utilities, utility_columns
from robustnas.oracle import Outcome
from robustnas.pareto import HypervolumeScale
from robustnas.tables import open_table
from searchers import create, search

PYMOO = "pymoo-nsga2"
MEASURES = ("hypervolume", "igd_plus", "share")


def utilities(name: str, oracle: Oracle, seed: int) -> FloatArray:
    """Return the utilities of the networks that a searcher queries, in order, shape (n, n_objectives)."""
    if name == PYMOO:
        outcomes = asked_by_pymoo(oracle, seed)
    else:
        known = known_utilities(oracle.objectives, oracle.table)
        searcher = create(name, seed, n_objectives=len(oracle.objectives), known_utilities=known)
        outcomes = [outcome for outcome in search(searcher, oracle) if not outcome.repeat]
    return np.array([outcome.utilities for outcome in outcomes])


def asked_by_pymoo(oracle: Oracle, seed: int) -> Sequence[Outcome]:
    """Return what pymoo's NSGA-II asks for, with operators that take options for names and a population of 30."""
    from pymoo.algorithms.moo.nsga2 import NSGA2
    from pymoo.operators.crossover.ux import UX
    from pymoo.operators.mutation.rm import ChoiceRandomMutation
    from pymoo.operators.sampling.rnd import IntegerRandomSampling
    from pymoo.optimize import minimize

    from robustnas.adapters import PymooProblem

    problem = PymooProblem(oracle)
    algorithm = NSGA2(pop_size=30, sampling=IntegerRandomSampling(), crossover=UX(), mutation=ChoiceRandomMutation())
    minimize(problem, algorithm, ("n_gen", 1000), seed=seed)
    return problem.questions.outcomes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("searchers", help="names, separated by commas")
    parser.add_argument("--problems", default=",".join(SUITE))
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--budget", type=int, default=100)
    parser.add_argument("--dataset", default="cifar10")
    parser.add_argument("--data")
    parser.add_argument("--measure", choices=MEASURES, default="hypervolume")
    arguments = parser.parse_args()
    table, problems = open_table(arguments.dataset, arguments.data), arguments.problems.split(",")
    points = [n for n in (100, 300) if n < arguments.budget] + [arguments.budget]
    print("| searcher | n |", " | ".join(problems), "| s per run |", flush=True)
    print("|---|--:|" + "--:|" * (len(problems) + 1))
    for name in arguments.searchers.split(","):
        reached, start = np.zeros((len(problems), arguments.seeds, len(points))), time.process_time()
        for i, problem in enumerate(problems):
            for seed in range(arguments.seeds):
                oracle = Oracle(problem, table, budget=arguments.budget)
                scale = HypervolumeScale(utility_columns(oracle.objectives, table).T)
                found = utilities(name, oracle, seed)
                progress = scale.progress(found)
                for j, n in enumerate(points):
                    measured = {"igd_plus": progress.igd_plus, "share": progress.share}.get(arguments.measure)
                    reached[i, seed, j] = scale(found[:n]) if measured is None else measured[min(n, len(measured)) - 1]
        seconds = (time.process_time() - start) / (len(problems) * arguments.seeds)
        for j, n in enumerate(points):
            error = reached[:, :, j].std(axis=1) / np.sqrt(arguments.seeds)
            pairs = zip(reached[:, :, j].mean(axis=1), error, strict=True)
            print(
                f"| {name} | {n} |",
                " | ".join(f"{mean:.3f} ± {e:.3f}" for mean, e in pairs),
                f"| {seconds:.1f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
