"""Search quality on the published database, against reference means of 100 seeds measured independently."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from robustnas import Oracle
from robustnas.tables.database.database import Database
from searchers import create, search

pytestmark = pytest.mark.timeout(60)  # slow where processors are shared

# Mean best accuracy in percent after 100 and 300 distinct networks, CIFAR-10, plain textbook versions.
REFERENCE = {
    "random": {
        "clean": (94.02, 94.19),
        "fgsm@1": (66.29, 67.40),
        "pgd@1": (54.03, 57.11),
        "apgd@1": (48.30, 52.09),
        "square@1": (70.35, 71.10),
        "corruption": (56.34, 57.00),
    },
    "local": {
        "clean": (94.21, 94.54),
        "fgsm@1": (68.01, 69.06),
        "pgd@1": (54.50, 57.70),
        "apgd@1": (51.09, 53.45),
        "square@1": (70.38, 72.36),
        "corruption": (56.58, 57.58),
    },
    "evolution": {
        "clean": (94.37, 94.59),
        "fgsm@1": (68.44, 69.14),
        "pgd@1": (57.42, 58.54),
        "apgd@1": (53.23, 53.76),
        "square@1": (71.58, 72.99),
        "corruption": (57.25, 58.35),
    },
}
N_SEEDS = 100


@pytest.mark.real_data
@pytest.mark.parametrize("objective", REFERENCE["random"])
@pytest.mark.parametrize("searcher", REFERENCE)
def test_mean_of_100_seeds_is_within_noise_of_the_reference_or_better(
    real_data_dir: Path, searcher: str, objective: str
) -> None:
    table = Database.open(real_data_dir)["cifar10"]
    best = np.array([_best(searcher, seed, Oracle(objective, table)) for seed in range(N_SEEDS)]) * 100
    # Both means carry the standard error of 100 seeds; three standard errors of their difference.
    margin = 3 * np.sqrt(2) * best.std(axis=0) / np.sqrt(N_SEEDS) + 0.005
    assert (best.mean(axis=0) >= np.array(REFERENCE[searcher][objective]) - margin).all()


def _best(searcher: str, seed: int, oracle: Oracle) -> tuple[float, float]:
    scores = [outcome.score for outcome in search(create(searcher, seed), oracle) if not outcome.repeat]
    assert len(scores) == 300
    return max(scores[:100]), max(scores)
