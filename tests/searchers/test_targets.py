from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from searchers import create
from searchers.targets import TARGETS, normal_scores, standardised


def test_normal_scores_are_quantiles_of_ranks() -> None:
    expected = norm.ppf([0.1, 0.3, 0.5, 0.7, 0.9])
    np.testing.assert_allclose(
        normal_scores(np.array([-40.0, 1.0, 1.1, 1.2, 9.0])), expected / expected.std(), atol=1e-12
    )


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=40))
def test_normal_scores_keep_the_order_and_ties(values: list[float]) -> None:
    utilities = np.array(values)
    scores = normal_scores(utilities)
    higher = utilities[:, None] > utilities[None]
    assert (higher == (scores[:, None] > scores[None])).all()


def test_pending_utilities_stay_unknown_and_change_nothing() -> None:
    values = np.array([1.0, np.nan, 3.0, 2.0])
    assert np.isnan(normal_scores(values)).tolist() == [False, True, False, False]
    np.testing.assert_array_equal(normal_scores(values)[[0, 2, 3]], normal_scores(values[[0, 2, 3]]))
    assert normal_scores(np.array([np.nan])).tolist() != [0.0]


def test_gp_takes_both_views_in_turns() -> None:
    assert TARGETS["alternating"] == (normal_scores, standardised)
    assert create("gp", 0).targets == "alternating"
    with pytest.raises(ValueError, match="unknown targets 'rank'"):
        create("gp", 0, targets="rank")
