"""Plans of the benchmark of surrogates, from Python."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from experiments.surrogate_benchmark.plan import BenchmarkPlan
from robustnas.errors import InvalidInputError


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"dataset": None}, "dataset is None; expected a name"),
        ({"objectives": "clean"}, "objectives are 'clean'; expected a list"),
        ({"objectives": [3]}, "objective is 3; expected a text"),
        ({"surrogates": None}, "surrogates are None; expected a list"),
        ({"encodings": [None]}, "encoding is None; expected a name"),
        ({"train_sizes": 50}, "train sizes are 50; expected a list"),
    ],
)
def test_wrong_types_are_refused_in_words(values: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        BenchmarkPlan(**{"dataset": "cifar10-surrogate"} | values)


def test_numbers_of_numpy_become_plain() -> None:
    plan = BenchmarkPlan("cifar10-surrogate", train_sizes=np.array([50]), n_trials=np.int64(2), seed=np.int64(3))
    assert [type(value) for value in (plan.train_sizes[0], plan.n_trials, plan.seed)] == [int, int, int]
