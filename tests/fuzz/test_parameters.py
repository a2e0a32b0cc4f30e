"""Every parameter of every registered class with values of every kind: taken, or refused by name."""

from __future__ import annotations

import datetime
import math
from typing import Any

import numpy as np
import pytest

from robustnas.errors import MissingPackageError, RobustNASError
from searchers.registry import SEARCHERS, create
from searchers.registry import parameter_names as of_searcher
from surrogates.registry import SURROGATES, make_surrogate
from surrogates.registry import parameter_names as of_surrogate

VALUES: dict[str, Any] = {
    "none": None,
    "true": True,
    "zero": 0,
    "negative": -1,
    "large": 10**20,
    "long": 10**5000,
    "fraction": 0.5,
    "nan": math.nan,
    "infinite": math.inf,
    "empty": "",
    "text": "x",
    "other": "🤖" * 5000,
    "surrogate half": "\ud800",
    "date": datetime.date(2026, 1, 1),
    "list": [1, "x"],
    "nested": [[[[]]]],
    "table": {"a": 1},
}


@pytest.mark.timeout(120)
@pytest.mark.filterwarnings("ignore:.* deprecated:FutureWarning")  # of Optuna's parameters
@pytest.mark.parametrize("name", [*SEARCHERS, "optuna:TPESampler", "optuna:CmaEsSampler", "optuna:PartialFixedSampler"])
def test_parameters_of_searchers(name: str) -> None:
    for parameter in [*of_searcher(name), "name", "rng", "space", "n_objectives", "é", ""]:
        for kind, value in VALUES.items():
            if parameter in ("space", "n_objectives"):
                continue  # of `create` itself
            try:
                create(name, 0, **{parameter: value})
            except MissingPackageError:
                pytest.skip("a package is missing")
            except RobustNASError as error:
                one_sentence(error, parameter, kind)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", SURROGATES)
def test_parameters_of_surrogates(name: str) -> None:
    x = np.random.default_rng(0).random((12, 3))
    for parameter in [*of_surrogate(name), "predictor", "é", ""]:
        for kind, value in VALUES.items():
            small = {key: 3 for key in ("n_estimators",) if key in of_surrogate(name)}
            try:
                make_surrogate(name, **{**small, parameter: value}).fit(x, x[:, 0])
            except RobustNASError as error:
                one_sentence(error, parameter, kind)


def one_sentence(error: RobustNASError, parameter: str, kind: str) -> None:
    text = str(error)
    assert "\n" not in text, (parameter, kind)
    assert len(text) < 1000, (parameter, kind)
