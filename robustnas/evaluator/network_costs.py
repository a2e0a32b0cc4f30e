"""What a network costs, counted on the network itself: for spaces that do not say it.

Parameters are those that are trained. Multiply-accumulates are those of convolutions and matrix products, linear layers
among them, in one forward pass of one image in evaluation mode, however they are called: by modules or by functions.
Biases, batch norm, activations, pooling and sums are not counted, as in `robustnas.spaces.nasbench201.cost`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

_SMALL = 2_000_000  # parameters of a network that takes longer without memory than with it

Counted = TypeVar("Counted")


def counted_params(build: Callable[[], nn.Module]) -> float:
    """Return the number of parameters of a network that are trained.

    The network is built without memory for weights, on PyTorch's device ``meta``, where its code allows that.

    Args:
        build: Returns the network.

    Raises:
        Exception: Whatever the network's code raises.

    >>> counted_params(lambda: nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten(), nn.Linear(4 * 36, 10)))
    1490.0
    """
    return _without_memory(lambda: _params(build()))


def counted_flops(build: Callable[[], nn.Module], shape: tuple[int, int, int]) -> float:
    """Return the multiply-accumulates of one forward pass of one image; see `counted_params`.

    Args:
        build: Returns the network.
        shape: Of an image: channels, height, width.

    >>> counted_flops(lambda: nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten(), nn.Linear(4 * 36, 10)), (1, 8, 8))
    2736.0
    """

    def count() -> float:
        network, counter = build().eval(), FlopCounterMode(display=False)
        with torch.no_grad(), counter:
            network(torch.zeros((1, *shape)))
        return float(counter.get_total_flops() / 2)

    return count() if counted_params(build) <= _SMALL else _without_memory(count)


def _params(network: nn.Module) -> float:
    return float(sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad))


def _without_memory(count: Callable[[], Counted]) -> Counted:
    """Count on the device ``meta``; where the network's code does not allow that, as it is."""
    try:
        with torch.device("meta"):
            return count()
    except Exception:  # whatever: such code reads numbers of tensors, or has parameters of unknown shape
        return count()
