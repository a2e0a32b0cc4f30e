"""NASLib's predictors as surrogates: NASLib's code with scikit-learn's interface."""

# ruff: noqa: N803 - X is scikit-learn's name for rows of features

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from robustnas.arrays import FloatArray
from robustnas.errors import InvalidInputError, excerpt, unknown_name
from robustnas.naslib import PREFIX
from robustnas.naslib.predictor_types import PREDICTOR_TYPES, require
from robustnas.naslib.silence import silence
from robustnas.spaces.nasbench201.cell import Cell
from robustnas.spaces.nasbench201.numbering import N_EDGES, N_OPERATIONS
from surrogates.base import Scaled, Surrogate, at_least, seeds
from surrogates.calibration import LocalScale
from surrogates.cross_fitted import Member, cross_fit

OWN_ENCODING = "one-hot"
"""The encoding from which cells can be recovered, for predictors that compute their own encoding."""

_BATCH = 250  # rows per query: some predictors build a square matrix over these and the training rows
_MIDDLE, _SPREAD = 50.0, 10.0  # of targets that are not accuracies
_LARGEST_PERCENT = 99.99  # some predictors take the logarithm of the difference to 100
_N_COLUMNS = N_EDGES * N_OPERATIONS


class NASLibPredictor(Surrogate):
    """A predictor of NASLib with its default hyperparameters, fitted to all rows.

    NASLib's predictors provide no standard deviations. `n_folds` additional fits, each leaving out one fold, give
    out-of-sample residuals; the deviation adds the members' spread to the size of the residuals at similar predictions
    (`LocalScale`).

    Scores in [0, 1] are passed in percent, as NASLib expects accuracies; other targets are scaled to mean 50 and
    standard deviation 10. Columns of 0 and 1 are passed unchanged, others are standardised; missing values are replaced
    by the mean.

    Args:
        predictor: A name in `robustnas.naslib.predictor_types.PREDICTOR_TYPES`. Predictors that compute their own
            encoding of cells accept X in the encoding ``one-hot`` only.
        n_folds: Fits in addition to the one on all rows, limited to the number of rows.
        random_state: Seeds the folds and NASLib's random draws.

    Raises:
        InvalidInputError: In `fit`: a parameter is invalid, or X is not one-hot although the predictor requires it.
        MissingPackageError: In `fit`: NASLib, or a package that the predictor needs, cannot be imported.
    """

    def __init__(
        self,
        predictor: str = "xgb",
        *,
        n_folds: int = 3,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.predictor = predictor
        self.n_folds = n_folds
        self.random_state = random_state

    def _fit(self, X: FloatArray, y: FloatArray) -> None:
        if self.predictor not in PREDICTOR_TYPES:
            raise InvalidInputError(unknown_name("predictor of NASLib", self.predictor, PREDICTOR_TYPES))
        n_folds = min(at_least(self, "n_folds", 2), len(y))
        own, whole, *others = seeds(self.random_state, n_folds + 2)
        self._input = _CellInput() if PREDICTOR_TYPES[self.predictor].reads_cells else _FeatureInput(X)
        self._scaled, rows, percent = Scaled(y), self._input(X), _percent(y)
        self.member_ = self._member(rows, percent, int(whole))
        self.others_, out_of_fold = cross_fit(self._member, rows, percent, own, others)
        self._back = _Line(percent, y)
        self._local = LocalScale(self._scaled.forward(self._back(out_of_fold)), self._scaled.forward(y))

    def _member(self, rows: NDArray[Any], percent: FloatArray, seed: int) -> Member:
        if np.ptp(percent) == 0:  # NASLib divides by the spread
            return _Constant(float(percent[0]))
        return _Fitted(self.predictor, rows, percent, seed)

    def _predict(self, X: FloatArray, return_std: bool) -> tuple[FloatArray, FloatArray]:
        rows = self._input(X)
        mean = self._back(self.member_.predict(rows))
        if not return_std:
            return mean, np.empty(0)
        each = np.array([self._scaled.forward(self._back(other.predict(rows))) for other in self.others_])
        deviation = np.hypot(self._local(self._scaled.forward(mean)), each.std(axis=0))
        return mean, deviation * self._scaled.scale


class _Constant:
    def __init__(self, value: float) -> None:
        self._value = value

    def predict(self, rows: NDArray[Any], /) -> FloatArray:
        return np.full(len(rows), self._value)


class _Fitted:
    """A fitted predictor of NASLib, and the process-wide state that it was fitted in."""

    def __init__(self, name: str, rows: NDArray[Any], percent: FloatArray, seed: int) -> None:
        require(name)
        from robustnas.naslib.global_state import GlobalState
        from robustnas.naslib.predictors import make_predictor
        from robustnas.workers import one_thread

        state = GlobalState(seed)
        with one_thread(), state, silence():
            self._predictor = make_predictor(name, len(rows))
            self._predictor.fit(_as_naslib_takes(rows), percent)
        self._state = state

    def predict(self, rows: NDArray[Any], /) -> FloatArray:
        from robustnas.workers import one_thread

        predicted = []
        with one_thread(), self._state.copy(), silence():
            for first in range(0, len(rows), _BATCH):
                answer = self._predictor.query(_as_naslib_takes(rows[first : first + _BATCH]), None)
                predicted.append(np.ravel(answer))
        return np.concatenate(predicted).astype(np.float64)


class _FeatureInput:
    """Rows of features: columns of 0 and 1 unchanged, others standardised as in the training rows."""

    def __init__(self, X: FloatArray) -> None:
        known = np.where(np.isnan(X).all(axis=0), 0.0, X)
        self._centre = np.nanmean(known, axis=0)
        spread = np.nanstd(known, axis=0)
        binary = (np.isnan(known) | np.isin(known, (0.0, 1.0))).all(axis=0)
        flat = spread <= 1e-9 * (1 + np.abs(self._centre))
        self._offset = np.where(binary, 0.0, self._centre)
        self._scale = np.where(binary | flat, 1.0, spread)

    def __call__(self, X: FloatArray) -> FloatArray:
        filled = np.where(np.isnan(X), self._centre, X)
        return np.asarray((filled - self._offset) / self._scale)


class _CellInput:
    """Rows of the encoding one-hot, converted back to operation codes of cells."""

    def __call__(self, X: FloatArray) -> NDArray[Any]:
        edges = X.reshape(len(X), N_EDGES, N_OPERATIONS) if X.shape[1] == _N_COLUMNS else np.zeros((1, 1, 1))
        if not (np.isin(edges, (0.0, 1.0)).all() and (edges.sum(axis=2) == 1).all()):
            raise InvalidInputError(
                f"X, {X.shape[1]} columns, is not the encoding {OWN_ENCODING!r} of {_N_COLUMNS} columns of 0 and 1; "
                f"this predictor computes its own encoding and needs the cells"
            )
        return np.asarray(edges.argmax(axis=2))


class _Line:
    """The linear map from percent back to targets."""

    def __init__(self, percent: FloatArray, y: FloatArray) -> None:
        low, high = int(percent.argmin()), int(percent.argmax())
        rise = percent[high] - percent[low]
        self._slope = (y[high] - y[low]) / rise if rise else 0.0
        self._percent, self._target = percent[low], y[low]

    def __call__(self, percent: FloatArray) -> FloatArray:
        return np.asarray(self._target + self._slope * (percent - self._percent))


def check_encoding(predictor: str, name: str) -> None:
    """Refuse an encoding that a predictor does not support.

    Args:
        predictor: A name in `PREDICTOR_TYPES`.
        name: The encoding's name.

    Raises:
        InvalidInputError: The predictor computes its own encoding and `name` is not ``one-hot``.
    """
    if PREDICTOR_TYPES[predictor].reads_cells and name != OWN_ENCODING:
        raise InvalidInputError(
            f"surrogate {excerpt(PREFIX + predictor)} computes its own encoding of cells; expected the encoding "
            f"{OWN_ENCODING!r}, from which it recovers the cells, got {excerpt(name)}"
        )


def _percent(y: FloatArray) -> FloatArray:
    if y.min() >= 0 and y.max() <= 1:
        return np.minimum(100 * y, _LARGEST_PERCENT)
    return np.asarray(_MIDDLE + _SPREAD * Scaled(y).forward(y))


def _as_naslib_takes(rows: NDArray[Any]) -> Any:
    """Return features as an array, or cells (rows of operation codes) as a list of architectures."""
    if np.issubdtype(rows.dtype, np.floating):
        return rows
    from robustnas.naslib.light_space import LightSpace

    return [LightSpace.of(Cell(tuple(ops))) for ops in rows.tolist()]
