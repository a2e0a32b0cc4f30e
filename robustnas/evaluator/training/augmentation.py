"""Random flips and padded crops of whole batches, on the images' own device.

As in the benchmark, they act on raw images, before normalisation: an image is first mirrored, then surrounded by black
pixels and cut to its former size at a random place.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from robustnas.evaluator.training.training_config import TrainingConfig


@dataclass(frozen=True)
class Draws:
    """All that is random in one epoch; drawn on the CPU, so that every device gets the same.

    Attributes:
        order: Images in the order of their batches, int64, shape (n,).
        flips: Whether the image at each place of `order` is mirrored, bool, shape (n,).
        shifts: Row and column where its crop begins in the padded image, 0 to 2 * padding, int64, shape (n, 2).
        keys: What its random start is made of where adversarial examples are trained on, 0 to 2**32 - 1, int64, shape
            (n,): see `robustnas.evaluator.training.adversarial.uniform_noise`.
    """

    order: Tensor
    flips: Tensor
    shifts: Tensor
    keys: Tensor

    @classmethod
    def of_epoch(cls, n: int, config: TrainingConfig, seed: int, epoch: int) -> Draws:
        """Draw for `n` images from a generator of its own, fixed by seed and epoch."""
        rng = np.random.default_rng((seed, epoch))
        order = rng.permutation(n)
        flips = rng.random(n) < 0.5 if config.flip else np.zeros(n, dtype=np.bool_)
        shifts = rng.integers(0, 2 * config.crop_padding, (n, 2), endpoint=True)
        keys = rng.integers(0, 2**32, n) if config.is_adversarial else np.zeros(n, dtype=np.int64)
        return cls(*(torch.from_numpy(drawn) for drawn in (order, flips, shifts, keys)))

    def to(self, device: torch.device) -> Draws:
        """Return a copy on a device."""
        return Draws(*(part.to(device) for part in self._parts()))

    @classmethod
    def empty(cls, n: int) -> Draws:
        """Return room for what is drawn for `n` images."""
        order, keys = torch.empty(2, n, dtype=torch.int64)
        return cls(order, torch.empty(n, dtype=torch.bool), torch.empty(n, 2, dtype=torch.int64), keys)

    def copy_(self, other: Draws) -> None:
        """Take over what was drawn, for as many images, in the same place of memory."""
        for mine, part in zip(self._parts(), other._parts(), strict=True):
            mine.copy_(part)

    def at(self, places: Tensor) -> Draws:
        """Return what was drawn for some places of the order, int64, shape (n,)."""
        return Draws(*(part[places] for part in self._parts()))

    def _parts(self) -> tuple[Tensor, ...]:
        return self.order, self.flips, self.shifts, self.keys


def batch_sizes(n: int, size: int) -> list[int]:
    """Return the images of every batch of one epoch; a last one of one image is left out, batch norm needs two.

    >>> batch_sizes(5, 2), batch_sizes(6, 4)
    ([2, 2], [4, 2])
    """
    return [min(size, n - start) for start in range(0, n_batches(n, size) * size, size)]


def n_batches(n: int, size: int) -> int:
    """Return the batches of one epoch over `n` images, at least 2 of them.

    >>> n_batches(512, 256), n_batches(513, 256), n_batches(514, 256)
    (2, 2, 3)
    """
    return n // size + (n % size > 1)


def augment(images: Tensor, draws: Draws, config: TrainingConfig) -> Tensor:
    """Return the images flipped and cropped as drawn; any type, shape (n, channels, h, w), in channels_last layout."""
    if not (config.flip or config.crop_padding):
        return images
    padding, (height, width) = config.crop_padding, images.shape[2:]
    padded = nn.functional.pad(images, (padding,) * 4).permute(0, 2, 3, 1)
    rows = draws.shifts[:, :1] + torch.arange(height, device=images.device)
    columns = draws.shifts[:, 1:] + torch.arange(width, device=images.device)
    columns = torch.where(draws.flips[:, None], width + 2 * padding - 1 - columns, columns)
    every = torch.arange(len(images), device=images.device)
    return padded[every[:, None, None], rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def pixels(images: Tensor) -> Tensor:
    """Return images as float32 in [0, 1]; uint8 values are divided by 255."""
    return images.float() / 255 if images.dtype == torch.uint8 else images.float()
