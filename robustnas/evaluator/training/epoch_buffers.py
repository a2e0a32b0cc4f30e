"""What steps read and write, in tensors that stay where they are: a CUDA graph of a step serves for all of them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from robustnas.evaluator.training.augmentation import Draws, n_batches


class EpochBuffers:
    """One epoch on the device: what was drawn for it, its schedule, and what its steps add up.

    Args:
        n: Images.
        batch_size: Images per step; the last batch may be smaller.
        device: Where.

    Attributes:
        n_steps: Steps of the epoch.
        step: How many are done, int64, shape (1,); on the device, so that a step counts itself.
    """

    def __init__(self, n: int, batch_size: int, device: torch.device) -> None:
        self.n_steps = n_batches(n, batch_size)
        self.step = torch.zeros(1, dtype=torch.int64, device=device)
        self._size = min(batch_size, n)
        self._draws = Draws.empty(n).to(device)
        self._places = torch.arange(self._size, device=device)
        self._schedule = torch.zeros(self.n_steps, 2, device=device)
        self._totals = torch.zeros(self.n_steps, 3, device=device)

    def begin(self, draws: Draws, schedule: Sequence[tuple[float, float]]) -> None:
        """Begin an epoch.

        Args:
            draws: What is random in it.
            schedule: Learning rate and momentum of every step.
        """
        self._draws.copy_(draws)
        self._schedule.copy_(torch.tensor(schedule, dtype=torch.float32))
        self.step.zero_()

    def batch(self, size: int) -> Draws:
        """Return what was drawn for the next step, of `size` images."""
        return self._draws.at(self.step * self._size + self._places[:size])

    def scheduled(self) -> tuple[Tensor, Tensor]:
        """Return learning rate and momentum of the next step, without dimensions."""
        rate, momentum = self._schedule.index_select(0, self.step)[0]
        return rate, momentum

    def keep(self, total: Tensor) -> None:
        """Keep the loss and the correct images of the next step, summed, and the number of its images, shape (3,)."""
        self._totals.index_copy_(0, self.step, total[None].float())

    def totals(self) -> Tensor:
        """Return what was kept of all steps, float64 on the CPU, shape (n_steps, 3); waits for the device."""
        return self._totals.double().cpu()
