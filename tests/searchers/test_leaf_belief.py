from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from robustnas.spaces.nasbench201 import NASBENCH201, space
from robustnas.tables.embedded import open_surrogate
from searchers.belief import RegressorBelief
from searchers.beliefs import make_belief
from searchers.leaf_belief import LeafBelief
from searchers.presets import ForestSearch, XGBoostSearch
from surrogates import make_surrogate

pytestmark = pytest.mark.timeout(60)  # slow where processors are shared

RNG = np.random.default_rng
ENCODING = "path, path-statistics+cost"
TREES = {"xgboost": dict(XGBoostSearch.preset.parameters), "forest": dict(ForestSearch.preset.parameters)}


def observed(n: int) -> tuple[list[int], np.ndarray[tuple[int, ...], np.dtype[np.float64]]]:
    """Return rows at random and their standardised clean accuracies."""
    rows = RNG(1).permutation(space.N_NETWORKS)[:n].tolist()
    values = open_surrogate("cifar10-surrogate@1").column("clean")[space.network_indices()[rows]]
    return rows, (values - values.mean()) / values.std()


@pytest.mark.parametrize("name", TREES)
def test_trees_are_believed_by_their_leaves(name: str) -> None:
    belief = make_belief(name, ENCODING, NASBENCH201, RNG(0), **TREES[name])
    rows, values = observed(60)
    mean, std = belief.update(rows, values)
    others = np.setdiff1d(np.arange(space.N_NETWORKS), rows)
    assert isinstance(belief, LeafBelief)
    assert np.corrcoef(mean[rows], values)[0, 1] > 0.9
    assert std[rows].max() < np.median(std[others])


@pytest.mark.parametrize("name", TREES)
def test_an_upper_confidence_bound_asks_for_promising_networks(name: str) -> None:
    """The deviation of residuals alone sends it to bad ones: over 80 % of the networks are predicted to be better."""
    rows, values = observed(60)
    mean, std = make_belief(name, ENCODING, NASBENCH201, RNG(0), **TREES[name]).update(rows, values)
    asked = np.argsort(-(mean + 3 * std))[:20]
    assert (mean[:, None] > mean[asked]).mean() < 0.5


def test_other_regressors_are_believed_by_their_predictions() -> None:
    assert isinstance(make_belief("ridge", ENCODING, NASBENCH201, RNG(0)), RegressorBelief)


def test_an_observation_counts_before_new_trees_are_grown() -> None:
    grown: list[int] = []

    def make(seed: int) -> Any:
        grown.append(seed)
        return make_surrogate("forest", random_state=seed, n_estimators=10)

    features = RNG(0).standard_normal((300, 4))
    belief = LeafBelief(make, features, RNG(0))
    values = features[:, 0]
    before, wide = belief.update(list(range(50)), values[:50])
    after, narrow = belief.update(list(range(51)), values[:51])
    assert len(grown) == 1
    assert abs(after[50] - values[50]) < abs(before[50] - values[50])
    assert narrow[50] < wide[50]


def test_trees_are_grown_when_the_data_grew_by_a_fifth() -> None:
    sizes: list[int] = []

    class Stumps:
        def fit(self, x: np.ndarray, y: np.ndarray) -> Stumps:
            sizes.append(len(x))
            return self

        def leaves(self, x: np.ndarray) -> np.ndarray:
            return (x > 0).astype(int)

    belief = LeafBelief(lambda seed: Stumps(), RNG(0).standard_normal((400, 6)), RNG(0))
    for n in range(10, 301):
        belief.update(list(range(n)), np.linspace(0, 1, n))
    assert sizes[0] == 10
    assert len(sizes) < 25
    assert all(after <= max(before + 1, 1.2 * before) for before, after in pairwise(sizes))


def test_pending_networks_are_believed_and_grow_no_trees() -> None:
    sizes: list[int] = []

    class Constant:
        def fit(self, x: np.ndarray, y: np.ndarray) -> Constant:
            assert np.isfinite(y).all()
            sizes.append(len(x))
            return self

        def leaves(self, x: np.ndarray) -> np.ndarray:
            return np.zeros((len(x), 1), dtype=int)

    belief = LeafBelief(lambda seed: Constant(), np.zeros((30, 1)), RNG(0))
    mean, std = belief.update([3, 4, 5, 6], np.array([1.0, 2.0, np.nan, np.nan]))
    assert sizes == [2]
    assert np.isfinite(mean).all()
    assert (std > 0).all()
