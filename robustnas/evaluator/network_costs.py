"""What a network costs, counted on the network itself: for spaces that do not say it.

Parameters are those that are trained. Multiply-accumulates are those of convolutions and matrix products, linear layers
among them, in one forward pass of one image in evaluation mode, however they are called: by modules or by functions.
Biases, batch norm, activations, pooling and sums are not counted, as in `robustnas.spaces.nasbench201.cost`.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode


def counted_costs(build: Callable[[], nn.Module], shape: tuple[int, int, int]) -> dict[str, float]:
    """Return the ``params`` and ``flops`` of a network.

    It is built without memory for weights (on PyTorch's device ``meta``) where its code allows that, else as it is.

    Args:
        build: Returns the network.
        shape: Of an image: channels, height, width.

    Raises:
        Exception: Whatever the network's code raises.

    >>> counted_costs(lambda: nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten(), nn.Linear(4 * 36, 10)), (1, 8, 8))
    {'params': 1490.0, 'flops': 2736.0}
    """
    try:
        with torch.device("meta"):
            return _counted(build(), torch.empty((1, *shape), device="meta"))
    except Exception:  # whatever: such code reads numbers of tensors
        return _counted(build(), torch.zeros((1, *shape)))


def _counted(network: nn.Module, image: torch.Tensor) -> dict[str, float]:
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        network.eval()(image)
    n_parameters = sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)
    return {"params": float(n_parameters), "flops": counter.get_total_flops() / 2}
