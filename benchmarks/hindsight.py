"""What hindsight would find: the best of the first n networks in the order of a model that has seen the whole table.

Every network is predicted from all others of the table that is searched (leave-one-out, with the kernel of the preset
`gp`), with a prior from another table or without. No search knows as much after a few queries.
``python benchmarks/hindsight.py cifar100 --prior cifar10`` prints a Markdown table of distances from the best in noise
floors; it takes about 2 GB of memory, and 10 to 20 s for each objective.
"""

from __future__ import annotations

import argparse
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from scipy.linalg.lapack import dpotrf, dpotri

from robustnas.arrays import FloatArray
from robustnas.objectives import parse_objectives, utility_columns
from robustnas.tables.datasets import open_table
from robustnas.tables.noise import noise_floor
from searchers import open_prior
from searchers.belief import network_features
from searchers.model_based import FEATURES
from surrogates.matern import fit_hyperparameters, matern52, squared_distances, with_constant
from surrogates.normal_scores import normal_scores

OBJECTIVES = ("clean", "fgsm@1", "pgd@1", "apgd@1", "square@1", "corruption")
POINTS = (5, 10, 20, 30, 50, 100)
N_LEARNED_FROM = 700  # networks whose marginal likelihood decides on the hyperparameters


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dataset")
    parser.add_argument("--prior")
    parser.add_argument("--objectives", default=",".join(OBJECTIVES))
    parser.add_argument("--data")
    arguments = parser.parse_args()
    table = open_table(arguments.dataset, arguments.data)
    rows = table.space.network_indices()
    print("| objective |", " | ".join(f"first {n}" for n in POINTS), "| place of the best three |")
    print("|---|" + "--:|" * (len(POINTS) + 1))
    for objective in arguments.objectives.split(","):
        utilities = utility_columns(parse_objectives(objective), table)[0][rows]
        groups, trend = list(network_features(FEATURES, table.space)), None
        if arguments.prior:
            prior = open_prior(arguments.prior, objective, table, data=arguments.data)
            groups, trend = [*groups, prior.group(0)], prior.guess(0)[:, None]
        order = np.argsort(-leave_one_out(groups, normal_scores(utilities), trend), kind="stable")
        distance = np.minimum.accumulate(utilities.max() - utilities[order]) / noise_floor(utilities).std
        places = np.argsort(order)[np.argsort(-utilities, kind="stable")[:3]] + 1
        cells = [f"{distance[n - 1]:.2f}" for n in POINTS]
        print(f"| {objective} | {' | '.join(cells)} | {', '.join(map(str, places))} |", flush=True)


def leave_one_out(groups: list[FloatArray], values: FloatArray, trend: FloatArray | None) -> FloatArray:
    """Return the prediction of every value from all others (Rasmussen and Williams 2006, equation 5.12)."""
    y = (values - values.mean()) / values.std()
    some = np.random.default_rng(0).choice(len(y), min(N_LEARNED_FROM, len(y)), replace=False)
    small = [squared_distances(group[some], group[some]) for group in groups]
    parameters = fit_hyperparameters(small, y[some], None, 25, None if trend is None else trend[some])
    covariance = matern52(parameters, [squared_distances(group, group) for group in groups])
    covariance[np.diag_indices(len(y))] += parameters.noise
    lower, _ = dpotri(dpotrf(covariance, lower=1, overwrite_a=1)[0], lower=1, overwrite_c=1)
    inverse = np.tril(lower) + np.tril(lower, -1).T
    basis = with_constant(trend, len(y))
    weighted = inverse @ basis
    residuals = y - basis @ np.linalg.solve(basis.T @ weighted, weighted.T @ y)
    return np.asarray(y - inverse @ residuals / np.diag(inverse))


if __name__ == "__main__":
    main()
