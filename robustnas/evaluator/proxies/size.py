"""Sizes: what a network weighs and costs, whatever its images show."""

from __future__ import annotations

import copy

from robustnas.evaluator.network_costs import counted_flops
from robustnas.evaluator.proxies.subject import Subject
from robustnas.spaces.nasbench201.cost import Skeleton
from robustnas.spaces.nasbench201.network import CellNetwork


def l2_norm(subject: Subject) -> float:
    """Return the sum over convolutions and linear layers of the Euclidean norm of the weights."""
    return sum(float(layer.weight.detach().norm()) for layer in subject.layers)


def params(subject: Subject) -> float:
    """Return the number of trainable parameters, exactly."""
    return float(sum(parameter.numel() for parameter in subject.network.parameters() if parameter.requires_grad))


def flops(subject: Subject) -> float:
    """Return the multiply-accumulates of one forward pass of one image, counted as `Skeleton.flops` does."""
    network = subject.network
    if not isinstance(network, CellNetwork):
        _, channels, height, width = subject.images.shape
        return counted_flops(lambda: copy.deepcopy(network).cpu().float(), (channels, height, width))
    size = subject.images.shape[-1]
    skeleton = Skeleton(size, network.n_classes, network.channels, network.n_cells, network.in_channels)
    return float(skeleton.flops(network.cell))
