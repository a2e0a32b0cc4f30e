"""The default surrogate and encoding reach their published quality on the real database."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from robustnas import Database
from robustnas.metric import Metric
from robustnas.spaces import encoding
from robustnas.spaces.nasbench201 import space
from surrogates import DEFAULT_ENCODING, make_surrogate
from surrogates.metrics import coverage, kendall_tau

pytestmark = pytest.mark.timeout(60)  # slow where processors are shared

N_TRIALS = 3
MARGIN = 0.02  # three trials of 100 rows scatter by about 0.016 (one standard error)


@pytest.mark.real_data
@pytest.mark.slow
@pytest.mark.parametrize(
    ("metric", "train_size", "target"),
    [
        ("pgd@1", 100, 0.56),
        ("pgd@1", 400, 0.68),
        ("fgsm@1", 100, 0.69),
        ("fgsm@1", 400, 0.79),
        ("clean", 100, 0.76),
        ("clean", 400, 0.86),
    ],
)
def test_default_pair_reaches_its_target(real_data_dir: Path, metric: str, train_size: int, target: float) -> None:
    rows = space.network_indices()
    scores = Database.open(real_data_dir)["cifar10"].column(Metric.parse(metric))[rows]
    features = encoding(DEFAULT_ENCODING).values[rows]
    taus, held = [], []
    for trial in range(N_TRIALS):
        order = np.random.default_rng([7, trial]).permutation(len(rows))
        train, test = order[:train_size], order[train_size:]
        model = make_surrogate("default", random_state=trial).fit(features[train], scores[train])
        mean, deviation = model.predict(features[test], return_std=True)
        taus.append(kendall_tau(scores[test], mean))
        held.append(coverage(scores[test], mean, deviation, 0.8))
    assert np.mean(taus) > target - MARGIN
    assert np.mean(held) == pytest.approx(0.8, abs=0.08)
