"""The contract that every registered surrogate keeps, and third-party regressors through `with_std`."""

from __future__ import annotations

import ast
import inspect
import os
import pickle
import re
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from sklearn.base import BaseEstimator, clone
from sklearn.linear_model import BayesianRidge
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from robustnas.arrays import FloatArray
from robustnas.errors import InvalidInputError
from robustnas.spaces import encoding
from surrogates import DEFAULT_ENCODING, SURROGATES, WithDeviation, make_surrogate, with_std
from surrogates.metrics import coverage, r2
from tests import ROOT

pytestmark = pytest.mark.timeout(60)  # slow where processors are shared

FAST: dict[str, dict[str, Any]] = {
    "xgboost": {"n_estimators": 30, "n_folds": 5},
    "forest": {"n_estimators": 30},
    "gp": {"max_iterations": 15},
    "mlp": {"hidden_layer_sizes": (16,), "max_iterations": 60, "n_folds": 3},
    "ridge": {},
    "multitask": {"n_estimators": 30, "n_folds": 3},
}

every = pytest.mark.parametrize("name", sorted(SURROGATES))


def fast(name: str, **parameters: Any) -> Any:
    return make_surrogate(name, **{**FAST[name], **parameters})


def problem(n: int = 120, n_features: int = 4, noise: float = 0.1, seed: int = 0) -> tuple[FloatArray, FloatArray]:
    rng = np.random.default_rng(seed)
    x = rng.random((n, n_features))
    y = 2 * x[:, 0] + np.sin(3 * x[:, -1]) + noise * rng.standard_normal(n)
    return x, y


def fitted_predictions(name: str) -> list[float]:
    x, y = problem()
    predicted: list[float] = fast(name, random_state=3).fit(x, y).predict(x[:20]).tolist()
    return predicted


@parametrize_with_checks([fast(name) for name in sorted(SURROGATES)])
def test_scikit_learn_estimator(estimator: BaseEstimator, check: Any) -> None:
    """All of scikit-learn's checks, without an exception."""
    check(estimator)


def test_every_surrogate_is_under_contract() -> None:
    assert set(FAST) == set(SURROGATES)


@every
def test_constructor_only_stores(name: str) -> None:
    surrogate = SURROGATES[name]()
    parameters = inspect.signature(SURROGATES[name]).parameters
    assert vars(surrogate) == {key: parameter.default for key, parameter in parameters.items()}
    assert clone(surrogate).get_params() == surrogate.get_params()


@every
def test_predicts_with_deviations(name: str) -> None:
    x, y = problem(200)
    model = fast(name).fit(x[:150], y[:150])
    mean, deviation = model.predict(x[150:], return_std=True)
    assert mean.shape == deviation.shape == (50,)
    assert mean.dtype == deviation.dtype == np.float64
    assert (deviation > 0).all()
    assert r2(y[150:], mean) > 0.7
    np.testing.assert_array_equal(mean, model.predict(x[150:]))


@every
def test_deviations_are_calibrated(name: str) -> None:
    """Noise of 0.5 against a signal of 0.7, on 2,000 new rows."""
    held = []
    for seed in range(3):
        x, y = problem(2200, noise=0.5, seed=seed)
        mean, deviation = fast(name, random_state=seed).fit(x[:200], y[:200]).predict(x[200:], return_std=True)
        held.append([coverage(y[200:], mean, deviation, nominal) for nominal in (0.5, 0.8, 0.95)])
    observed = np.mean(held, axis=0)
    assert (abs(observed - [0.5, 0.8, 0.95]) < [0.1, 0.08, 0.05]).all(), observed


@every
def test_same_state_same_predictions(name: str) -> None:
    assert fitted_predictions(name) == fitted_predictions(name)


def test_same_state_same_predictions_in_another_process() -> None:
    """Another process, another hash seed."""
    code = f"""
from {__name__} import *
print({{name: fitted_predictions(name) for name in sorted(SURROGATES)}})
"""
    environment = {**os.environ, "PYTHONHASHSEED": "123", "PYTHONPATH": str(ROOT)}
    there = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True, timeout=50
    ).stdout
    assert ast.literal_eval(there) == {name: fitted_predictions(name) for name in sorted(SURROGATES)}


