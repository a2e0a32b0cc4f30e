"""Training recipes: bad values, digests, and the learning rate over time."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from robustnas.errors import InvalidInputError
from robustnas.evaluator.training.training_config import BENCHMARK_RECIPE, RECIPES, TrainingConfig, recipe


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epochs": 0}, "epochs is 0; expected an integer from 1 to 100000"),
        ({"batch_size": 1}, "batch_size is 1; expected an integer of at least 2"),
        ({"learning_rate": 0}, "learning_rate is 0; expected a number above 0 and up to 100"),
        ({"learning_rate": float("nan")}, "learning_rate is nan"),
        ({"momentum": 1.0}, r"momentum is 1.0; expected a number from 0 and below 1"),
        ({"momentum": 0}, "nesterov is True with a momentum of 0.0"),
        ({"weight_decay": "5e-4"}, "weight_decay is '5e-4'"),
        ({"warmup": -0.1}, "warmup is -0.1"),
        ({"flip": 1}, "flip is 1; expected True or False"),
        ({"crop_padding": 65}, "crop_padding is 65; expected an integer from 0 to 64"),
    ],
)
def test_a_bad_recipe_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        replace(BENCHMARK_RECIPE, **change)  # type: ignore[arg-type]


def test_recipes_have_names_and_digests() -> None:
    assert recipe("benchmark") is BENCHMARK_RECIPE
    assert len({config.digest for config in RECIPES.values()}) == len(RECIPES)
    assert replace(BENCHMARK_RECIPE, learning_rate=1).digest == replace(BENCHMARK_RECIPE, learning_rate=1.0).digest
    assert TrainingConfig(**BENCHMARK_RECIPE.as_dict()).digest == BENCHMARK_RECIPE.digest
    assert BENCHMARK_RECIPE.digest == "1658e2b433b44dd4dfb392c0a719b0fb8f81375eea40f01d247174067e990f9f"
    with pytest.raises(InvalidInputError, match="unknown recipe 'digit'; did you mean 'digits'"):
        recipe("digit")


def test_learning_rates_follow_warmup_and_cosine() -> None:
    config = TrainingConfig(epochs=10, learning_rate=1.0, warmup=0.2, cosine_per_step=True)
    rates = [config.learning_rate_at(epoch, step, 5) for epoch in range(10) for step in range(5)]
    np.testing.assert_allclose(rates[:10], np.arange(1, 11) / 10)
    np.testing.assert_allclose(rates[10:], (1 + np.cos(np.pi * np.arange(40) / 40)) / 2)
    benchmark = [BENCHMARK_RECIPE.learning_rate_at(epoch, step, 196) for epoch in range(200) for step in (0, 195)]
    np.testing.assert_allclose(benchmark, np.repeat(0.05 * (1 + np.cos(np.pi * np.arange(200) / 200)), 2))


def test_digests_need_no_torch() -> None:
    code = "import sys; from robustnas.evaluator.training.training_config import *; RECIPES['short'].digest; "
    code += "assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
