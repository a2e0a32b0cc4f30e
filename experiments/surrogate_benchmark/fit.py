"""One fit of the benchmark of surrogates: one surrogate and encoding on one training set, tested on all the rest."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import numpy as np

from experiments.comparison.recorded_space import space_facts
from robustnas.arrays import FloatArray, IntArray
from robustnas.errors import InvalidInputError, excerpt
from robustnas.objectives import digests_of, meanings, objective_column, training_of
from robustnas.objectives.objective import Objective
from robustnas.reference import is_reference, source_digests, user_code
from robustnas.spaces import encoding
from robustnas.tables.table import Table
from surrogates import make_surrogate, surrogate_class
from surrogates.metrics import NOMINAL_COVERAGES, coverage, kendall_tau, precision_at_k, r2, regret_of_top, spearman

TOP_K = (10, 50, 100)

MEASURES = (
    "kendall_tau",
    "spearman",
    "r2",
    *(f"precision_at_{k}" for k in TOP_K),
    "regret",
    *(f"coverage_{100 * level:.0f}" for level in NOMINAL_COVERAGES),
    "fit_seconds",
    "predict_seconds",
)
"""What every record of a fit measures."""

_PERMUTED = 500  # test networks that permutation importance predicts, once per feature
_MOST_PERMUTED = 400  # features that it is affordable for


class Predictor(Protocol):
    """What the benchmark asks of a surrogate: scikit-learn's regressor with a standard deviation."""

    def fit(self, X: FloatArray, y: FloatArray) -> Any:  # noqa: N803  scikit-learn's name
        """Learn from encoded networks, shape (n, d), and their scores, shape (n,)."""

    def predict(self, X: FloatArray, return_std: bool = False) -> Any:  # noqa: N803
        """Return means, shape (n,), and standard deviations if asked for."""


@dataclass(frozen=True)
class FitSpec:
    """What fixes a fit, besides the table.

    Attributes:
        objective: One objective.
        surrogate: A name in `surrogates.SURROGATES`.
        encoding: An encoding, or several joined by ``+``.
        train_size: Networks to learn from.
        trial: Numbers the training set; the same for all surrogates, encodings and objectives.
        seed: The benchmark's.
        importances: Whether to record how much each feature counts.
    """

    objective: str
    surrogate: str
    encoding: str
    train_size: int
    trial: int
    seed: int
    importances: bool = False

    @property
    def sources(self) -> dict[str, str]:
        """Digests of the sources of the user's own classes and functions that it uses, by reference."""
        return source_digests([self.surrogate, *(part.strip() for part in self.encoding.split("+"))])

    @property
    def key(self) -> tuple[str, str, str, int, int]:
        """What tells the fit apart in a benchmark: objective, surrogate, encoding, train size, trial."""
        return self.objective, self.surrogate, self.encoding, self.train_size, self.trial


def split(scores: FloatArray, train_size: int, trial: int, seed: int) -> tuple[IntArray, IntArray]:
    """Return the networks to train on and those to test on, as rows in ascending order of uid.

    The networks are shuffled once per trial: the first are trained on, so that a smaller training set is the beginning
    of a larger one, and all the others with a known score are the test.

    Args:
        scores: One value per network, shape (n_networks,); NaN where unknown.
        train_size: Networks to train on.
        trial: Together with the seed, fixes the order.
        seed: The benchmark's.

    >>> scores = np.linspace(0, 1, 6466)
    >>> small, large = split(scores, 5, 0, 0)[0], split(scores, 9, 0, 0)[0]
    >>> bool((small == large[:5]).all())
    True
    """
    order = np.random.default_rng([seed, trial]).permutation(len(scores))
    order = order[np.isfinite(scores[order])]
    return order[:train_size], order[train_size:]


def fit_record(spec: FitSpec, table: Table) -> dict[str, Any]:
    """Fit, predict, compare: return the record of a fit, plain data, one line of ``runs.jsonl``.

    A prediction that says nothing (all networks equal) has rank correlations of 0.

    Raises:
        UserCodeError: The surrogate is the user's own and raised an error.
    """
    with user_code({f"surrogate {excerpt(spec.surrogate)}": surrogate_class(spec.surrogate)}):
        return _fit_record(spec, table)


