"""NASLib's predictors as surrogates: for real where NASLib is, and a made-up predictor in its protocol everywhere."""

from __future__ import annotations

import pickle
import random
import re
import warnings
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import cross_val_score

from experiments.surrogate_benchmark.fit import FitSpec, fit_record
from robustnas.arrays import FloatArray
from robustnas.errors import InvalidInputError, MissingPackageError
from robustnas.naslib import loading, predictors
from robustnas.naslib.loading import location
from robustnas.naslib.predictor_types import PREDICTOR_TYPES
from robustnas.naslib.stand_ins import is_missing
from robustnas.spaces import encoding
from robustnas.spaces.nasbench201 import space
from searchers.testing import landscape
from surrogates import check_pair, make_surrogate, naslib_predictor
from surrogates.metrics import coverage, kendall_tau, r2
from surrogates.naslib_predictor import NASLibPredictor
from surrogates.registry import NASLIB_SURROGATES, parameter_names

needs_naslib = pytest.mark.skipif(location() is None, reason="NASLib is not installed: see docs/naslib.md")


class MadeUpPredictor:
    """Least squares in NASLib's protocol; random, talkative, and warning of its age."""

    def __init__(self, reads_cells: bool) -> None:
        self.reads_cells = reads_cells

    def _features(self, rows: Any) -> FloatArray:
        if self.reads_cells:
            rows = [np.eye(5)[architecture.get_op_indices()].ravel() for architecture in rows]
        return np.column_stack([np.asarray(rows), np.ones(len(rows))])

    def fit(self, rows: Any, percent: FloatArray) -> None:
        print("fitting")  # noqa: T201
        warnings.warn("old", DeprecationWarning, stacklevel=1)
        self.targets, features = percent, self._features(rows)
        noise = 0.01 * np.random.normal(size=len(percent)) + 0.01 * random.random()  # noqa: NPY002
        penalty = 1e-3 * np.eye(features.shape[1])
        self.weights = np.linalg.solve(features.T @ features + penalty, features.T @ (percent + noise))

    def query(self, rows: Any, info: object) -> FloatArray:
        jitter = 1e-3 * np.random.normal(size=len(rows))  # noqa: NPY002
        return np.squeeze(self._features(rows) @ self.weights + jitter)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[MadeUpPredictor]:
    """Have every predictor be the made-up one; the list fills as they are made."""
    found: list[MadeUpPredictor] = []

    def make(name: str, n_rows: int) -> MadeUpPredictor:
        found.append(MadeUpPredictor(PREDICTOR_TYPES[name].reads_cells))
        return found[-1]

    monkeypatch.setattr(predictors, "make_predictor", make)
    monkeypatch.setattr(naslib_predictor, "require", lambda name: None)
    return found


def problem(n: int = 200, seed: int = 0) -> tuple[FloatArray, FloatArray]:
    """Cells in one-hot and a score in [0, 1] that is almost linear in it."""
    rng = np.random.default_rng(seed)
    rows = encoding("one-hot").values[rng.permutation(space.N_CELLS)[:n]]
    y = rows @ rng.random(rows.shape[1]) + 0.1 * rng.standard_normal(n)
    return rows, np.asarray((y - y.min() + 0.1) / (np.ptp(y) + 0.2))


def surrogate(name: str = "xgb", **parameters: Any) -> NASLibPredictor:
    return NASLibPredictor(name, **{"random_state": 0, **parameters})


@pytest.mark.usefixtures("made")
@pytest.mark.parametrize("name", ["xgb", "gcn"])
def test_predicts_with_deviations(name: str) -> None:
    x, y = problem()
    mean, deviation = surrogate(name).fit(x[:100], y[:100]).predict(x[100:], return_std=True)
    assert mean.shape == deviation.shape == (100,)
    assert (deviation > 0).all()
    assert r2(y[100:], mean) > 0.7


@pytest.mark.usefixtures("made")
def test_deviations_are_calibrated() -> None:
    held = []
    for seed in range(3):
        x, y = problem(2200, seed=seed)
        mean, deviation = surrogate(random_state=seed).fit(x[:200], y[:200]).predict(x[200:], return_std=True)
        held.append([coverage(y[200:], mean, deviation, nominal) for nominal in (0.5, 0.8, 0.95)])
    assert (abs(np.mean(held, axis=0) - [0.5, 0.8, 0.95]) < [0.1, 0.1, 0.06]).all()


