"""Scores are shrunk by how much of their variance is noise, level by level; intervals cover the truth."""

from __future__ import annotations

import numpy as np
import pytest

from surrogates.shrinkage import Classes, shrunk

N = 4000


def drawn(discrepancy: float, noise: float, seed: int = 0, n_scores: int = 1) -> tuple[Classes, np.ndarray]:
    """Return classes around a prediction that is right on average, a fifth with three scores, and their truths."""
    rng = np.random.default_rng(seed)
    predicted = rng.uniform(0, 10, N)
    truth = predicted + discrepancy * rng.standard_normal(N)
    counts = np.where(np.arange(N) % 5 == 0, 3, n_scores)
    scores = truth[:, None] + noise * rng.standard_normal((N, 3))
    used = np.arange(3) < counts[:, None]
    means = np.where(used, scores, 0).sum(axis=1) / counts
    squares = np.where(used, (scores - means[:, None]) ** 2, 0).sum(axis=1)
    return Classes(predicted, means, counts, squares), truth


@pytest.mark.parametrize(("discrepancy", "noise"), [(1.0, 1.0), (0.3, 1.0), (1.0, 0.3)])
def test_the_mean_is_that_of_the_normal_posterior(discrepancy: float, noise: float) -> None:
    classes, truth = drawn(discrepancy, noise)
    found = shrunk(classes)
    share = discrepancy**2 / (discrepancy**2 + noise**2 / classes.counts)
    exact = classes.predicted + share * (classes.means - classes.predicted)
    assert np.sqrt(np.mean((found.mean - exact) ** 2)) < 0.3 * min(discrepancy, noise)
    assert np.median(found.noise) == pytest.approx(noise, rel=0.1)
    assert np.abs(found.mean - truth).mean() < np.abs(classes.means - truth).mean()


@pytest.mark.parametrize("discrepancy", [1.0, 0.3, 0.05])
def test_intervals_cover_the_truth_even_where_noise_hides_the_discrepancy(discrepancy: float) -> None:
    covered = []
    for seed in range(3):
        classes, truth = drawn(discrepancy, 1.0, seed)
        found = shrunk(classes)
        covered.append(np.abs(found.mean - truth) <= 1.96 * found.std)
    assert 0.9 <= np.mean(covered) <= 0.995


def test_several_scores_count_for_more_than_one() -> None:
    classes, _ = drawn(1.0, 1.0)
    found = shrunk(classes)
    of_three = classes.counts == 3
    moved = (found.mean - classes.predicted) / (classes.means - classes.predicted)
    assert np.median(moved[of_three]) == pytest.approx(0.75, abs=0.05)
    assert np.median(moved[~of_three]) == pytest.approx(0.5, abs=0.05)
    assert found.std[of_three].mean() < found.std[~of_three].mean()


def test_the_noise_depends_on_the_level() -> None:
    rng = np.random.default_rng(0)
    predicted = rng.uniform(0, 1, N)
    noise = np.where(predicted > 0.5, 0.1, 1.0)
    pairs = predicted[:, None] + 0.05 * rng.standard_normal((N, 1)) + noise[:, None] * rng.standard_normal((N, 2))
    means = pairs.mean(axis=1)
    found = shrunk(Classes(predicted, means, np.full(N, 2), ((pairs - means[:, None]) ** 2).sum(axis=1)))
    assert np.median(found.noise[predicted > 0.75]) == pytest.approx(0.1, abs=0.05)
    assert np.median(found.noise[predicted < 0.25]) == pytest.approx(1.0, rel=0.2)


def test_what_the_model_gets_wrong_on_average_is_no_discrepancy() -> None:
    classes, truth = drawn(0.3, 1.0)
    flat = classes._replace(predicted=0.5 * classes.predicted + 3)
    assert np.sqrt(np.mean((shrunk(flat).mean - truth) ** 2)) < 0.35


def test_a_known_noise_needs_no_class_of_several_scores() -> None:
    rng = np.random.default_rng(0)
    truth = rng.standard_normal(N)
    scores = truth + rng.standard_normal(N)
    found = shrunk(Classes(np.zeros(N), scores, np.ones(N, dtype=int), np.zeros(N)), noise=1.0)
    assert np.std(found.mean - truth) == pytest.approx(np.sqrt(0.5), abs=0.03)
    assert found.noise.tolist() == [1.0] * N


@pytest.mark.parametrize("n", [1, 2, 3, 10])
def test_few_classes_are_no_error(n: int) -> None:
    scores = np.arange(float(n))
    found = shrunk(Classes(scores / 2, scores, np.full(n, 2), np.ones(n)))
    assert np.isfinite(found.mean).all()
    assert np.isfinite(found.std).all()


@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e60])
def test_it_does_not_depend_on_the_unit(scale: float) -> None:
    classes, _ = drawn(1.0, 1.0)
    scaled = Classes(scale * classes.predicted, scale * classes.means, classes.counts, scale**2 * classes.squares)
    np.testing.assert_allclose(shrunk(scaled).mean / scale, shrunk(classes).mean, rtol=1e-6)


def test_constant_scores_stay_what_they_are() -> None:
    found = shrunk(Classes(np.full(50, 0.1), np.full(50, 0.1), np.full(50, 2), np.zeros(50)))
    np.testing.assert_allclose(found.mean, 0.1)
    np.testing.assert_allclose(found.std, 0.0, atol=1e-12)
