"""Synaptic flow: the product of weights along all paths, without any image."""

from __future__ import annotations

import copy
import math

import torch
from torch import nn

from robustnas.evaluator.proxies.subject import Subject, gradients_of, weight_layers


def synflow(subject: Subject) -> float:
    """Return ln(1 + sum |w * dR/dw|), R the sum of logits of an image of ones (Tanaka et al., NeurIPS 2020).

    Every parameter is replaced by its absolute value, batch norms are left out and numbers are in double precision, as
    Abdelfattah et al. (ICLR 2021) do; the logarithm is that of NAS-Bench-Suite-Zero, with 1 added so that a network
    without a path has 0.
    """
    network = _without_norms(copy.deepcopy(subject.network)).double().eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.abs_()
    ones = torch.ones_like(subject.images[:1], dtype=torch.float64)
    weights = [layer.weight for layer in weight_layers(network)]
    gradients = gradients_of(network(ones).sum(), weights)
    products = zip(weights, gradients, strict=True)
    return math.log1p(sum(float((weight.detach() * gradient).abs().sum()) for weight, gradient in products))


def _without_norms(network: nn.Module) -> nn.Module:
    for module in list(network.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.BatchNorm1d | nn.BatchNorm2d):
                setattr(module, name, nn.Identity())
    return network
