"""Batch norms of any network are folded where its structure allows; else the network stays as it is."""

from __future__ import annotations

import logging

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from robustnas.evaluator import folding
from robustnas.evaluator.attacks.robustness import attack_images
from robustnas.evaluator.folding import folded_form
from robustnas.evaluator.images.images import LabelledImages
from robustnas.evaluator.normalised import Normalised

IMAGES = torch.rand((4, 1, 8, 8), generator=torch.Generator().manual_seed(0))


class Mixed(nn.Module):
    """Two batch norms that can be folded, and three that cannot: shared, after a sum, of a shared convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.shared = (nn.Conv2d(n, 4, 3, padding=1, bias=n == 1) for n in (1, 4, 4))
        self.norms = nn.ModuleList(nn.BatchNorm2d(4) for _ in range(4))
        self.linear, self.last = nn.Linear(4, 6), nn.BatchNorm1d(6)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.norms[0](self.first(x)))
        x = x + self.norms[1](self.shared(x)) + self.norms[1](self.second(x))
        x = self.norms[2](x)
        x = self.norms[3](self.shared(F.relu(x))) if self.training or len(self.norms) == 4 else x
        features: Tensor = self.last(self.linear(x.mean((2, 3))))
        return features


class Branching(Mixed):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x if x.sum() > 0 else -x)


def trained(network: nn.Module, mean: float = 0.0, std: float = 1.0) -> Normalised:
    """Return a network whose batch norms have seen something."""
    torch.manual_seed(1)
    model = Normalised(network, [mean], [std]).train()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 2)
            nn.init.uniform_(module.bias)
    for _ in range(3):
        model(torch.rand(16, 1, 8, 8))
    return model.eval()


def n_norms(network: nn.Module) -> int:
    return sum(isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d) for module in network.modules())


@pytest.mark.parametrize(("mean", "std"), [(0.0, 1.0), (0.3, 0.4)])
def test_batch_norms_are_folded_where_that_is_the_same(mean: float, std: float) -> None:
    torch.manual_seed(0)
    model = trained(Mixed(), mean, std)
    form = folded_form(model, IMAGES)
    assert (n_norms(model), n_norms(form)) == (5, 3)
    images = torch.rand((7, 1, 8, 8))
    mine, own = images.clone().requires_grad_(), images.clone().requires_grad_()
    assert torch.allclose(form(mine), model(own), atol=1e-4)
    gradients = [torch.autograd.grad(net(x).square().sum(), x)[0] for net, x in ((form, mine), (model, own))]
    assert torch.allclose(*gradients, rtol=1e-3, atol=1e-3)
    assert not any(parameter.requires_grad for parameter in form.parameters())
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_what_cannot_be_folded_stays_as_it_is(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = trained(nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(72, 3)))
    assert folded_form(plain, IMAGES) is plain
    branching = trained(Branching())
    with caplog.at_level(logging.DEBUG, logger=folding.__name__):
        assert folded_form(branching, IMAGES) is branching
    assert "batch norms are not folded: TraceError: symbolically traced variables" in caplog.text
    monkeypatch.setattr(folding, "_fused", lambda layer, _: layer)  # as a fold that went wrong would be
    model = trained(Mixed())
    with caplog.at_level(logging.DEBUG, logger=folding.__name__):
        assert folded_form(model, IMAGES) is model
    assert "the logits differ" in caplog.text


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_attacks_through_the_folded_form(precision: str) -> None:
    """They find what attacks on the network itself find, but for what rounding decides; the network is unchanged."""
    model = trained(nn.Sequential(nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(288, 6)))
    pixels = torch.rand((60, 1, 8, 8), generator=torch.Generator().manual_seed(2))
    last = model.network[-1]  # type: ignore[index]
    last.bias.data -= model(pixels).detach().mean(0)  # so that classes differ
    images = LabelledImages(pixels.numpy(), model(pixels).argmax(1).numpy())
    state = {name: value.clone() for name, value in model.state_dict().items()}
    (result,) = attack_images(model, images, "pgd", [2.0], precision=precision)
    (other,) = attack_images(nn.Sequential(model), images, "pgd", [2.0], precision=precision)
    assert result.scores.accuracy == pytest.approx(other.scores.accuracy, abs=0.04)
    assert 0 < result.scores.accuracy < 1
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