def test_the_prediction_is_of_a_fit_to_all_rows(made: list[MadeUpPredictor]) -> None:
    x, y = problem(90)
    model = surrogate(n_folds=3).fit(x, y)
    assert [len(member.targets) for member in made] == [90, 60, 60, 60]
    whole = made[0]._features(x) @ made[0].weights
    np.testing.assert_allclose(model.predict(x), whole / 100, atol=1e-3)


def test_accuracies_are_handed_over_in_percent(made: list[MadeUpPredictor]) -> None:
    x, y = problem(40)
    surrogate().fit(x, y)
    np.testing.assert_allclose(made[0].targets, 100 * y)
    surrogate().fit(x, np.where(y == y.max(), 1.0, y))
    assert made[4].targets.max() == 99.99


@pytest.mark.usefixtures("made")
def test_other_targets_are_brought_to_where_accuracies_are(made: list[MadeUpPredictor]) -> None:
    x, y = problem(40)
    mean, deviation = surrogate().fit(x, y).predict(x, return_std=True)
    made.clear()
    large, larger = surrogate().fit(x, 1e6 * y + 5e6).predict(x, return_std=True)
    assert made[0].targets.mean() == pytest.approx(50)
    assert made[0].targets.std() == pytest.approx(10)
    np.testing.assert_allclose((large - 5e6) / 1e6, mean, atol=0.01)
    np.testing.assert_allclose(larger / 1e6, deviation, rtol=0.2)


@pytest.mark.usefixtures("made")
@pytest.mark.parametrize("name", ["xgb", "gcn"])
def test_same_state_same_predictions_again_and_again(name: str) -> None:
    x, y = problem(60)
    model = surrogate(name, random_state=3).fit(x, y)
    again = surrogate(name, random_state=3).fit(x, y)
    other = surrogate(name, random_state=4).fit(x, y)
    np.testing.assert_array_equal(model.predict(x), again.predict(x))
    np.testing.assert_array_equal(model.predict(x), model.predict(x))
    assert (model.predict(x) != other.predict(x)).any()


@pytest.mark.usefixtures("made")
def test_nothing_of_the_process_changes(capsys: pytest.CaptureFixture[str]) -> None:
    before = random.getstate(), np.random.get_state()[1].tolist()  # type: ignore[index]  # noqa: NPY002
    x, y = problem(60)
    surrogate().fit(x, y).predict(x, return_std=True)
    assert before == (random.getstate(), np.random.get_state()[1].tolist())  # type: ignore[index]  # noqa: NPY002
    assert capsys.readouterr().out == ""


@pytest.mark.usefixtures("made")
def test_scikit_learn_takes_it() -> None:
    x, y = problem(60)
    model = clone(surrogate(n_folds=2))
    assert model.get_params() == {"predictor": "xgb", "n_folds": 2, "random_state": 0}
    assert cross_val_score(model, x, y, cv=3).shape == (3,)
    fitted = model.fit(x, y)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(fitted)).predict(x), fitted.predict(x))


@pytest.mark.usefixtures("made")
@pytest.mark.parametrize("n", [1, 2, 3])
def test_few_rows(n: int) -> None:
    x, y = problem(n)
    mean, deviation = surrogate().fit(x, y).predict(x, return_std=True)
    assert np.isfinite(mean).all()
    assert (deviation > 0).all()


@pytest.mark.usefixtures("made")
@pytest.mark.parametrize("value", [0.4, 1.0, 1e7, -3.0])
def test_constant_targets(value: float) -> None:
    x, _ = problem(20)
    mean, deviation = surrogate().fit(x, np.full(20, value)).predict(x, return_std=True)
    np.testing.assert_allclose(mean, value)
    assert (deviation > 0).all()


@pytest.mark.usefixtures("made")
def test_other_features_are_standardised_and_imputed() -> None:
    x, y = problem(80)
    wide = np.column_stack([x, 1e6 + 1e3 * x[:, 3], np.full(80, np.nan), np.full(80, 7.0)])
    wide[::5, 2] = np.nan
    model = surrogate().fit(wide, y)
    assert r2(y, model.predict(wide)) > 0.7
    rows = model._input(wide)
    assert np.isfinite(rows).all()
    np.testing.assert_array_equal(rows[:, :2], x[:, :2])
    assert rows[:, 30].std() == pytest.approx(1)


