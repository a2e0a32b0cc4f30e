"""Networks that a space builds: the right ones, seeded, costs counted; and what is no network to train, refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from robustnas.errors import BuildError, InvalidInputError, NotationError
from robustnas.evaluator.evaluation_settings import EvaluationSettings, check_sizes
from robustnas.evaluator.evaluator import Evaluator
from robustnas.evaluator.images.images import ImageData
from robustnas.evaluator.memory_size import DeviceMemoryError
from robustnas.evaluator.network_costs import counted_flops, counted_params
from robustnas.evaluator.space_networks import SpaceNetworks
from robustnas.evaluator.training.training_config import RECIPES
from robustnas.spaces import ChoiceArchitecture, ChoiceSpace, open_space
from robustnas.spaces.nasbench201.network import build

pytestmark = pytest.mark.timeout(60)

SHAPE = (1, 8, 8)


class Small(ChoiceSpace):
    choices = {"width": (2, 4), "norm": ("batch", "none")}  # noqa: RUF012

    def build(self, architecture: ChoiceArchitecture, n_classes: int, in_channels: int) -> nn.Module:
        width = int(architecture["width"])
        norm = nn.BatchNorm2d(width) if architecture["norm"] == "batch" else nn.Identity()
        return nn.Sequential(nn.Conv2d(in_channels, width, 3), norm, nn.ReLU(), nn.Flatten(), nn.Linear(36 * width, 10))


class Plain(nn.Module):
    """A network that works; those below have one fault each."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution, self.norm = nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2)
        self.linear = nn.Linear(72, 10)

    def forward(self, x: Tensor) -> Any:
        return self.linear(F.relu(self.norm(self.convolution(x))).flatten(1))


class Pair(Plain):
    def forward(self, x: Tensor) -> Any:
        return super().forward(x), x


class TwoInputs(Plain):
    def forward(self, x: Tensor, y: Tensor) -> Any:  # type: ignore[override]
        return super().forward(x + y)


class OtherShape(Plain):
    def forward(self, x: Tensor) -> Any:
        return super().forward(x)[:, :7]


class Squeezed(Plain):
    def forward(self, x: Tensor) -> Any:
        return super().forward(x).squeeze()


class Classes(Plain):
    def forward(self, x: Tensor) -> Any:
        return super().forward(x).argmax(1, keepdim=True).expand(-1, 10)


class Undefined(Plain):
    def forward(self, x: Tensor) -> Any:
        return super().forward(x) / 0


class Unused(Plain):
    def __init__(self) -> None:
        super().__init__()
        self.auxiliary = nn.Linear(3, 3)


class Detached(Plain):
    def forward(self, x: Tensor) -> Any:
        return super().forward(x).detach()


class Rounded(Plain):
    def forward(self, x: Tensor) -> Any:
        return super().forward((x.detach() * 255).round())


class Frozen(Plain):
    def __init__(self) -> None:
        super().__init__()
        self.requires_grad_(False)


class Dropping(Plain):
    def forward(self, x: Tensor) -> Any:
        return super().forward(F.dropout(x, 0.5, training=self.training))


class AlwaysDropping(Plain):
    def forward(self, x: Tensor) -> Any:
        return super().forward(F.dropout(x, 0.5, training=not self.training))


class BatchDependent(Plain):
    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(2, track_running_stats=False)


class WrongSize(Plain):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(71, 10)


def raising() -> nn.Module:
    raise ValueError("no such depth")


def leaving() -> nn.Module:
    raise SystemExit(3)


def space_of(network: Callable[[], object]) -> ChoiceSpace:
    class Faulty(Small):
        def build(self, architecture: ChoiceArchitecture, n_classes: int, in_channels: int) -> Any:
            return network()

    return Faulty()


class DrawnElsewhere(Plain):
    def __init__(self) -> None:
        super().__init__()
        self.linear.bias.data.fill_(float(np.random.default_rng().random()))


