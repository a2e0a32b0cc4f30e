"""Zen-score: how much the features of a network with Gaussian weights change with its input."""

from __future__ import annotations

import copy
import math

import torch
from torch import Tensor, nn

from robustnas.errors import InvalidInputError
from robustnas.evaluator.proxies.subject import Subject, weight_layers
from robustnas.spaces.nasbench201.network import CellNetwork

STEP = 0.01
"""Size of the change of the input."""


def zen(subject: Subject) -> float:
    """Return ln E|f(x) - f(x + 0.01 x')| + sum over batch norms of ln sigma (Lin et al., ICCV 2021).

    f gives the features that are pooled before the classifier; the norm is the sum of absolute values, its mean is
    over the batch. x and x' are Gaussian noise of the images' shape, and so are the weights; images play no part. Sigma
    is the root of a batch norm's mean running variance (momentum 0.1, from 1) after both passes in training mode, as in
    the authors' code. NaN where no feature changes, as in a network without a path.
    """
    network = copy.deepcopy(subject.network).train()
    generator = subject.generator()
    _draw_weights(network, generator)
    x, change = torch.randn(2, *subject.images.shape, generator=generator).to(subject.images)
    first, second = _features(network, x), _features(network, x + STEP * change)
    distance = float((first - second).abs().flatten(1).sum(1).double().mean())
    return math.log(distance) + _log_deviations(network) if distance > 0 else math.nan


def _draw_weights(network: nn.Module, generator: torch.Generator) -> None:
    """Fill weights with Gaussian noise; batch norms are fresh already, and the bias of the classifier plays no part."""
    with torch.no_grad():
        for layer in weight_layers(network):
            layer.weight.copy_(torch.randn(layer.weight.shape, generator=generator))


def _features(network: nn.Module, images: Tensor) -> Tensor:
    """Return the features that are classified, shape (n, ...).

    Those are what the last activation of a `CellNetwork` gives, and what the last linear layer of another is given.
    """
    kept: list[Tensor] = []
    if isinstance(network, CellNetwork):
        handle = network.lastact.register_forward_hook(lambda _module, _inputs, output: kept.append(output))
    else:
        layers = [module for module in network.modules() if isinstance(module, nn.Linear)]
        if not layers:
            raise InvalidInputError(f"zen needs a network that ends in a linear layer; got {type(network).__name__}")
        handle = layers[-1].register_forward_hook(lambda _module, inputs, _output: kept.append(inputs[0]))
    with torch.no_grad():
        network(images)
    handle.remove()
    return kept[0]


def _log_deviations(network: nn.Module) -> float:
    total = 0.0
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert module.running_var is not None
            total += math.log(float(module.running_var.double().mean())) / 2
    return total
