"""Training recipes: bad values, digests, and the learning rate over time."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from robustnas.errors import InvalidInputError
from robustnas.evaluator.training.training_config import (
    ADVERSARIAL_RECIPES,
    BENCHMARK_RECIPE,
    RECIPES,
    TrainingConfig,
    recipe,
)

PGD = {"adversary": "pgd", "train_eps": 8, "pgd_steps": 7, "pgd_relative_step": 0.25}


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
        ({"one_cycle": True, "warmup": 0.1}, "one_cycle has its own warmup"),
        ({"adversary": "pdg"}, "unknown adversary 'pdg'; did you mean 'pgd'"),
        ({"train_eps": 8}, "train_eps is 8 with the adversary 'none', which takes none"),
        ({**PGD, "train_eps": 0}, "train_eps is 0; expected a number above 0 and up to 255"),
        ({**PGD, "train_eps": 256}, "train_eps is 256"),
        ({**PGD, "train_eps": "8"}, "train_eps is '8'"),
        ({**PGD, "pgd_steps": 0}, "pgd_steps is 0; expected an integer from 1 to 1000"),
        ({**PGD, "pgd_relative_step": 2.5}, "pgd_relative_step is 2.5; expected a number above 0 and up to 2"),
        ({**PGD, "pgd_in_evaluation_mode": 1}, "pgd_in_evaluation_mode is 1; expected True or False"),
        ({**PGD, "beta": 6.0}, "beta is 6.0 with the adversary 'pgd', which takes none"),
        ({**PGD, "adversary": "trades"}, "beta is 0.0; expected a number above 0"),
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


@pytest.mark.parametrize("name", ADVERSARIAL_RECIPES)
def test_what_an_adversary_does_is_part_of_the_digest(name: str) -> None:
    config = recipe(name)
    assert TrainingConfig(**config.as_dict()) == config
    changes = ({"train_eps": 4}, {"pgd_steps": 3}, {"pgd_relative_step": 0.5}, {"pgd_in_evaluation_mode": True})
    digests = {replace(config, **change).digest for change in changes[: 3 if config.pgd_in_evaluation_mode else 4]}
    assert len({config.digest, *digests}) == len(digests) + 1
    assert (config.train_eps, recipe(name, digits=True).train_eps) == (8, 8 if name == "robbench" else 32)


def test_papers_adversaries() -> None:
    madry, wong, zhang, wu = map(recipe, ("adversarial", "fast-adversarial", "trades", "robbench"))
    assert (madry.pgd_steps, madry.train_eps * madry.pgd_relative_step, madry.pgd_in_evaluation_mode) == (7, 2, False)
    assert (wong.pgd_steps, wong.train_eps * wong.pgd_relative_step) == (1, 10)
    assert (zhang.pgd_steps, 0.031 * zhang.pgd_relative_step, zhang.beta) == (10, pytest.approx(0.007), 6)
    assert zhang.pgd_in_evaluation_mode
    assert (wu.pgd_steps, wu.train_eps * wu.pgd_relative_step, wu.pgd_in_evaluation_mode) == (7, 2, True)


def test_one_cycle_is_that_of_pytorch() -> None:
    config = recipe("robbench")
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], 0.1, 0.9)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, epochs=50, steps_per_epoch=7)
    for epoch in range(50):
        for step in range(7):
            (group,) = optimizer.param_groups
            assert config.learning_rate_at(epoch, step, 7) == pytest.approx(group["lr"], rel=1e-9)
            assert config.momentum_at(epoch, step, 7) == pytest.approx(group["momentum"], rel=1e-9)
            optimizer.step()
            if (epoch, step) != (49, 6):
                schedule.step()
    assert BENCHMARK_RECIPE.momentum_at(3, 1, 7) == 0.9
    assert replace(config, epochs=1).learning_rate_at(0, 0, 1) == 0.1  # a single step


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
