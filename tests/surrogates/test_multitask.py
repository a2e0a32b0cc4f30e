"""Several metrics in one model: what cheap ones tell about dear ones."""

from __future__ import annotations

import numpy as np
import pytest

from robustnas.arrays import FloatArray
from robustnas.errors import InvalidInputError
from surrogates import make_surrogate
from surrogates.metrics import coverage, r2
from surrogates.multitask import MultiTask


def metrics(n: int = 700) -> tuple[FloatArray, FloatArray]:
    """A cheap metric, hard to learn from few rows, and a dear one that is mostly a function of it."""
    rng = np.random.default_rng(0)
    x = rng.random((n, 5))
    cheap = np.sin(6 * x[:, 0]) + np.sin(5 * x[:, 1]) * x[:, 2] + 0.1 * rng.standard_normal(n)
    dear = cheap + 0.2 * x[:, 3] + 0.1 * rng.standard_normal(n)
    return x, np.column_stack([dear, cheap])


def test_cheap_metrics_help_dear_ones() -> None:
    x, y = metrics()
    known = y[:300].copy()
    known[40:, 0] = np.nan
    model = MultiTask(random_state=0).fit(x[:300], known)
    assert model.order_ == (1, 0)
    new, truth = x[300:], y[300:, 0]
    alone = r2(truth, make_surrogate("xgboost").fit(x[:40], y[:40, 0]).predict(new))
    blind, deviation = model.predict(new, return_std=True)
    measured = y[300:].copy()
    measured[:, 0] = np.nan
    informed, informed_deviation = model.predict(new, return_std=True, known=measured)
    assert alone + 0.1 < r2(truth, blind[:, 0])
    assert r2(truth, blind[:, 0]) < r2(truth, informed[:, 0])
    assert informed_deviation[:, 0].mean() < deviation[:, 0].mean()
    assert coverage(truth, informed[:, 0], informed_deviation[:, 0], 0.8) == pytest.approx(0.8, abs=0.12)


def test_partly_known_rows() -> None:
    x, y = metrics(100)
    model = MultiTask(n_estimators=20, n_folds=3, random_state=0).fit(x, y)
    known = np.full((100, 2), np.nan)
    blind = model.predict(x)
    np.testing.assert_array_equal(model.predict(x, known=known), blind)
    known[:10] = y[:10]
    informed = model.predict(x, known=known)
    np.testing.assert_array_equal(informed[10:], blind[10:])
    assert (informed[:10] != blind[:10]).any()


def test_one_column_and_one_metric() -> None:
    x, y = metrics(60)
    fast = {"n_estimators": 20, "n_folds": 3, "random_state": 0}
    column = MultiTask(**fast).fit(x, y[:, :1])
    assert column.predict(x).shape == (60, 1)
    single = MultiTask(**fast).fit(x, y[:, 0])
    np.testing.assert_array_equal(single.predict(x), column.predict(x)[:, 0])


def test_refused() -> None:
    x, y = metrics(20)
    y[:, 1] = np.nan
    with pytest.raises(InvalidInputError, match="column 1 of y has no known value; expected at least one"):
        MultiTask().fit(x, y)
    model = MultiTask(n_estimators=5, n_folds=2).fit(x, y[:, 0])
    with pytest.raises(InvalidInputError, match=r"known has shape \(3, 2\); expected \(20, 1\)"):
        model.predict(x, known=np.zeros((3, 2)))
