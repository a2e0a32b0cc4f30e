"""Batches whose shapes stay few: a new shape at every pass is slow on some processors."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

_SMALLEST = 8  # below it, libraries choose other kernels, with other rounding


def bucket(n: int, batch_size: int) -> int:
    """Return the batch shape that `n` images are padded to: at most eight shapes, and a few smaller ones.

    >>> [bucket(n, 256) for n in (1, 9, 33, 200, 256)]
    [8, 16, 64, 224, 256]
    """
    step = max(batch_size // 8, _SMALLEST)
    if n > step:
        return min(step * math.ceil(n / step), max(batch_size, n))
    return int(min(step, max(_SMALLEST, 2 ** math.ceil(math.log2(n)))))


class Bucketed(nn.Module):
    """A model that sees few batch shapes: batches are split and padded with copies of their first image."""

    def __init__(self, model: nn.Module, batch_size: int) -> None:
        super().__init__()
        self.model, self.batch_size = model, batch_size

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the logits, shape (n, n_classes)."""
        if len(pixels) > self.batch_size:
            return torch.cat([self._padded(part) for part in torch.split(pixels, self.batch_size)])
        return self._padded(pixels)

    def _padded(self, pixels: Tensor) -> Tensor:
        n = len(pixels)
        missing = bucket(n, self.batch_size) - n
        if missing > 0:
            pixels = torch.cat([pixels, pixels[:1].detach().expand(missing, -1, -1, -1)])
        logits: Tensor = self.model(pixels.contiguous(memory_format=torch.channels_last))
        if pixels.requires_grad and not logits.requires_grad:  # a cell without a path from input to output
            logits = logits + 0 * pixels.sum()
        return logits[:n]