def _fit_record(spec: FitSpec, table: Table) -> dict[str, Any]:
    sources = spec.sources
    scores = objective_column(spec.objective, table)[table.space.network_indices()]
    encoded = encoding(spec.encoding, table)
    features = network_features(spec.encoding, table)
    train, test = split(scores, spec.train_size, spec.trial, spec.seed)
    model: Predictor = make_surrogate(spec.surrogate, encoded, random_state=_random_state(spec))
    start = time.perf_counter()
    model.fit(features[train], scores[train])
    fitted = time.perf_counter()
    mean, std = model.predict(features[test], return_std=True)
    predicted = time.perf_counter()
    record: dict[str, Any] = {
        "dataset": table.dataset,
        **space_facts(table.space),
        "objective": spec.objective,
        "surrogate": spec.surrogate,
        "encoding": spec.encoding,
        "train_size": spec.train_size,
        "trial": spec.trial,
        **_measures(scores[test], mean, std, Objective(spec.objective).sign),
        "fit_seconds": round(fitted - start, 6),
        "predict_seconds": round(predicted - fitted, 6),
        "n_test": len(test),
        "seed": spec.seed,
        "database_digest": table.digest,
        **training_of(table),
        **meanings([Objective(spec.objective)], table),
        **_attached_digests(spec, table),
        **({"sources": sources} if sources else {}),
    }
    if spec.importances:
        record["importances"] = feature_importances(model, encoded.names, features[test], scores[test], spec)
    return record


@lru_cache(maxsize=16)
def network_features(name: str, table: Table) -> FloatArray:
    """Return the encoding of every network, shape (n_networks, d), in ascending order of uid; see `encoding`."""
    return np.ascontiguousarray(encoding(name, table).values[table.space.network_indices()])


def feature_importances(
    model: Predictor, names: Sequence[str], features: FloatArray, scores: FloatArray, spec: FitSpec
) -> dict[str, float]:
    """Return how much each feature counts, those that count at all, as shares of the sum.

    The model's own ``feature_importances_`` if it has them, else by permutation: how much shuffling a feature lowers
    R2 on 500 test networks. None where the model takes no shuffled rows.

    Args:
        model: Fitted.
        names: The features' names, d of them.
        features: Encoded test networks, shape (n, d).
        scores: Their scores, shape (n,).
        spec: The fit, which fixes the shuffling.
    """
    found = getattr(model, "feature_importances_", None)
    if found is None:
        if len(names) > _MOST_PERMUTED or spec.trial > 0:
            return {}
        try:
            found = _permutation_importances(model, features[:_PERMUTED], scores[:_PERMUTED], spec)
        except InvalidInputError:  # it reads cells from rows, and a shuffled row is none
            return {}
    values = np.maximum(np.nan_to_num(np.asarray(found, dtype=np.float64)), 0.0)
    if len(values) != len(names) or values.sum() <= 0.0:
        return {}
    shares = values / values.sum()
    return {name: round(float(share), 6) for name, share in zip(names, shares, strict=True) if share >= 5e-7}


def _attached_digests(spec: FitSpec, table: Table) -> dict[str, dict[str, str]]:
    """Return the digests of the attached tables that the objective or the encoding uses, for the record."""
    parts = [part.strip() for part in spec.encoding.split("+") if "." in part and not is_reference(part.strip())]
    return digests_of([*Objective(spec.objective).attached, *parts], table)


def _permutation_importances(model: Predictor, features: FloatArray, scores: FloatArray, spec: FitSpec) -> FloatArray:
    rng = np.random.default_rng(_random_state(spec))
    whole = r2(scores, model.predict(features))
    losses = np.zeros(features.shape[1])
    for column in np.flatnonzero(np.ptp(features, axis=0)):
        shuffled = features.copy()
        shuffled[:, column] = rng.permutation(shuffled[:, column])
        losses[column] = whole - r2(scores, model.predict(shuffled))
    return losses


def _measures(scores: FloatArray, mean: FloatArray, std: FloatArray, sign: float) -> dict[str, float]:
    """Return every measure of a prediction; precision and regret take the sign of the objective into account."""
    utility, expected = sign * scores, sign * mean
    return {
        "kendall_tau": kendall_tau(scores, mean),
        "spearman": spearman(scores, mean),
        "r2": r2(scores, mean),
        **{f"precision_at_{k}": precision_at_k(utility, expected, k) for k in TOP_K},
        "regret": regret_of_top(utility, expected),
        **{f"coverage_{100 * level:.0f}": coverage(scores, mean, std, level) for level in NOMINAL_COVERAGES},
    }


def _random_state(spec: FitSpec) -> int:
    return int(np.random.SeedSequence([spec.seed, spec.trial]).generate_state(1)[0] >> 1)