@pytest.mark.parametrize("columns", [29, 31])
def test_cells_are_read_from_one_hot_and_nothing_else(made: list[MadeUpPredictor], columns: int) -> None:
    x, y = problem(20)
    wrong = np.column_stack([x, x])[:, :columns]
    with pytest.raises(InvalidInputError, match=f"X, {columns} columns, is not the encoding 'one-hot'"):
        surrogate("gcn").fit(wrong, y)
    with pytest.raises(InvalidInputError, match="is not the encoding 'one-hot'"):
        surrogate("gcn").fit(1 - x, y)
    assert not made


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"predictor": "xgboost"}, "unknown predictor of NASLib 'xgboost'; did you mean 'xgb'?"),
        ({"n_folds": 1}, "NASLibPredictor: n_folds is 1; expected an integer of at least 2"),
    ],
)
def test_bad_parameters(parameters: dict[str, Any], message: str) -> None:
    x, y = problem(20)
    with pytest.raises(InvalidInputError, match=re.escape(message)):
        NASLibPredictor(**parameters).fit(x, y)


def test_names_resolve_by_their_prefix(made: list[MadeUpPredictor], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("surrogates.registry.require", lambda name: None)
    for name, predictor in NASLIB_SURROGATES.items():
        model = make_surrogate(name, random_state=5, n_folds=4)
        assert isinstance(model, NASLibPredictor)
        assert model.get_params() == {"predictor": predictor, "n_folds": 4, "random_state": 5}
        assert parameter_names(name) == ("n_folds", "random_state")
    with pytest.raises(InvalidInputError, match=r"unknown surrogate 'naslib:xg'; did you mean 'naslib:xgb'\?"):
        make_surrogate("naslib:xg")
    with pytest.raises(InvalidInputError, match="surrogate 'naslib:xgb': predictor cannot be set as a parameter"):
        make_surrogate("naslib:xgb", predictor="rf")


@pytest.mark.usefixtures("made")
@pytest.mark.parametrize("name", ["mlp", "gcn"])
def test_the_benchmark_takes_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Shuffled rows are no cells: a predictor that reads cells has no importances by permutation."""
    monkeypatch.setattr("surrogates.registry.require", lambda name: None)
    spec = FitSpec("clean", f"naslib:{name}", "one-hot", 50, 0, 0, importances=True)
    record = fit_record(spec, landscape())
    assert record["kendall_tau"] > 0.2
    assert bool(record["importances"]) == (name == "mlp")


def test_pairs_that_do_not_go_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("surrogates.registry.require", lambda name: None)
    check_pair("naslib:xgb", "path+cost")
    check_pair("naslib:gcn", "one-hot")
    check_pair("forest", "graph")
    with pytest.raises(InvalidInputError, match=r"'naslib:gcn' computes its own encoding .* 'one-hot', .* got 'path'"):
        check_pair("naslib:gcn", "path")


def test_without_naslib_the_error_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "location", lambda: None)
    x, y = problem(20)
    for ask in (
        lambda: make_surrogate("naslib:xgb"),
        lambda: check_pair("naslib:rf", "path"),
        lambda: NASLibPredictor().fit(x, y),
    ):
        with pytest.raises(MissingPackageError, match="git clone"):
            ask()


@needs_naslib
@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("predictor", sorted(PREDICTOR_TYPES))
def test_for_real(predictor: str) -> None:
    """Learns a landscape from 60 cells, the same twice, says how sure it is, and survives pickling."""
    package = PREDICTOR_TYPES[predictor].package
    if package is not None and is_missing(package):
        pytest.skip(f"{package} is not installed: see docs/naslib.md")
    rows = np.random.default_rng(0).permutation(space.network_indices())[:360]
    x, y = encoding("one-hot").values[rows], 0.1 + 0.8 * landscape().column(next(iter(landscape().metrics)))[rows]
    model = surrogate(predictor, n_folds=2).fit(x[:60], y[:60])
    mean, deviation = model.predict(x[60:], return_std=True)
    assert kendall_tau(y[60:], mean) > 0.15
    assert (deviation > 0).all()
    if predictor != "bohamiann":  # its network is of a class inside a function
        np.testing.assert_array_equal(mean, pickle.loads(pickle.dumps(model)).predict(x[60:]))
    np.testing.assert_array_equal(mean, surrogate(predictor, n_folds=2).fit(x[:60], y[:60]).predict(x[60:]))