BUILT = Plain()


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (raising, r"raised ValueError: no such depth \(test_space_networks.py, line \d+\)"),
        (leaving, "raised SystemExit: 3"),
        (lambda: None, "it returned None; expected a torch.nn.Module"),
        (lambda: Plain, "it returned the class Plain; expected a torch.nn.Module: return an instance"),
        (lambda: [Plain()], "it returned a list; expected a torch.nn.Module"),
        (nn.Flatten, "it has no parameters that are trained"),
        (Frozen, "it has no parameters that are trained"),
        (Pair, r"it returned a tuple of 2; expected forward\(images\) to return logits of shape \(2, 10\), one tensor"),
        (TwoInputs, r"it failed on images of shape \(2, 1, 8, 8\): TypeError: .* missing 1 required positional"),
        (
            OtherShape,
            r"it returned numbers of shape \(2, 7\); expected forward\(images\) to return logits of shape",
        ),
        (Squeezed, r"it returned numbers of shape \(10,\); expected .* of shape \(1, 10\)"),
        (Classes, r"it returned int64 numbers of shape \(2, 10\)"),
        (Undefined, r"its logits are not finite \((NaN|infinite)\) before any training"),
        (WrongSize, r"it failed on images of shape \(2, 1, 8, 8\): RuntimeError: mat1 and mat2"),
        (Unused, r"its parameter auxiliary.weight and 1 more get no gradient: forward does not use it; leave it out"),
        (Detached, "its logits depend on no parameter as far as gradients go"),
        (Rounded, "its logits have no gradient by the images, which attacks follow"),
        (Dropping, "it draws random numbers in training mode, as dropout does"),
        (AlwaysDropping, "it gives the same images other logits each time in evaluation mode"),
        (lambda: BUILT, "it returned weights that it had returned before"),
        (DrawnElsewhere, "its weights linear.bias are others each time it is built with the same seed"),
        (BatchDependent, "the logits of an image depend on the others of its batch in evaluation mode"),
    ],
)
def test_what_is_no_network_to_train_is_refused(network: Callable[[], object], message: str, digits: ImageData) -> None:
    networks = SpaceNetworks(space_of(network), digits, {})
    architecture = networks.space.architecture(2)
    with pytest.raises(BuildError, match=message) as raised:
        networks.build(architecture, 0)
    assert str(raised.value).startswith("build(width=4,norm=batch) of Faulty")
    assert "\n" not in str(raised.value)


def test_a_check_leaves_the_network_and_the_generator_as_they_were(digits: ImageData) -> None:
    networks = SpaceNetworks(space_of(Plain), digits, {})
    torch.manual_seed(7)
    state = torch.get_rng_state()
    first, second, other = (networks.build(networks.space.architecture(0), seed) for seed in (3, 3, 4))
    assert torch.equal(torch.get_rng_state(), state)
    with torch.random.fork_rng():
        torch.manual_seed(3)
        expected = Plain()
    for name, value in expected.state_dict().items():
        assert torch.equal(first.network.state_dict()[name], value), name
        assert torch.equal(second.network.state_dict()[name], value), name
    assert not torch.equal(first.network.state_dict()["linear.weight"], other.network.state_dict()["linear.weight"])
    assert first.training
    assert all(parameter.grad is None for parameter in first.parameters())


def test_networks_take_pixels_unless_the_space_says_otherwise(digits: ImageData) -> None:
    space = space_of(Plain)
    images = torch.rand((3, *SHAPE))
    model = SpaceNetworks(space, digits, {}).build(space.architecture(0), 0).eval()
    assert torch.equal(model(images), model.network(images))
    space.normalised = True
    model = SpaceNetworks(space, digits, {}).build(space.architecture(0), 0).eval()
    (mean,), (std,) = digits.mean, digits.std
    assert torch.allclose(model(images), model.network((images - mean) / std), atol=1e-6)


def test_lazy_layers_get_their_shapes(digits: ImageData) -> None:
    space = space_of(lambda: nn.Sequential(nn.Flatten(), nn.LazyLinear(10)))
    model = SpaceNetworks(space, digits, {}).build(space.architecture(0), 0)
    assert sum(parameter.numel() for parameter in model.parameters()) == 650


def test_sized_cells_are_those_of_nasbench201(digits: ImageData) -> None:
    sizes, cells = open_space("nasbench201-sizes"), open_space()
    architecture = sizes.from_choices({**cells.choices_of(cells.parse("#13433")), "channels": 8, "cells": 1})
    model = SpaceNetworks(sizes, digits, {}).build(architecture, 5)
    expected = build("#13433", 10, 8, 1, 1, seed=5)
    assert all(torch.equal(value, model.network.state_dict()[name]) for name, value in expected.state_dict().items())
    assert float(model.mean) == pytest.approx(digits.mean[0])


