"""Measures of predictions, against hand-made cases."""

from __future__ import annotations

import numpy as np
import pytest

from robustnas.errors import InvalidInputError
from surrogates.metrics import coverage, kendall_tau, precision_at_k, r2, regret_of_top, spearman

TRUE = np.array([1.0, 2.0, 3.0, 4.0])


def test_perfect_and_reversed() -> None:
    for measure in (kendall_tau, spearman):
        assert measure(TRUE, 10 * TRUE) == pytest.approx(1)
        assert measure(TRUE, -TRUE) == pytest.approx(-1)
    assert r2(TRUE, TRUE) == 1
    assert r2(TRUE, TRUE[::-1]) == -3
    assert precision_at_k(TRUE, TRUE, 2) == 1
    assert precision_at_k(TRUE, -TRUE, 2) == 0
    assert precision_at_k(TRUE, -TRUE, 99) == 1
    assert regret_of_top(TRUE, TRUE) == 0
    assert regret_of_top(TRUE, -TRUE) == 3


@pytest.mark.parametrize("measure", [kendall_tau, spearman, r2, precision_at_k])
@pytest.mark.parametrize("predicted", [np.full(4, 2.5), np.full(4, np.nan), np.array([1.0, np.nan, 2.0, 3.0])])
def test_nothing_predicted_gives_zero(measure, predicted) -> None:  # type: ignore[no-untyped-def]
    assert measure(TRUE, predicted) == 0


@pytest.mark.parametrize("measure", [kendall_tau, spearman, r2, precision_at_k, regret_of_top])
def test_nothing_to_predict_gives_zero(measure) -> None:  # type: ignore[no-untyped-def]
    assert measure([], []) == 0
    assert measure([1.0], [2.0]) == 0
    assert measure([0.1, 0.1, 0.1], [1.0, 2.0, 3.0]) == 0


def test_regret_of_uninformative_predictions_is_that_of_chance() -> None:
    assert regret_of_top(TRUE, np.zeros(4)) == 1.5
    assert regret_of_top(TRUE, np.full(4, np.nan)) == 1.5


def test_coverage() -> None:
    draws = np.random.default_rng(0).standard_normal(20_000)
    for nominal in (0.5, 0.8, 0.95):
        assert coverage(draws, np.zeros(20_000), 1.0, nominal) == pytest.approx(nominal, abs=0.01)
    assert coverage(TRUE, TRUE + 5, np.ones(4)) == 0
    assert coverage(TRUE, TRUE, np.full(4, np.nan)) == 0
    assert coverage([], [], 1.0) == 0


def test_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"shapes are \(4,\) and \(3,\); expected two of one shape"):
        r2(TRUE, TRUE[:3])
    with pytest.raises(InvalidInputError, match="true values are not all finite"):
        kendall_tau([1.0, np.nan], [1.0, 2.0])
    with pytest.raises(InvalidInputError, match="k is 0; expected an integer of at least 1"):
        precision_at_k(TRUE, TRUE, 0)
    with pytest.raises(InvalidInputError, match="nominal is 95; expected a probability"):
        coverage(TRUE, TRUE, 1.0, 95)
