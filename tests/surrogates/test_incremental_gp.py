"""The incremental posterior equals the dense computation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import approx_fprime
from scipy.stats import multivariate_normal

from robustnas.arrays import FloatArray
from robustnas.errors import InvalidInputError
from surrogates.incremental_gp import Distances, IncrementalPosterior, standardise
from surrogates.matern import (
    Hyperparameters,
    fit_hyperparameters,
    matern52,
    negative_log_posterior,
    prior,
    squared_distances,
    with_constant,
)


@pytest.fixture
def groups() -> list[FloatArray]:
    rng = np.random.default_rng(0)
    return [standardise(rng.random((80, 4))), standardise(rng.random((80, 3)))]


def targets(groups: list[FloatArray], points: list[int]) -> FloatArray:
    y = np.sin(3 * groups[0][points, 0]) + 0.1 * groups[1][points, 1]
    return np.asarray((y - y.mean()) / y.std())


def dense(
    groups: list[FloatArray], params: Hyperparameters, points: list[int], y: FloatArray
) -> tuple[FloatArray, FloatArray]:
    full = matern52(params, [squared_distances(group, group) for group in groups])
    noisy = full[np.ix_(points, points)] + params.noise * np.eye(len(points))
    cross = full[points]
    weights = np.linalg.solve(noisy, np.ones(len(points)))
    mean = weights @ y / weights.sum()
    mu = mean + cross.T @ np.linalg.solve(noisy, y - mean)
    variance = params.signal - np.einsum("ij,ij->j", cross, np.linalg.solve(noisy, cross))
    return mu, np.sqrt(variance)


@pytest.mark.parametrize("most", [0, 2, 512])
def test_distances_do_not_depend_on_what_is_kept(groups: list[FloatArray], most: int) -> None:
    distances = Distances(groups[0], most)
    for rows in ([3, 1], [1, 2, 7], [3, 7], [3, 3]):
        expected = squared_distances(groups[0][rows], groups[0])
        np.testing.assert_allclose(distances(rows), expected, atol=1e-12)
        np.testing.assert_array_equal(distances(rows), distances(rows))


def test_equals_a_dense_computation(groups: list[FloatArray]) -> None:
    order = np.random.default_rng(1).permutation(80)[:40].tolist()
    posterior = IncrementalPosterior(groups, 40)
    posterior.refit(order[:10], targets(groups, order[:10]))
    for n in range(10, 40):
        if n == 20:
            posterior.refit(order[:n], targets(groups, order[:n]))
        posterior.add(order[n])
        assert posterior.params is not None
        y = targets(groups, order[: n + 1])
        mean, deviation = posterior.predict(y)
        expected_mean, expected_deviation = dense(groups, posterior.params, order[: n + 1], y)
        np.testing.assert_allclose(mean, expected_mean, atol=1e-6)
        np.testing.assert_allclose(deviation, expected_deviation, atol=1e-5)
    assert posterior.points == order


def test_extending_equals_adding_one_by_one(groups: list[FloatArray]) -> None:
    order = np.random.default_rng(2).permutation(80)[:30].tolist()
    y = targets(groups, order)
    one, many = IncrementalPosterior(groups, 30), IncrementalPosterior(groups, 30)
    for posterior in (one, many):
        posterior.refit(order[:10], y[:10])
    for point in order[10:]:
        one.add(point)
    for start, end in ((10, 10), (10, 11), (11, 15), (15, 30)):
        many.extend(order[start:end])
    for found, expected in zip(many.predict(y), one.predict(y), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-9)
    assert many.points == order
    with pytest.raises(InvalidInputError, match="the number of points is 32"):
        many.extend([order[0], order[1]])


def test_equal_points_may_be_added_at_once(groups: list[FloatArray]) -> None:
    posterior = IncrementalPosterior(groups, 30)
    posterior.refit([0, 1, 2], np.array([-1.0, 0.0, 1.0]))
    assert posterior.params is not None
    posterior.params = Hyperparameters(0.0, -30.0, posterior.params.log_lengths)
    posterior.extend([3, 3, 3])
    mean, deviation = posterior.predict(np.array([-1.0, 0.0, 1.0, 0.5, 0.5, 0.5]))
    assert np.isfinite(mean).all()
    assert np.isfinite(deviation).all()


def test_a_trend_equals_a_linear_kernel(groups: list[FloatArray]) -> None:
    rng = np.random.default_rng(3)
    trend = rng.standard_normal((80, 2))
    order = rng.permutation(80)[:25].tolist()
    y = targets(groups, order) + trend[order, 0]
    posterior = IncrementalPosterior(groups, 25, trend)
    posterior.refit(order, y)
    assert posterior.params is not None
    kernel = matern52(posterior.params, [squared_distances(group, group) for group in groups]) + trend @ trend.T
    full = kernel + 1e7  # a constant of so large a variance is a flat prior
    noisy = full[np.ix_(order, order)] + posterior.params.noise * np.eye(25)
    mean, deviation = posterior.predict(y)
    np.testing.assert_allclose(mean, full[:, order] @ np.linalg.solve(noisy, y), atol=1e-3)
    variance = np.diag(full) - np.einsum("ij,ji->i", full[:, order], np.linalg.solve(noisy, full[order]))
    np.testing.assert_allclose(deviation**2, variance, atol=1e-3)


def test_the_evidence_is_a_normal_density(groups: list[FloatArray]) -> None:
    rng = np.random.default_rng(4)
    trend = rng.standard_normal((80, 1))
    order = rng.permutation(80)[:20].tolist()
    y = targets(groups, order)
    posterior = IncrementalPosterior(groups, 20, trend)
    posterior.refit(order, y)
    assert posterior.params is not None
    kernel = matern52(posterior.params, [squared_distances(group, group) for group in groups]) + trend @ trend.T + 1.0
    noisy = kernel[np.ix_(order, order)] + posterior.params.noise * np.eye(20)
    expected = multivariate_normal(np.zeros(20), noisy).logpdf(y) + 10 * np.log(2 * np.pi)
    assert posterior.log_evidence(y) == pytest.approx(expected)


def test_gradient_with_a_trend(groups: list[FloatArray]) -> None:
    rng = np.random.default_rng(5)
    points, basis = list(range(15)), with_constant(rng.standard_normal((15, 2)), 15)
    distances = [squared_distances(group[points], group[points]) for group in groups]
    y = targets(groups, points)
    vector = np.array([0.2, -0.3, 0.5, -1.5])
    _, gradient = negative_log_posterior(vector, distances, y, basis)
    numerical = approx_fprime(vector, lambda v: negative_log_posterior(v, distances, y, basis)[0], 1e-6)
    np.testing.assert_allclose(gradient, numerical, rtol=1e-3, atol=1e-4)


def test_the_same_point_twice_and_constant_targets(groups: list[FloatArray]) -> None:
    posterior = IncrementalPosterior(groups, 5)
    posterior.refit([3, 3], np.zeros(2))
    posterior.add(3)
    mean, deviation = posterior.predict(np.zeros(3))
    np.testing.assert_allclose(mean, 0, atol=1e-12)
    assert np.isfinite(deviation).all()


def test_one_point(groups: list[FloatArray]) -> None:
    posterior = IncrementalPosterior(groups, 1)
    posterior.refit([7], np.zeros(1))
    mean, deviation = posterior.predict(np.zeros(1))
    assert np.argmin(deviation) == 7
    assert np.isfinite(mean).all()


def test_gradient(groups: list[FloatArray]) -> None:
    points = list(range(25))
    distances = [squared_distances(group[points], group[points]) for group in groups]
    y = targets(groups, points)
    rng = np.random.default_rng(2)
    for _ in range(3):
        vector = prior(2)[0] + 0.5 * rng.standard_normal(4)
        numeric = approx_fprime(vector, lambda v: negative_log_posterior(v, distances, y)[0], 1e-6)
        np.testing.assert_allclose(negative_log_posterior(vector, distances, y)[1], numeric, rtol=1e-3, atol=1e-3)


def test_hyperparameters_find_the_group_that_matters(groups: list[FloatArray]) -> None:
    distances = [squared_distances(group, group) for group in groups]
    y = groups[0][:, 0]
    params = fit_hyperparameters(distances, (y - y.mean()) / y.std())
    assert params.log_lengths[0] < params.log_lengths[1]


def test_standardise_drops_constant_columns() -> None:
    values = np.random.default_rng(0).random((50, 3))
    values[:, 1] = 4e6
    scaled = standardise(values)
    assert scaled.shape == (50, 2)
    np.testing.assert_allclose((scaled**2).sum(axis=1).mean(), 1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda g: IncrementalPosterior([], 3), "at least one group"),
        (lambda g: IncrementalPosterior([g[0], g[1][:5]], 3), "of equal length"),
        (lambda g: IncrementalPosterior(g, 0), "capacity is 0"),
        (lambda g: IncrementalPosterior(g, 3).add(1), "call refit first"),
        (lambda g: IncrementalPosterior(g, 3).predict(np.zeros(0)), "call refit first"),
        (lambda g: IncrementalPosterior(g, 3).refit([1, 2], np.zeros(3)), r"y has shape \(3,\); expected \(2,\)"),
        (lambda g: IncrementalPosterior(g, 1).refit([1, 2], np.zeros(2)), "the number of points is 2; expected"),
    ],
)
def test_refused(groups: list[FloatArray], call, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InvalidInputError, match=message):
        call(groups)
