from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.exceptions import NotFittedError

from robustnas.arrays import FloatArray, IntArray
from surrogates import make_surrogate
from surrogates.leaf_kernel import LeafPosterior

RNG = np.random.default_rng


def forest(n: int = 60, n_trees: int = 12, seed: int = 0) -> IntArray:
    """Leaves of trees that split random features at random."""
    return RNG(seed).integers(0, 5, size=(n, n_trees))


def direct(leaves: IntArray, points: list[int], y: FloatArray, noise: float) -> tuple[FloatArray, FloatArray]:
    """Return the posterior by the textbook (Rasmussen and Williams 2006, equations 2.25 and 2.26)."""
    kernel = (leaves[:, None, :] == leaves[None, :, :]).mean(axis=2)
    inverse = np.linalg.inv(kernel[np.ix_(points, points)] + noise * np.eye(len(points)))
    level = inverse.sum(axis=0) @ y / inverse.sum()
    signal = (y - level) @ inverse @ (y - level) / len(y)
    columns = kernel[points]
    mean = level + columns.T @ inverse @ (y - level)
    variance = signal * (1 - np.einsum("ij,ik,kj->j", columns, inverse, columns))
    return mean, np.sqrt(np.maximum(variance, 0))


def test_the_posterior_is_the_textbooks_also_after_additions_beyond_the_capacity() -> None:
    leaves, points = forest(), RNG(1).permutation(60).tolist()
    y = RNG(2).standard_normal(60)
    posterior = LeafPosterior(leaves, points[:3], y[:3])
    for n in range(3, 50):
        posterior.add(points[n])
    mean, deviation = posterior.predict(y[:50])
    expected_mean, expected_deviation = direct(leaves, points[:50], y[:50], posterior.noise)
    assert_allclose(mean, expected_mean, atol=1e-9)
    assert_allclose(deviation, expected_deviation, atol=1e-7)


def test_the_deviation_tells_the_known_from_the_unknown() -> None:
    leaves = np.repeat(np.arange(4), 10)[:, None] * np.ones((1, 8), dtype=int)  # four groups that share no leaf
    points = [0, 1, 2, 10, 11]
    _, deviation = LeafPosterior(leaves, points, np.array([1.0, 1.1, 0.9, -1.0, -1.1])).predict(
        np.array([1.0, 1.1, 0.9, -1.0, -1.1])
    )
    assert deviation[:10].max() < deviation[10:20].min() < deviation[20:].min()


@pytest.mark.parametrize("noise", [0.02, 2.0])
def test_the_noise_is_estimated(noise: float) -> None:
    leaves = forest(300, 20)
    kernel = (leaves[:, None, :] == leaves[None, :, :]).mean(axis=2)
    estimates = []
    for seed in range(10):
        function = np.linalg.cholesky(kernel + 1e-9 * np.eye(300)) @ RNG(seed).standard_normal(300)
        y = function + np.sqrt(noise) * RNG(seed + 100).standard_normal(300)
        estimates.append(LeafPosterior(leaves, range(300), (y - y.mean()) / y.std()).noise)
    assert np.exp(np.mean(np.log(estimates))) == pytest.approx(noise, rel=0.5)


def test_more_than_255_leaves_are_told_apart() -> None:
    leaves = np.arange(600)[:, None]
    mean, _ = LeafPosterior(leaves, [0, 256], np.array([1.0, -1.0])).predict(np.array([1.0, -1.0]))
    assert mean[0] > 0.5 > -0.5 > mean[256]
    assert_allclose(mean[[1, 255, 257, 512]], 0, atol=1e-12)


def test_constant_targets_have_a_posterior() -> None:
    mean, deviation = LeafPosterior(forest(), [0, 1, 2], np.zeros(3)).predict(np.zeros(3))
    assert_allclose(mean, 0)
    assert np.isfinite(deviation).all()


@pytest.mark.parametrize("name", ["xgboost", "forest"])
def test_rows_that_trees_cannot_tell_apart_share_their_leaves(name: str) -> None:
    x = RNG(0).random((80, 3))
    x[40:] = x[:40]
    model = make_surrogate(name, random_state=0, n_estimators=7).fit(x, x[:, 0])
    leaves = model.leaves(x)
    assert leaves.shape == (80, 70 if name == "xgboost" else 7)
    assert leaves.min() >= 0
    np.testing.assert_array_equal(leaves[:40], leaves[40:])
    assert len(np.unique(leaves, axis=0)) > 10


def test_the_trees_of_a_forest_are_constant_on_its_leaves() -> None:
    x = RNG(0).random((60, 2))
    model = make_surrogate("forest", random_state=0, n_estimators=1, min_samples_leaf=5).fit(x, x[:, 0])
    leaves, predicted = model.leaves(x)[:, 0], model.predict(x)
    assert all(np.ptp(predicted[leaves == leaf]) < 1e-12 for leaf in np.unique(leaves))
    assert len(np.unique(predicted)) == len(np.unique(leaves))


@pytest.mark.parametrize("name", ["xgboost", "forest"])
def test_leaves_of_unfitted_trees_and_of_other_columns_are_refused(name: str) -> None:
    model = make_surrogate(name, n_estimators=5)
    with pytest.raises(NotFittedError):
        model.leaves(np.zeros((2, 3)))
    model.fit(RNG(0).random((20, 3)), np.arange(20.0))
    with pytest.raises(ValueError, match="2 features"):
        model.leaves(np.zeros((2, 2)))
