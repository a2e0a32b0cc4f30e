"""Training-free measures of networks of any space."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch.nn.functional as F
from torch import Tensor, nn

from robustnas.evaluator.images.images import ImageData
from robustnas.evaluator.proxies import PROXIES, SweepSettings, drawn_batch, open_batch, proxy_scores, sweep
from robustnas.spaces import ChoiceArchitecture, ChoiceSpace, open_space

pytestmark = pytest.mark.timeout(60)


class Functional(nn.Module):
    """Its ReLUs are functions, where those of the space are modules."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.convolution, self.norm, self.linear = layers

    def forward(self, x: Tensor) -> Tensor:
        features: Tensor = self.linear(F.relu(self.norm(self.convolution(x))).flatten(1))
        return features


class Mine(ChoiceSpace):
    choices = {"width": (2, 3), "kind": ("modules", "functions")}  # noqa: RUF012

    def build(self, architecture: ChoiceArchitecture, n_classes: int, in_channels: int) -> nn.Module:
        width = int(architecture["width"])
        layers = nn.Conv2d(in_channels, width, 3), nn.BatchNorm2d(width), nn.Linear(36 * width, n_classes)
        if architecture["kind"] == "functions":
            return Functional(*layers)
        return nn.Sequential(*layers[:2], nn.ReLU(inplace=True), nn.Flatten(), layers[2])


def test_every_measure_knows_networks_of_ones_own(digits: ImageData) -> None:
    space, batch = Mine(), drawn_batch(digits, 8, normalised=False)
    assert 0 <= batch.images.min() < batch.images.max() == 1
    modules, functions = (
        proxy_scores(text, "all", images=batch.images, labels=batch.labels, n_classes=10, space=space)
        for text in ("width=2,kind=modules", "width=2,kind=functions")
    )
    assert set(modules) == set(PROXIES)
    assert all(map(math.isfinite, modules.values()))
    assert modules["params"] == 9 * 2 + 2 + 4 + 730
    assert modules["flops"] == 36 * 18 + 720
    assert functions == pytest.approx(modules, rel=1e-5)


def test_a_sweep_resumes_and_is_of_one_space(digits: ImageData, tmp_path: Path) -> None:
    name = f"{__name__}:Mine"
    space, path = open_space(name), tmp_path / "scores.csv"
    settings = SweepSettings(drawn_batch(digits, 4, normalised=False), ("nwot", "params"), space=name)
    every = [space.architecture(index) for index in range(4)]
    list(sweep(every[:1], settings, path, workers=1))
    assert path.read_text().splitlines()[1].startswith('"width=2,kind=modules",')
    steps = list(sweep(every, settings, path, workers=1))
    assert [done for done, _ in steps] == [1, 2, 3, 4]
    summary = settings.summary()
    assert (summary["space"], set(summary["space_digests"])) == (name, {"choices", Path(__file__).name})
    assert "channels" not in summary


def test_costs_that_a_space_says_need_no_network() -> None:
    space = open_space("wide-resnets")
    settings = SweepSettings(open_batch("random", 2, size=32, n_classes=10), ("params", "flops"), space="wide-resnets")
    assert not settings.needs_network
    architecture = space.architecture(7)
    assert settings.scores(architecture)[1] == {name: space.cost_column(name)[7] for name in ("params", "flops")}
    assert SweepSettings(settings.batch, ("params",), space=f"{__name__}:Mine").needs_network
