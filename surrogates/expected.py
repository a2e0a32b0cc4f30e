"""The expected score of every network of a table: what it would score if it were trained again.

The best of a table is a lucky training. Each score is shrunk towards the prediction of boosted trees that were fitted
to other functions only (cross-fitted by functional class), as `surrogates.shrinkage` says. Functional twins are
trainings of one function: together they show the noise, and share one expected score. docs/noise.md has the checks.
"""

from __future__ import annotations

from contextlib import suppress
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from robustnas.arrays import FloatArray, IntArray, read_only
from robustnas.atomic import atomic_file
from robustnas.objectives import Objective
from robustnas.objectives.declared import facts_of
from robustnas.objectives.facts import seed_noise
from robustnas.spaces import EnumerableSpace, encoding
from robustnas.tables.database.cache import cache_directory
from robustnas.tables.exchangeable_twins import share_of_cells
from robustnas.tables.noise import twin_deviations
from robustnas.tables.table import Table

FEWEST_TWINS = 30
"""Degrees of freedom of the noise, below which no score is shrunk."""

FEWEST_FUNCTIONS = 100
"""Functions of a known score, below which no score is shrunk."""

_LEAST_NOISE = 1e-9  # of twins' scores, relative to the largest score: less is rounding
_VERSION = 2  # of what is kept in the cache


class Expected(NamedTuple):
    """What the networks of a table are expected to score, by index of the space, shape (space.size,).

    Attributes:
        mean: The expected score, in natural units; the measured one where there is a `reason`.
        std: The standard deviation of what is not known of it: ``mean ± 1.96 std`` is its 95 % interval. 0 for scores
            without noise, NaN where it is unknown.
        noise: The standard deviation between trainings, at the network's level; likewise.
        reason: Why scores are the measured ones; empty if they are not.
    """

    mean: FloatArray
    std: FloatArray
    noise: FloatArray
    reason: str = ""


@lru_cache(maxsize=64)
def expected(objective: Objective, table: Table) -> Expected:
    """Return the expected scores of an objective on a table, computed once per process, and kept in the user's cache.

    All networks of a known score count, whatever the constraints of the objective.

    Args:
        objective: One objective: any sum of metrics or attached columns.
        table: A table that does not change.

    Raises:
        ObjectiveError: The table lacks a metric or a column.

    >>> from robustnas.tables.datasets import open_table
    >>> expected(Objective("params"), open_table("cifar10-surrogate")).reason
    'it is a cost, which training does not change'
    """
    column = objective.evaluate(table)
    if not table.complete:
        return _measured(column, np.nan, "networks are measured on demand, too few to model")
    space = table.space
    scores = column[space.network_indices()]
    noise = _known_noise(objective, table)
    if noise == 0.0:
        return _measured(column, 0.0, "it is a cost, which training does not change")
    if reason := _obstacle(scores, noise, space):
        return _measured(column, 0.0 if reason == _EQUAL else np.nan, reason)
    rows = space.network_of_index()
    mean, std, deviation = np.where(rows >= 0, expected_scores(scores, space, noise)[:, rows], np.nan)
    return Expected(read_only(mean), read_only(std), read_only(deviation))


def expected_scores(scores: FloatArray, space: EnumerableSpace[Any], noise: float | None = None) -> FloatArray:
    """Return mean, std and noise of `Expected` by network, shape (3, n_networks); NaN where no score is known.

    Args:
        scores: One per network, in ascending order of uid; NaN where unknown.
        space: Whose networks they are.
        noise: The standard deviation between trainings, above 0; None to estimate it from functional twins.
    """
    known = np.flatnonzero(np.isfinite(scores))
    features = encoding(space.default_encoding, space=space).values[space.network_indices()[known]]
    labels = _labels(space)[known]
    key = sha256(f"{_VERSION} {noise} {_xgboost_version()}".encode())
    for part in (scores[known], features, labels):
        key.update(np.ascontiguousarray(part).tobytes())
    path = cache_directory() / "expected" / f"{key.hexdigest()}.npy"
    found = _read(path, len(known))
    if found is None:
        found = _fitted(scores[known], features, labels, noise)
        _write(path, found)
    every = np.full((3, len(scores)), np.nan)
    every[:, known] = found
    return every


def _fitted(scores: FloatArray, features: FloatArray, labels: IntArray, noise: float | None) -> FloatArray:
    from surrogates.boosted_trees import BoostedTrees
    from surrogates.shrinkage import Classes, shrunk

    _, place, counts = np.unique(labels, return_inverse=True, return_counts=True)

    def class_mean(values: FloatArray) -> FloatArray:
        return np.asarray(np.bincount(place, weights=values) / counts)

    trees = BoostedTrees(n_estimators=200, learning_rate=0.15, random_state=0)
    predicted = class_mean(trees.cross_predict(features, scores, labels))
    means = class_mean(scores)
    squares = class_mean((scores - means[place]) ** 2) * counts
    return np.array(shrunk(Classes(predicted, means, counts, squares), noise))[:, place]


_EQUAL = "functional twins score the same, so there is no noise"


def _obstacle(scores: FloatArray, noise: float | None, space: EnumerableSpace[Any]) -> str:
    """Return why scores cannot be shrunk, or have no noise; an empty text if they can."""
    known = np.isfinite(scores)
    n_functions = len(np.unique(_labels(space)[known]))
    if n_functions < FEWEST_FUNCTIONS:
        return f"{n_functions} functions have a known score, of which a model needs {FEWEST_FUNCTIONS}"
    if noise is not None:
        return ""
    twins = twin_deviations(np.where(known, scores, np.nan), space)
    freedom = len(twins.rows) - len(np.unique(twins.labels))
    if freedom < FEWEST_TWINS:
        return f"its noise is unknown: {len(twins.rows)} networks have a functional twin with a known score"
    if np.abs(twins.deviations).max() <= _LEAST_NOISE * np.abs(scores[known]).max():
        return _EQUAL
    if share := share_of_cells(twins, space):
        return f"its noise is unknown: functional twins differ by their cells, which explain {share:.0%} of it"
    return ""


def _known_noise(objective: Objective, table: Table) -> float | None:
    """Return the noise that needs no twins: 0 for costs, what a table says of a column or of seeds; None if unknown."""
    terms = objective.terms
    if len(terms) == 1 and (said := facts_of(terms[0], table).noise) is not None:
        return abs(terms[0].weight) * said
    if all((term.attached or not term.metrics) and term.minimised for term in terms):
        return 0.0
    of_seeds = seed_noise(objective, table)
    has_twins = table.space.twin_labels() is not None
    return of_seeds if np.isfinite(of_seeds) and of_seeds > 0 and not has_twins else None


def _labels(space: EnumerableSpace[Any]) -> IntArray:
    labels = space.twin_labels()
    return np.arange(space.n_networks) if labels is None else labels


def _measured(column: FloatArray, std: float, reason: str) -> Expected:
    flat = read_only(np.full(len(column), std))
    return Expected(read_only(np.array(column)), flat, flat, reason)


def _xgboost_version() -> str:
    from importlib.metadata import version

    return version("xgboost")


def _read(path: Path, n: int) -> FloatArray | None:
    """Return what the cache holds; None if it holds nothing, or something damaged."""
    try:
        found = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return found if found.shape == (3, n) and found.dtype == np.float64 and np.isfinite(found).all() else None


def _write(path: Path, found: FloatArray) -> None:
    with suppress(OSError):  # a cache that cannot be written costs time only
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_file(path) as file:
            np.save(file, found)
