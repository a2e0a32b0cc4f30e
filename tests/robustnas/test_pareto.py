from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from robustnas.errors import InvalidInputError
from robustnas.pareto import HypervolumeScale, non_dominated, pareto_ranks

points = arrays(float, st.tuples(st.integers(1, 12), st.just(2)), elements=st.floats(0, 1, width=16))


@given(points)
def test_non_dominated_is_the_definition(utilities: np.ndarray) -> None:
    expected = [not any((other >= row).all() and (other > row).any() for other in utilities) for row in utilities]
    assert non_dominated(utilities).tolist() == expected


@given(points, st.randoms(use_true_random=False))
def test_fronts_and_hypervolumes_do_not_depend_on_the_order(utilities: np.ndarray, random: object) -> None:
    order = list(range(len(utilities)))
    random.shuffle(order)  # type: ignore[attr-defined]
    assert (non_dominated(utilities)[order] == non_dominated(utilities[order])).all()
    scale = HypervolumeScale(np.vstack([utilities, [[0, 1], [1, 0]]]))
    assert scale(utilities) == pytest.approx(scale(utilities[order]))


@given(
    arrays(float, st.tuples(st.integers(1, 15), st.integers(1, 4)), elements=st.sampled_from([-1e300, 0.0, 0.5, 1.0]))
)
def test_ranks_are_those_of_fronts_taken_off_one_by_one(utilities: np.ndarray) -> None:
    ranks = pareto_ranks(utilities)
    for rank in range(len(utilities)):
        left = utilities[ranks >= rank]
        front = [not any((other >= row).all() and (other > row).any() for other in left) for row in left]
        assert front == (ranks[ranks >= rank] == rank).tolist()


def test_hypervolume_by_hand() -> None:
    scale = HypervolumeScale(np.array([[0.0, 10.0], [1.0, 0.0], [0.5, 5.0]]))
    assert scale(np.array([[0.0, 10.0], [1.0, 0.0], [0.5, 5.0]])) == pytest.approx(1.0)
    assert scale(np.array([[0.25, 5.0]])) == pytest.approx(0.5)
    assert scale(np.empty((0, 2))) == 0.0


def test_unknown_utilities_are_dominated() -> None:
    utilities = np.array([[np.nan, 1.0], [0.1, 0.1]])
    assert non_dominated(utilities).tolist() == [False, True]
    assert HypervolumeScale(np.array([[0.0, 0.0], [1.0, 1.0]]))(utilities) == pytest.approx(0.01)


def test_one_objective_is_refused() -> None:
    with pytest.raises(InvalidInputError):
        HypervolumeScale(np.zeros((5, 1)))


@given(arrays(float, st.tuples(st.integers(1, 9), st.just(3)), elements=st.floats(0, 1, width=16)))
def test_progress_is_igd_plus_and_the_share_of_points(utilities: np.ndarray) -> None:
    from moocore import igd_plus

    scale = HypervolumeScale(np.vstack([utilities, [[1, 0, 0], [0, 1, 0], [0, 0, 1.0]]]))
    progress = scale.progress(utilities)
    for n in (1, len(utilities)):
        found = utilities[:n]
        expected = igd_plus(scale.scaled(found), scale.scaled(scale.front), maximise=True)
        assert progress.igd_plus[n - 1] == pytest.approx(expected, abs=1e-12)
        reached = [(found == point).all(axis=1).any() for point in scale.front]
        assert progress.share[n - 1] == pytest.approx(np.mean(reached))


def test_an_objective_that_all_are_equal_in_takes_nothing_away() -> None:
    scale = HypervolumeScale(np.array([[0.0, 5.0], [0.5, 5.0], [1.0, 5.0]]))
    assert scale(np.array([[0.5, 5.0]])) == 0.5
    assert scale(np.array([[1.0, 5.0]])) == 1.0
    one = HypervolumeScale(np.array([[0.3, 5.0], [np.nan, 1.0]]))
    assert one(np.array([[0.3, 5.0]])) == 1.0
    assert one(np.empty((0, 2))) == 0.0
