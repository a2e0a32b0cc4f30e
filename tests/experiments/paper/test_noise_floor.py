from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from experiments.paper.noise_floor import noise_floor
from experiments.paper.noise_floor.twin_noise import (
    TwinSpread,
    difference_that_matters,
    noise_by_level,
    noise_frame,
    twin_spread,
)
from experiments.paper.section import Question
from robustnas.objectives import objective_column
from robustnas.spaces.nasbench201 import space
from robustnas.spaces.nasbench201.twins import network_twin_labels, twin_groups
from robustnas.tables.database.database import Database
from robustnas.tables.noise import noise_floor as pooled_noise

KNOWN_NOISE = {  # points, and their digits
    "clean": (0.37, 2),
    "fgsm@1": (1.2, 1),
    "pgd@1": (1.8, 1),
    "apgd@1": (1.7, 1),
    "square@1": (1.4, 1),
    "corruption": (1.1, 1),
}

pytestmark = [pytest.mark.usefixtures("own_cache"), pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def simulated() -> np.ndarray:
    """True scores from 0 to 1 per function, and noise of 0.02, twice as large in the upper half."""
    rng = np.random.default_rng(1)
    labels = network_twin_labels()
    truth = rng.random(labels.max() + 1)[labels]
    return truth + rng.normal(size=len(truth)) * np.where(truth < 0.5, 0.02, 0.04)


def test_the_spread_is_that_of_the_package(simulated: np.ndarray) -> None:
    spread = twin_spread(simulated)
    assert len(spread.squares) == 641
    assert spread.std == pytest.approx(pooled_noise(simulated).std)


def test_the_interval_holds_the_truth(simulated: np.ndarray) -> None:
    rng = np.random.default_rng(2)
    hits = 0
    for _ in range(40):
        spread = twin_spread(rng.normal(scale=0.02, size=len(simulated)))
        low, high = spread.interval()
        hits += low <= 0.02 <= high
    assert hits >= 34
    assert low < spread.std < high < 1.15 * low


def test_one_group_has_no_interval() -> None:
    spread = TwinSpread(np.array([2.0]), np.array([1.0]), np.array([0.5]))
    assert spread.std == pytest.approx(math.sqrt(2))
    assert np.isnan(spread.interval()).all()


def test_noise_by_level_finds_where_it_is_larger(simulated: np.ndarray) -> None:
    frame = noise_by_level({"x": simulated}, n_levels=4)
    assert frame["n_groups"].sum() == 641
    assert frame["mean"].is_monotonic_increasing
    np.testing.assert_allclose(frame["std"], [0.02, 0.02, 0.04, 0.04], rtol=0.15)


def test_share_of_variance_and_networks_near_the_best(simulated: np.ndarray) -> None:
    (row,) = noise_frame({"x": simulated}).to_dict("records")
    assert row["noise_share"] == pytest.approx(0.001 / np.var(simulated), rel=0.1)
    assert row["n_within"] == (simulated >= simulated.max() - row["std"]).sum()
    assert row["n_within_95"] > row["n_within"] >= 1


def test_the_difference_that_matters_is_exceeded_by_noise_in_one_of_twenty() -> None:
    rng = np.random.default_rng(3)
    means = rng.normal(scale=1.8, size=(2, 20_000, 10)).mean(axis=-1)
    exceeded = np.abs(means[0] - means[1]) > difference_that_matters(1.8, 10)
    assert exceeded.mean() == pytest.approx(0.05, abs=0.006)


def test_a_partial_folder(published: Path) -> None:
    section = noise_floor(Question(Database.open(published)["cifar100"]))
    assert section.frames["noise_floor"]["metric"].tolist() == ["clean"]


@pytest.mark.real_data
def test_the_known_noise_of_the_database(real_data_dir: Path) -> None:
    table = Database.open(real_data_dir)["cifar10"]
    rows = space.network_indices()
    columns = {name: objective_column(name, table)[rows] for name in KNOWN_NOISE}
    frame = noise_frame(columns).set_index("metric")
    assert {name: round(100 * frame.loc[name, "std"], digits) for name, (_, digits) in KNOWN_NOISE.items()} == {
        name: points for name, (points, _) in KNOWN_NOISE.items()
    }
    assert frame.loc["pgd@1", "n_within"] == 22
    assert round(100 * frame.loc["clean", "std_near_best"], 2) == 0.18
    assert frame.loc["clean", "n_within_near_best"] == 2
    pgd = table.network_column("pgd@1")
    groups = [pgd[list(group)] for group in twin_groups()]
    squares = sum(((g - g.mean()) ** 2).sum() for g in groups)
    by_hand = math.sqrt(squares / sum(len(g) - 1 for g in groups))
    assert frame.loc["pgd@1", "std"] == pytest.approx(by_hand)
    assert frame.loc["pgd@1", "low"] < by_hand < frame.loc["pgd@1", "high"]