@every
def test_leaves_global_randomness_alone(name: str) -> None:
    before = pickle.dumps(np.random.get_state())  # noqa: NPY002 - it is what must not change
    fitted_predictions(name)
    assert pickle.dumps(np.random.get_state()) == before  # noqa: NPY002


@every
def test_takes_a_random_state_object(name: str) -> None:
    if "random_state" not in inspect.signature(SURROGATES[name]).parameters:
        pytest.skip("nothing random about it")
    x, y = problem(60)
    first, second = (fast(name, random_state=np.random.RandomState(1)).fit(x, y).predict(x) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert (fast(name, random_state=2).fit(x, y).predict(x) != first).any()


@every
def test_pickle(name: str) -> None:
    x, y = problem()
    model = fast(name).fit(x, y)
    again = pickle.loads(pickle.dumps(model))
    for ours, theirs in zip(model.predict(x, return_std=True), again.predict(x, return_std=True), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@every
def test_in_pipeline_search_and_cross_validation(name: str) -> None:
    x, y = problem(60)
    pipeline = make_pipeline(StandardScaler(), fast(name))
    mean, deviation = pipeline.fit(x, y).predict(x[:3], return_std=True)
    assert mean.shape == deviation.shape == (3,)
    assert cross_val_score(fast(name), x, y, cv=3).shape == (3,)


def test_grid_search() -> None:
    x, y = problem(60)
    search = GridSearchCV(fast("xgboost"), {"max_depth": [1, 3]}, cv=2).fit(x, y)
    assert search.best_params_["max_depth"] in (1, 3)


@every
@pytest.mark.parametrize(("n", "n_features"), [(1, 3), (2, 3), (3, 1), (40, 1)])
def test_few_rows_and_few_features(name: str, n: int, n_features: int) -> None:
    x, y = problem(n, n_features)
    mean, deviation = fast(name).fit(x, y).predict(x, return_std=True)
    assert np.isfinite(mean).all()
    assert (deviation > 0).all()
    if n == 1:
        np.testing.assert_allclose(mean, y, atol=1e-3)


@every
def test_constant_targets(name: str) -> None:
    x, _ = problem(30)
    mean, deviation = fast(name).fit(x, np.full(30, 0.1)).predict(x, return_std=True)
    np.testing.assert_allclose(mean, 0.1, atol=1e-4)
    assert (deviation > 0).all()


@every
def test_constant_features(name: str) -> None:
    y = np.random.default_rng(0).random(30)
    mean, deviation = fast(name).fit(np.full((30, 2), 7.0), y).predict(np.full((3, 2), 7.0), return_std=True)
    assert np.ptp(mean) == 0
    assert abs(mean[0] - y.mean()) < 0.2
    assert (deviation > 0).all()


@every
def test_missing_features(name: str) -> None:
    x, y = problem(120)
    x[::7, 1] = np.nan
    x[:, 2] = np.nan
    mean, deviation = fast(name).fit(x, y).predict(x, return_std=True)
    assert np.isfinite(mean).all()
    assert (deviation > 0).all()
    assert r2(y, mean) > 0.5


@every
def test_targets_must_be_finite(name: str) -> None:
    x, y = problem(20)
    y[3] = np.inf
    with pytest.raises(ValueError, match="infinity"):
        fast(name).fit(x, y)


@every
def test_scale_of_targets_does_not_matter(name: str) -> None:
    x, y = problem(60)
    mean, deviation = fast(name).fit(x, y).predict(x, return_std=True)
    large, larger = fast(name).fit(x, 1000 * y + 5000).predict(x, return_std=True)
    np.testing.assert_allclose(large, 1000 * mean + 5000, rtol=1e-3)
    np.testing.assert_allclose(larger, 1000 * deviation, rtol=0.05)


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("xgboost", {"n_estimators": 0}, "BoostedTrees: n_estimators is 0; expected an integer from 1 to 100000"),
        ("xgboost", {"learning_rate": 0}, "BoostedTrees: learning_rate is 0; expected a number above 0 and up to 1"),
        ("xgboost", {"subsample": "all"}, "surrogate 'xgboost': subsample is 'all'; expected a number"),
        ("xgboost", {"n_folds": 1}, "BoostedTrees: n_folds is 1; expected an integer of at least 2"),
        ("forest", {"max_features": 1.5}, "Forest: max_features is 1.5; expected a number above 0 and up to 1"),
        ("gp", {"groups": (3, 3)}, "GaussianProcess: groups is (3, 3); expected column counts that add up to 4"),
        ("gp", {"max_iterations": 0}, "GaussianProcess: max_iterations is 0; expected an integer from 1 to 1000000"),
        ("xgboost", {"n_estimators": 10**9}, "BoostedTrees: n_estimators is 1000000000; expected an integer from 1 to"),
        (
            "forest",
            {"n_jobs": 10**20},
            "surrogate 'forest': n_jobs is 100000000000000000000; expected an integer of at",
        ),
        ("mlp", {"hidden_layer_sizes": 5}, "surrogate 'mlp': hidden_layer_sizes is 5; expected a list"),
        ("mlp", {"hidden_layer_sizes": (10**9, 10**9)}, "expected a list of sizes with at most 10,000,000 weights"),
        ("mlp", {"alpha": -1.0}, "MLPEnsemble: alpha is -1.0; expected a number above 0"),
        ("mlp", {"hidden_layer_sizes": (0,)}, "MLPEnsemble: a size in hidden_layer_sizes (0,) is 0; expected an"),
        ("ridge", {"penalty": 0}, "RidgeRegression: penalty is 0; expected a number above 0"),
        ("multitask", {"n_estimators": 2.5}, "surrogate 'multitask': n_estimators is 2.5; expected an integer"),
    ],
)
def test_bad_parameters_are_named(name: str, parameters: dict[str, Any], message: str) -> None:
    x, y = problem(20)
    with pytest.raises(InvalidInputError, match=re.escape(message)):
        fast(name, **parameters).fit(x, y)


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("xgbost", {}, "unknown surrogate 'xgbost'; did you mean 'xgboost'?"),
        (None, {}, "unknown surrogate None"),
        (["xgboost"], {}, "unknown surrogate ['xgboost']"),
        ("forest", {"n_estimator": 3}, "surrogate 'forest': unknown parameter 'n_estimator'; did you mean 'n_est"),
    ],
)
def test_unknown_names(name: str, parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInputError, match=re.escape(message)):
        make_surrogate(name, **parameters)


