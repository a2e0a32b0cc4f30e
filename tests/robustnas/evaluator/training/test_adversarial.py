"""Adversarial training: each objective against the equations of its paper, and its random starts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from robustnas.evaluator.training.adversarial import objective_of, uniform_noise
from robustnas.evaluator.training.training_config import TrainingConfig
from robustnas.evaluator.training.training_task import TrainingProgress
from tests.robustnas.evaluator.training.test_training import digest, fit
from tests.robustnas.evaluator.training.test_training import network as small_network

pytestmark = pytest.mark.timeout(60)  # slow where processors are shared

EPS = 16 / 255
PGD = TrainingConfig(adversary="pgd", train_eps=16, pgd_steps=3, pgd_relative_step=0.25)
FGSM = TrainingConfig(adversary="pgd", train_eps=16, pgd_steps=1, pgd_relative_step=1.25)
TRADES = TrainingConfig(
    adversary="trades", train_eps=16, pgd_steps=2, pgd_relative_step=0.25, pgd_in_evaluation_mode=True, beta=6
)


def network() -> nn.Sequential:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        layers = nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(), nn.Linear(3 * 4, 2)
        return nn.Sequential(*layers).double()


def batch() -> tuple[Tensor, Tensor, Tensor]:
    rng = np.random.default_rng(1)
    return (
        torch.from_numpy(rng.random((6, 1, 4, 4))),
        torch.from_numpy(rng.integers(0, 2, 6)),
        torch.from_numpy(rng.integers(0, 2**32, 6)),
    )


def pgd_7(model: nn.Module, x: Tensor, y: Tensor, start: Tensor, size: float, n: int) -> Tensor:
    """Madry et al. 2018, equation of section 2.1, with a loop over deltas rather than images."""
    delta = start.clone()
    for _ in range(n):
        delta = torch.minimum(torch.maximum(delta, -x), 1 - x).detach().requires_grad_()
        F.cross_entropy(model(x + delta), y).backward()
        assert delta.grad is not None
        delta = (delta.detach() + size * delta.grad.sign()).clamp(-EPS, EPS)
    model.zero_grad()
    return F.cross_entropy(model(torch.clamp(x + delta, 0, 1)), y)


def trades(model: nn.Module, x: Tensor, y: Tensor, start: Tensor, size: float, n: int) -> Tensor:
    """Zhang et al. 2019, equation 5: the Kullback-Leibler divergence written out."""

    def divergence(x_adv: Tensor) -> Tensor:
        p, q = model(x).softmax(1), model(x_adv).softmax(1)
        return (p * (p.log() - q.log())).sum(1).mean()

    model.eval()
    x_adv = x + 0.001 * 2**0.5 * torch.erfinv(start / EPS)
    for _ in range(n):
        x_adv = torch.clamp(x_adv, 0, 1).detach().requires_grad_()
        divergence(x_adv).backward()
        assert x_adv.grad is not None
        x_adv = x_adv.detach() + size * x_adv.grad.sign()
        x_adv = torch.minimum(torch.maximum(x_adv, x - EPS), x + EPS)
    x_adv = torch.clamp(x_adv, 0, 1)
    model.train()
    model.zero_grad()
    return F.cross_entropy(model(x), y) + 6 * divergence(x_adv)


@pytest.mark.parametrize(
    ("config", "reference"), [(PGD, pgd_7), (FGSM, pgd_7), (TRADES, trades)], ids=["pgd", "fgsm", "trades"]
)
def test_gradients_are_those_of_the_paper(config: TrainingConfig, reference: Callable[..., Tensor]) -> None:
    images, labels, keys = batch()
    model, theirs = network(), network()
    loss, logits = objective_of(config, None, 2)(model, images, labels, keys)
    (loss / len(images)).backward()  # type: ignore[no-untyped-call]
    start = EPS * uniform_noise(keys, images.shape)
    expected = reference(theirs, images, labels, start, EPS * config.pgd_relative_step, config.pgd_steps)
    expected.backward()  # type: ignore[no-untyped-call]
    assert loss.item() / len(images) == pytest.approx(expected.item(), rel=1e-6)
    for mine, other in zip(model.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, other.grad, rtol=1e-3, atol=1e-6)  # logits are float32
    assert logits.shape == (6, 2)
    assert all(module.training for module in model.modules())


@pytest.mark.parametrize(("config", "n_updates"), [(PGD, 4), (TRADES, 2)], ids=["pgd", "trades"])
def test_running_statistics_follow_examples_only_in_training_mode(config: TrainingConfig, n_updates: int) -> None:
    model = network()
    objective_of(config, None, 2)(model, *batch())
    assert model[1].num_batches_tracked == n_updates


def test_examples_do_not_depend_on_the_images_beside_them_in_evaluation_mode() -> None:
    images, _, keys = batch()
    objective = objective_of(TRADES, None, 2)
    model = network().eval()
    whole = objective.examples(model, images, keys)  # type: ignore[attr-defined]
    part = objective.examples(model, images[2:4], keys[2:4])  # type: ignore[attr-defined]
    torch.testing.assert_close(whole[2:4], part)
    assert (whole - images).abs().max() <= EPS + 1e-12
    assert whole.min() >= 0
    assert whole.max() <= 1


def test_a_network_that_ignores_its_images_has_no_gradient_and_no_error() -> None:
    class Blind(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.bias = nn.Parameter(torch.zeros(2))

        def forward(self, x: Tensor) -> Tensor:
            return self.bias.expand(len(x), 2)

    images, labels, keys = batch()
    for config in (PGD, TRADES):
        loss, _ = objective_of(config, None, 2)(Blind(), images, labels, keys)
        assert loss.item() == pytest.approx(6 * np.log(2))


def test_noise_is_uniform_and_fixed_by_its_key() -> None:
    keys = torch.arange(400)
    noise = uniform_noise(keys, torch.Size((400, 1, 8, 8)))
    assert noise.dtype == torch.float32
    assert (noise.abs() < 1).all()
    counts = np.histogram(noise.numpy(), 16, (-1, 1))[0]
    assert (np.abs(counts / 1600 - 1) < 0.1).all()  # 25,600 draws: 4 standard deviations
    rows = noise.flatten(1).numpy()
    assert abs(np.corrcoef(rows[:-1].ravel(), rows[1:].ravel())[0, 1]) < 0.025
    assert abs(np.corrcoef(rows[:, :-1].ravel(), rows[:, 1:].ravel())[0, 1]) < 0.025
    torch.testing.assert_close(uniform_noise(keys[7:9], torch.Size((2, 1, 8, 8))), noise[7:9], rtol=0, atol=0)
    key, x = 0xDEADBEEF, (0xDEADBEEF + 5 * 0x9E3779B9) % 2**32
    x = (x ^ x >> 16) * 0x7FEB352D % 2**32
    x = (x ^ x >> 15) * 0x846CA68B % 2**32
    expected = ((x ^ x >> 16) // 512 + 0.5) / 2**22 - 1
    assert uniform_noise(torch.tensor([key]), torch.Size((1, 2, 2, 2)))[0, 1, 0, 1].item() == expected


@pytest.mark.parametrize("config", [FGSM, TRADES], ids=["fgsm", "trades"])
def test_a_resumed_training_ends_with_the_same_weights(config: TrainingConfig, tmp_path: Path) -> None:
    def stop(progress: TrainingProgress) -> None:
        if progress.epoch == 1:
            raise KeyboardInterrupt

    config = replace(config, epochs=2, batch_size=64)
    path, whole, resumed, other_seed = tmp_path / "training.pt", small_network(), small_network(), small_network()
    with pytest.raises(KeyboardInterrupt):
        fit(resumed, config, checkpoint=path, checkpoint_seconds=0, progress=stop)
    assert fit(resumed, config, checkpoint=path).n_epochs_resumed == 1
    fit(whole, config)
    fit(other_seed, config, seed=4)
    assert digest(resumed) == digest(whole) != digest(other_seed)
