"""Networks in pixel space: they normalise images themselves, since attacks move pixels."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from robustnas.errors import InvalidInputError, excerpt


class Normalised(nn.Module):
    """A network that takes pixels in [0, 1] and normalises them itself: attacks work in pixel space, eps in 1/255.

    Args:
        network: What takes normalised images and returns logits.
        mean: Per channel, in pixel units.
        std: Per channel, in pixel units, above 0.

    Raises:
        InvalidInputError: A standard deviation that is not above 0, or lengths that differ.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, network: nn.Module, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        if len(mean) != len(std) or not all(value > 0 for value in std):
            raise InvalidInputError(
                f"mean {excerpt(mean)} and std {excerpt(std)}: expected one of each per channel, std above 0"
            )
        self.network = network
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32).view(1, -1, 1, 1))
        self.register_buffer("std", torch.tensor(std, dtype=torch.float32).view(1, -1, 1, 1))

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the logits of images in [0, 1]."""
        logits: Tensor = self.network((pixels - self.mean) / self.std)
        return logits
