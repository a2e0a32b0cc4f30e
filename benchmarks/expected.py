"""Whether expected scores are closer to the truth than measured ones; docs/noise.md has the result.

``python benchmarks/expected.py embedded --seeds 6``: on the embedded benchmark, whose noise-free scores are known, for
draws of its noise. ``python benchmarks/expected.py twins``: on the database (ROBUSTNAS_DATA names it), how well the
score of a functional twin that was held out is predicted from its siblings.
"""

from __future__ import annotations

import argparse
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from robustnas import Objective
from robustnas.arrays import FloatArray, IntArray
from robustnas.spaces.nasbench201 import NASBENCH201
from robustnas.tables.datasets import open_table
from surrogates.expected import expected_scores

OBJECTIVES = ("clean", "fgsm@1", "pgd@1", "apgd@1", "square@1", "corruption")
DATASETS = ("cifar10", "cifar100")
TOP = 0.05
"""Share of the networks that count as the best."""


def scores_of(dataset: str, objective: str) -> FloatArray:
    """Return a score by network, in points."""
    column = Objective(objective).evaluate(open_table(dataset))[NASBENCH201.network_indices()]
    return np.asarray(100 * column)


def rmse(errors: FloatArray) -> float:
    return float(np.sqrt(np.mean(errors**2)))


def embedded(dataset: str, objective: str, seeds: int) -> list[str]:
    """Return the cells of a row: errors of measured and expected scores, over draws of noise.

    Chosen: the networks of the best measured scores, as a search takes them.
    """
    truth = scores_of(f"{dataset}-surrogate", objective)
    best = truth >= np.quantile(truth, 1 - TOP)
    rows = []
    for seed in range(seeds):
        measured = scores_of(f"{dataset}-surrogate@{seed}", objective)
        mean, std, _ = expected_scores(measured, NASBENCH201)
        error, raw = mean - truth, measured - truth
        covered = np.abs(error) <= 1.96 * std
        order = np.argsort(-measured, kind="stable")
        chosen, first = order[:10], order[:1]
        found = [rmse(raw), rmse(error), rmse(raw[best]), rmse(error[best])]
        found += [np.mean(raw[chosen]), np.mean(error[chosen]), rmse(raw[chosen]), rmse(error[chosen])]
        found += [np.mean(raw[first]), np.mean(error[first])]
        found += [100 * np.mean(covered), 100 * np.mean(covered[best]), 100 * np.mean(covered[order[:100]])]
        rows.append(found)
    m = np.mean(rows, axis=0)
    pairs = [f"{a:.2f} → {b:.2f}" for a, b in zip(m[:8:2], m[1:8:2], strict=True)]
    ahead = f"{m[8]:+.2f} → {m[9]:+.2f}"
    return [*pairs[:2], f"{m[4]:+.2f} → {m[5]:+.2f}", pairs[3], ahead, *(f"{value:.0f}" for value in m[10:])]


def twins(dataset: str, objective: str, splits: int) -> list[str]:
    """Return the cells of a row: errors of predicting a twin held out, one of each group, from its siblings.

    Raw: the mean score of the siblings; expected: their expected score, fitted without the twin. The best: the groups
    whose siblings' mean is within the best 5 % of all networks. Covered: the twin's score, its own noise included.
    """
    measured, labels = scores_of(dataset, objective), NASBENCH201.twin_labels()
    assert labels is not None
    squares: list[FloatArray] = []
    for split in range(splits):
        held = one_of_each_group(labels, np.random.default_rng(split))
        known = measured.copy()
        known[held] = np.nan
        mean, std, noise = expected_scores(known, NASBENCH201)
        sibling = first_known(labels, known, held)
        total = np.bincount(labels, weights=np.nan_to_num(known))[labels[held]]
        raw = total / np.bincount(labels, weights=np.isfinite(known))[labels[held]]
        error = mean[sibling] - measured[held]
        inside = np.abs(error) <= 1.96 * np.hypot(std[sibling], noise[sibling])
        best = raw >= np.nanquantile(known, 1 - TOP)
        squares.append(np.array([(raw - measured[held]) ** 2, error**2, inside, best, noise[sibling] ** 2]))
    raw2, error2, inside, best, noise2 = np.concatenate(squares, axis=1)
    chosen = best > 0
    cells = [
        f"{np.sqrt(a.mean()):.2f} → {np.sqrt(b.mean()):.2f} ({np.sqrt(c.mean()):.2f})"
        for a, b, c in ((raw2, error2, noise2), (raw2[chosen], error2[chosen], noise2[chosen]))
    ]
    return [*cells, f"{chosen.sum() / splits:.0f}", f"{100 * inside.mean():.0f}", f"{100 * inside[chosen].mean():.0f}"]


def one_of_each_group(labels: IntArray, rng: np.random.Generator) -> IntArray:
    """Return a random network of each group of twins."""
    order = rng.permutation(len(labels))
    size = np.bincount(labels)
    _, first = np.unique(labels[order], return_index=True)
    return np.asarray([row for row in order[first] if size[labels[row]] > 1])


def first_known(labels: IntArray, known: FloatArray, held: IntArray) -> IntArray:
    """Return a sibling, with a known score, of each network held out."""
    rows = np.flatnonzero(np.isfinite(known))
    of_class = dict(zip(labels[rows].tolist(), rows.tolist(), strict=True))
    return np.array([of_class[label] for label in labels[held].tolist()])


HEADS = {
    "embedded": "RMSE, all | RMSE, best 5 % | bias, 10 chosen | RMSE, 10 chosen | bias, the best chosen | "
    "% covered | of the best 5 % | of the 100 chosen",
    "twins": "RMSE, all (noise) | RMSE, best 5 % (noise) | groups among the best | % covered | of the best 5 %",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("check", choices=HEADS)
    parser.add_argument("--datasets", default=",".join(DATASETS))
    parser.add_argument("--objectives", default=",".join(OBJECTIVES))
    parser.add_argument("--seeds", type=int, default=6, help="draws of noise, or of the twins held out")
    arguments = parser.parse_args()
    head = HEADS[arguments.check]
    print(f"| dataset | objective | {head} |\n|---|---|{'--:|' * (head.count('|') + 1)}", flush=True)
    for dataset in arguments.datasets.split(","):
        for objective in arguments.objectives.split(","):
            check = embedded if arguments.check == "embedded" else twins
            print(f"| {dataset} | {objective} | {' | '.join(check(dataset, objective, arguments.seeds))} |", flush=True)


if __name__ == "__main__":
    main()