def test_make_surrogate() -> None:
    assert type(make_surrogate("default")) is SURROGATES["xgboost"]
    assert make_surrogate("gp", encoding(DEFAULT_ENCODING)).get_params()["groups"] == (40, 6, 34)
    assert make_surrogate("gp", encoding(DEFAULT_ENCODING), groups=None).get_params()["groups"] is None
    assert make_surrogate("forest", random_state=5).get_params()["random_state"] == 5


def test_importances_point_at_what_matters() -> None:
    x, y = problem(200)
    for name in ("xgboost", "forest"):
        importances = fast(name).fit(x, y).feature_importances_
        assert importances.sum() == pytest.approx(1)
        assert set(np.argsort(-importances)[:2]) == {0, 3}
    assert not fast("xgboost").fit(x, np.zeros(200)).feature_importances_.any()


def test_third_party_regressors_work_as_they_are() -> None:
    bayesian = BayesianRidge()
    assert with_std(bayesian) is bayesian
    x, y = problem(2200, noise=0.5)
    wrapped = with_std(KNeighborsRegressor(10))
    mean, deviation = wrapped.fit(x[:200], y[:200]).predict(x[200:], return_std=True)
    assert coverage(y[200:], mean, deviation, 0.8) == pytest.approx(0.8, abs=0.06)
    assert clone(wrapped).get_params()["regressor__n_neighbors"] == 10


def test_third_party_regressors_get_a_random_state() -> None:
    from sklearn.tree import DecisionTreeRegressor

    x, y = problem(50)
    models = [WithDeviation(DecisionTreeRegressor(max_features=1), random_state=1).fit(x, y) for _ in range(2)]
    np.testing.assert_array_equal(models[0].predict(x), models[1].predict(x))