def test_costs_are_counted_on_the_network() -> None:
    """Those that spaces say are exact: counting agrees with them; functions count as modules do, biases do not."""
    cells, wide = open_space(), open_space("wide-resnets")
    for space, index, sizes in ((cells, 13_931, {"channels": 4, "n_cells": 2}), (wide, 0, {})):
        architecture = space.architecture(index)
        skeleton = space.skeleton_on(16, 10, 3, **sizes)
        make = partial(space.build, architecture, 10, 3, **sizes)
        assert counted_params(make) == space.cost_column("params", skeleton)[index]
        assert counted_flops(make, (3, 16, 16)) == space.cost_column("flops", skeleton)[index]

    class Functional(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.ones(4, 1, 3, 3))
            self.frozen = nn.Parameter(torch.ones(5), requires_grad=False)
            self.scale = float(torch.ones(3).sum())  # cannot be read without memory

        def forward(self, x: Tensor) -> Tensor:
            return F.conv2d(x, self.weight).mean((2, 3)) * self.scale

    assert (counted_params(Functional), counted_flops(Functional, SHAPE)) == (36.0, 36.0 * 36)


def test_what_cannot_be_built_has_no_costs(digits: ImageData) -> None:
    networks = SpaceNetworks(space_of(raising), digits, {})
    with pytest.raises(BuildError, match="no such depth"):
        networks.counted("params", networks.space.architecture(0))


def test_memory_that_is_not_there(digits: ImageData) -> None:
    networks = SpaceNetworks(Small(), digits, {}, memory=10_000)
    with pytest.raises(DeviceMemoryError, match=r"build\(width=4,norm=none\) of Small: its 1,490 weights need"):
        networks.build(networks.space.architecture(3), 0)


def test_a_space_without_networks_and_sizes_that_it_has_not(digits: ImageData) -> None:
    class Nothing(ChoiceSpace):
        choices = {"width": (1, 2)}  # noqa: RUF012

    with pytest.raises(InvalidInputError, match=r"space Nothing builds no networks to train; define build\(self"):
        Evaluator(digits, space=Nothing(), device="cpu")
    with pytest.raises(InvalidInputError, match="channels is 8, but the size of networks of the space Small is said"):
        check_sizes(Small(), {"channels": 8, "n_cells": None})
    check_sizes(open_space(), {"channels": 8, "n_cells": None})


@pytest.fixture
def settings() -> EvaluationSettings:
    return EvaluationSettings(training=replace(RECIPES["digits"], epochs=2), n_images=60)


def test_networks_of_ones_own_are_trained_attacked_and_kept(
    digits: ImageData, settings: EvaluationSettings, tmp_path: Path
) -> None:
    evaluator = Evaluator(digits, settings, space=Small(), device="cpu", folder=tmp_path)
    found = list(evaluator.measure("norm=batch,width=4", ["clean", "pgd@16"]))
    assert [value.key.network.arch for value in found] == ["width=4,norm=batch"] * 2
    assert {value.key.network.space for value in found} == {"Small"}
    assert found[1].accuracy <= found[0].accuracy > 0.3
    again = Evaluator(digits, settings, space=Small(), device="cpu", folder=tmp_path)
    assert next(again.measure("width=4,norm=batch", ["clean"])).accuracy == found[0].accuracy
    assert again.training is None
    with pytest.raises(NotationError, match="width"):
        evaluator.network_key("width=3,norm=batch")


def test_keys_tell_spaces_apart(digits: ImageData, settings: EvaluationSettings) -> None:
    class Larger(Small):
        name = "Small"
        choices = {"width": (2, 4, 8), "norm": ("batch", "none")}  # noqa: RUF012

    keys = [Evaluator(digits, settings, space=space).network_key("width=4,norm=none") for space in (Small(), Larger())]
    assert keys[0].training != keys[1].training
    channels = replace(settings, channels=4)  # of NAS-Bench-201 alone
    assert Evaluator(digits, channels, space=Small()).network_key("width=4,norm=none") == keys[0]


def test_failures_of_some_builds_do_not_end_the_training_of_others(
    digits: ImageData, settings: EvaluationSettings, tmp_path: Path
) -> None:
    class Half(Small):
        def build(self, architecture: ChoiceArchitecture, n_classes: int, in_channels: int) -> nn.Module:
            if architecture["norm"] == "none":
                raise ValueError("no network without")
            return super().build(architecture, n_classes, in_channels)

    short = replace(settings, training=replace(settings.training, epochs=1))
    evaluator = Evaluator(digits, short, space=Half(), device="cpu", folder=tmp_path)
    first, second = evaluator.train(["width=4,norm=none", "width=4,norm=batch"])
    assert isinstance(first, BuildError)
    assert second is None
    assert len(list(tmp_path.rglob("*.weights"))) == 1
