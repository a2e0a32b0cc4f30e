"""What proxies measure: a freshly initialised network and one batch of images, with passes that measures share.

Nothing here changes the network that was handed in: every pass is made by a copy.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from robustnas.spaces.nasbench201.network import CellNetwork

_RELUS = (F.relu, F.relu_, torch.relu, torch.relu_, Tensor.relu, Tensor.relu_)
_Hook = Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]


@dataclass(frozen=True)
class Pass:
    """One forward pass in training mode: batch norms use the statistics of the batch.

    Attributes:
        layers: Convolutions and linear layers, in order of the network's modules.
        inputs: The images, a leaf that gradients are taken of, shape (n, c, h, w).
        logits: Shape (n, n_classes).
        outputs: What each layer returned, in order of `layers`.
        relu_inputs: What each ReLU was given, in order of computation.
    """

    layers: tuple[nn.Conv2d | nn.Linear, ...]
    inputs: Tensor
    logits: Tensor
    outputs: tuple[Tensor, ...]
    relu_inputs: tuple[Tensor, ...]


@dataclass(frozen=True)
class LossGradients:
    """Gradients of the mean cross-entropy, zeros where it does not depend on a layer; in order of `Pass.layers`.

    Attributes:
        weights: Of each layer's weights; they carry a graph if the subject is one of second order.
        outputs: Of each layer's output.
    """

    weights: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]


class Subject:
    """A network and a batch; passes are made when a measure first asks for them, and kept.

    Args:
        network: What takes images and returns logits.
        images: Normalised, shape (n, c, h, w), n at least 2.
        labels: Whole numbers below the number of classes, shape (n,).
        seed: Fixes what measures draw: projections and the Gaussian weights and images of zen.
        second_order: Whether gradients of the loss shall be differentiable, as grasp needs.
    """

    def __init__(
        self, network: nn.Module, images: Tensor, labels: Tensor, *, seed: int = 0, second_order: bool = False
    ) -> None:
        self.images = images.to(memory_format=torch.channels_last)  # convolutions on a CPU are twice as fast
        self.network: nn.Module = copy.deepcopy(network).to(  # type: ignore[call-overload]
            images.device, memory_format=torch.channels_last
        )
        self.labels, self.seed, self.second_order = labels, seed, second_order

    def generator(self) -> torch.Generator:
        """Return a new generator of random numbers on the CPU, fixed by the seed."""
        return torch.Generator().manual_seed(self.seed)

    @property
    def layers(self) -> tuple[nn.Conv2d | nn.Linear, ...]:
        """The network's convolutions and linear layers."""
        return weight_layers(self.network)

    @cached_property
    def forward(self) -> Pass:
        """The forward pass in training mode."""
        network = copy.deepcopy(self.network).train()
        layers = weight_layers(network)
        outputs: dict[nn.Module, Tensor] = {}
        relu_inputs: list[Tensor] = []
        for layer in layers:
            layer.register_forward_hook(_keep_output(outputs))
        if is_of_cells := isinstance(network, CellNetwork):  # whose ReLUs are modules
            for module in network.modules():
                if isinstance(module, nn.ReLU):
                    module.register_forward_hook(_keep_input(relu_inputs))
        inputs = self.images.detach().clone().requires_grad_()
        with nullcontext() if is_of_cells else _ReLUs(relu_inputs):
            logits = network(inputs)
        return Pass(layers, inputs, logits, tuple(outputs[layer] for layer in layers), tuple(relu_inputs))

    @cached_property
    def gradients(self) -> LossGradients:
        """Gradients of the mean cross-entropy of `forward`."""
        found, n = self.forward, len(self.forward.layers)
        loss = F.cross_entropy(found.logits, self.labels)
        targets = [*(layer.weight for layer in found.layers), *found.outputs]
        gradients = gradients_of(loss, targets, create_graph=self.second_order)
        return LossGradients(gradients[:n], gradients[n:])

    @cached_property
    def frozen(self) -> nn.Module:
        """A copy in evaluation mode whose batch norms keep the statistics of this batch: images do not interact.

        The variances kept are unbiased, larger than those of training mode by 1 in the number of values.
        """
        network = copy.deepcopy(self.network).train()
        for module in network.modules():
            if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
                module.momentum = 1.0
        with torch.no_grad():
            network(self.images)
        return network.eval()

    @cached_property
    def frozen_pass(self) -> tuple[Tensor, Tensor]:
        """The images, a leaf that gradients are taken of, and their logits by `frozen`."""
        inputs = self.images.detach().clone().requires_grad_()
        return inputs, self.frozen(inputs)


class _ReLUs(TorchFunctionMode):
    """Keeps what every ReLU is given, be it a module or a function."""

    def __init__(self, kept: list[Tensor]) -> None:
        super().__init__()
        self._kept = kept

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func in _RELUS:
            self._kept.append(args[0].detach().clone())  # it may be changed in place
        return func(*args, **(kwargs or {}))


def weight_layers(network: nn.Module) -> tuple[nn.Conv2d | nn.Linear, ...]:
    """Return the convolutions and linear layers of a network: those whose weights count."""
    return tuple(module for module in network.modules() if isinstance(module, nn.Conv2d | nn.Linear))


def gradients_of(value: Tensor, targets: list[Tensor], *, create_graph: bool = False) -> tuple[Tensor, ...]:
    """Return the gradients of a scalar, zeros where it does not depend on a target; the graph is kept."""
    return torch.autograd.grad(
        value, targets, create_graph=create_graph, retain_graph=True, allow_unused=True, materialize_grads=True
    )


def _keep_output(kept: dict[nn.Module, Tensor]) -> _Hook:
    def hook(module: nn.Module, _: tuple[Tensor, ...], output: Tensor) -> None:
        kept[module] = output

    return hook


def _keep_input(kept: list[Tensor]) -> _Hook:
    def hook(_: nn.Module, inputs: tuple[Tensor, ...], __: Tensor) -> None:
        kept.append(inputs[0].detach())

    return hook
