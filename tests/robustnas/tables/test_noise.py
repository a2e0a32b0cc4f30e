from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from robustnas import Objective
from robustnas.errors import InvalidInputError
from robustnas.spaces.nasbench201 import space
from robustnas.spaces.nasbench201.twins import network_twin_labels
from robustnas.tables.database.database import Database
from robustnas.tables.noise import N_NEAR_BEST, noise_floor, noise_near_best, repeated_noise


def test_it_recovers_the_noise_of_a_simulation() -> None:
    rng = np.random.default_rng(0)
    truth = rng.random(network_twin_labels().max() + 1)[network_twin_labels()]
    estimate = noise_floor(truth + rng.normal(scale=0.02, size=len(truth)))
    assert estimate.degrees_of_freedom == 6466 - 5136
    assert abs(estimate.std - 0.02) < 3 * estimate.standard_error


def test_unknown_scores_are_left_out() -> None:
    scores = np.full(space.N_NETWORKS, np.nan)
    assert np.isnan(noise_floor(scores).std)
    labels = network_twin_labels()
    pair = np.flatnonzero(labels == np.flatnonzero(np.bincount(labels) > 1)[0])[:2]
    scores[pair] = [0.1, 0.3]
    estimate = noise_floor(scores)
    assert estimate.degrees_of_freedom == 1
    assert estimate.std == pytest.approx(np.std([0.1, 0.3], ddof=1))


@pytest.mark.parametrize("minimised", [False, True])
def test_the_noise_near_the_best_is_that_of_the_best_twins(minimised: bool) -> None:
    labels = network_twin_labels()
    truth = np.linspace(0, 1, labels.max() + 1)[labels]
    noise = np.where(truth > 0.5, 0.01, 0.04) * np.random.default_rng(0).normal(size=len(truth))
    estimate = noise_near_best(truth + noise, minimised=minimised)
    assert estimate.degrees_of_freedom < N_NEAR_BEST
    assert abs(estimate.std - (0.04 if minimised else 0.01)) < 3 * estimate.standard_error


def test_twins_that_score_the_same_have_no_noise_at_all() -> None:
    """Not 5e-17, the rounding of a mean of equal numbers, which a report would write as 0.00."""
    scores = np.random.default_rng(0).random(network_twin_labels().max() + 1).round(3)[network_twin_labels()]
    assert noise_floor(scores).std == 0
    assert noise_near_best(scores).std == 0


def test_few_twins_are_all_near_the_best() -> None:
    scores = np.full(space.N_NETWORKS, np.nan)
    labels = network_twin_labels()
    scores[:300] = np.random.default_rng(0).random(300)
    assert 0 < noise_floor(scores).degrees_of_freedom < N_NEAR_BEST
    assert noise_near_best(scores) == noise_floor(scores)
    assert np.isnan(noise_near_best(np.full(len(labels), np.nan)).std)


def test_repeated_trainings_say_what_twins_say() -> None:
    rng = np.random.default_rng(0)
    networks = rng.integers(0, 50, 2000)
    found = repeated_noise(rng.uniform(0, 1, 50)[networks] + rng.normal(0, 0.03, 2000), networks)
    assert found.degrees_of_freedom == 1950
    assert found.std == pytest.approx(0.03, abs=4 * found.standard_error)
    assert np.isnan(repeated_noise(np.array([0.5, 0.6]), np.array([3, 1])).std)
    assert np.isnan(repeated_noise(np.array([]), np.array([], dtype=np.int64)).std)


def test_another_shape_is_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"\(15625,\)"):
        noise_floor(np.zeros(15625))


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("objective", "points"),
    [("clean", 0.37), ("fgsm@1", 1.2), ("pgd@1", 1.8), ("apgd@1", 1.7), ("square@1", 1.4), ("corruption", 1.1)],
)
def test_the_noise_of_the_database_is_the_known_one(real_data_dir: Path, objective: str, points: float) -> None:
    table = Database.open(real_data_dir)["cifar10"]
    scores = Objective(objective).evaluate(table)[space.network_indices()]
    assert 100 * noise_floor(scores).std == pytest.approx(points, abs=0.06)


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("objective", "percent"),
    [("clean", 94.6), ("fgsm@1", 69.2), ("pgd@1", 58.8), ("apgd@1", 54.0), ("square@1", 73.6), ("corruption", 58.55)],
)
def test_the_best_of_the_database_is_the_published_one(real_data_dir: Path, objective: str, percent: float) -> None:
    table = Database.open(real_data_dir)["cifar10"]
    assert 100 * Objective(objective).evaluate(table).max() == pytest.approx(percent, abs=0.006)


@pytest.mark.real_data
def test_networks_of_equal_size_differ_widely(real_data_dir: Path) -> None:
    """The 405 networks with two 3x3 and no 1x1 convolutions: mean accuracy over all attacks and eps 0.211 to 0.399."""
    table = Database.open(real_data_dir)["cifar10"]
    ops = space.all_operations()[space.network_indices()]
    alike = ((ops == 3).sum(axis=1) == 2) & ((ops == 2).sum(axis=1) == 0)
    attacks = [metric for metric in table.metrics if metric.kind in ("fgsm", "pgd", "apgd", "square")]
    mean = np.mean([table.column(metric)[space.network_indices()][alike] for metric in attacks], axis=0)
    assert (alike.sum(), round(mean.min(), 3), round(mean.max(), 3)) == (405, 0.211, 0.399)


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("objective", "points"),
    [("clean", 0.48), ("fgsm@1", 0.70), ("pgd@1", 0.96), ("apgd@1", 0.75), ("square@1", 1.02), ("corruption", 0.58)],
)
def test_the_noise_of_cifar100_is_the_known_one(real_data_dir: Path, objective: str, points: float) -> None:
    table = Database.open(real_data_dir)["cifar100"]
    scores = Objective(objective).evaluate(table)[space.network_indices()]
    assert 100 * noise_floor(scores).std == pytest.approx(points, abs=0.006)


@pytest.mark.real_data
def test_the_best_networks_are_less_noisy_on_clean_images(real_data_dir: Path) -> None:
    clean = Database.open(real_data_dir)["cifar10"].network_column("clean")
    assert 100 * noise_near_best(clean).std == pytest.approx(0.18, abs=0.006)
