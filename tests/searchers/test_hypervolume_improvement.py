"""Expected hypervolume improvement, against volumes that moocore measures and against simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from moocore import hypervolume

from searchers.hypervolume_improvement import expected_improvement, free_boxes, hypervolume_improvement, promising

RNG = np.random.default_rng


def added(front: np.ndarray, point: np.ndarray, reference: np.ndarray) -> float:
    before = hypervolume(-front, ref=-reference) if len(front) else 0.0
    return float(hypervolume(-np.vstack([front, point]), ref=-reference) - before)


@pytest.mark.parametrize("n_objectives", [2, 3, 4, 5])
def test_of_known_outcomes_it_is_the_volume_added(n_objectives: int) -> None:
    rng = RNG(n_objectives)
    front, points = rng.random((12, n_objectives)), 1.3 * rng.random((20, n_objectives)) - 0.2
    reference = np.full(n_objectives, -0.1)
    found = expected_improvement(points, np.zeros_like(points), front, reference)
    np.testing.assert_allclose(found, [added(front, point, reference) for point in points], atol=1e-12)


@settings(deadline=None)
@given(
    arrays(float, st.tuples(st.integers(0, 8), st.just(3)), elements=st.integers(0, 3)),
    arrays(float, st.tuples(st.just(4), st.just(3)), elements=st.integers(-1, 4)),
)
def test_equal_coordinates_and_points_beyond_the_reference_count_as_they_should(
    front: np.ndarray, points: np.ndarray
) -> None:
    reference = np.zeros(3)
    inside = front[(front > 0).all(axis=1)]
    found = expected_improvement(points, np.zeros_like(points), front, reference)
    expected = [added(inside, point, reference) if (point > 0).all() else 0.0 for point in points]
    np.testing.assert_allclose(found, expected, atol=1e-9)


@pytest.mark.parametrize("n_objectives", [2, 3])
def test_it_is_the_mean_of_simulated_improvements(n_objectives: int) -> None:
    """The last objective is known: its deviation is 0."""
    rng, reference = RNG(0), np.zeros(n_objectives)
    front, mean = rng.random((6, n_objectives)), np.full((1, n_objectives), 0.7)
    std = np.full((1, n_objectives), 0.3)
    std[:, -1] = 0.0
    draws = mean + std * rng.standard_normal((4000, n_objectives))
    gains = [added(front, draw, reference) if (draw > 0).all() else 0.0 for draw in draws]
    found = expected_improvement(mean, std, front, reference).item()
    assert found == pytest.approx(np.mean(gains), abs=4 * np.std(gains) / np.sqrt(len(gains)))


@given(arrays(float, st.tuples(st.integers(0, 8), st.just(3)), elements=st.integers(0, 4)), st.integers(0, 10_000))
def test_every_point_that_is_not_dominated_lies_in_one_box(front: np.ndarray, seed: int) -> None:
    points = 5 * RNG(seed).random((50, 3))
    lower, upper = free_boxes(front, np.zeros(3))
    n_boxes = ((points[:, None] >= lower) & (points[:, None] < upper)).all(axis=2).sum(axis=1)
    dominated = (points[:, None] <= front[(front > 0).all(axis=1)]).all(axis=2).any(axis=1)
    assert n_boxes.tolist() == np.where(dominated, 0, 1).tolist()


def test_the_best_of_all_candidates_is_among_the_promising_ones() -> None:
    rng = RNG(3)
    mean, std, found = rng.standard_normal((3000, 3)), 0.2 * rng.random((3000, 3)), rng.standard_normal((30, 3))
    reference = found.min(axis=0)
    everything = expected_improvement(mean, std, found, reference)
    assert len(promising(mean - reference, found - reference)) == 400
    score = hypervolume_improvement(mean, std, found, reference, np.arange(3000))
    assert score.argmax() == everything.argmax()
    assert score.max() == 1.0
    assert (score == -1).sum() == 2600


def test_only_what_is_allowed_is_scored() -> None:
    mean = np.array([[3.0, 3.0], [1.0, 1.0], [0.5, 0.5]])
    score = hypervolume_improvement(mean, np.zeros((3, 2)), np.zeros((1, 2)), -np.ones(2), np.array([1, 2]))
    assert score.argmax() == 1
    assert score[0] == -1


def test_where_nothing_improves_all_are_equal() -> None:
    mean = np.zeros((5, 2))
    score = hypervolume_improvement(mean, np.zeros((5, 2)), np.ones((1, 2)), -np.ones(2), np.arange(5))
    assert score.tolist() == [0.0] * 5
