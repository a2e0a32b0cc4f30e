"""What an attack is: images in, images in their eps-balls out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from robustnas.evaluator.attacks.settings import AttackSettings

Tick = Callable[[int], None]
"""Called with a number of image passes just done."""


@dataclass
class Passes:
    """Counts the passes of images through a network, forward and backward, for progress displays.

    Attributes:
        tick: Called with every addition.
        total: Image passes so far.
        n_zero_gradient: Images whose first gradient was zero everywhere: their gradient is masked.
    """

    tick: Tick = field(default=lambda _: None)
    total: int = 0
    n_zero_gradient: int = 0

    def add(self, n: int) -> None:
        """Count `n` image passes."""
        self.total += n
        self.tick(n)

    def note_gradient(self, gradient: Tensor) -> None:
        """Count the images whose gradient is zero everywhere."""
        self.n_zero_gradient += int((gradient.flatten(1) == 0).all(dim=1).sum())


@dataclass(frozen=True, eq=False)
class Batch:
    """Images to attack, all classified correctly.

    Attributes:
        pixels: In [0, 1], shape (n, channels, h, w).
        labels: Their classes, shape (n,).
        noise: What the attack's `noise` returned for these images, one row each.
        eps: Radius in pixel units, so that 1/255 is one grey level.
        early: Whether to stop at an image once it is fooled, at whatever step; else all steps are done as published.
        rows: The numbers of the images among all, shape (n,), by which `Attacker.perturb_grid` knows an image again.
    """

    pixels: Tensor
    labels: Tensor
    noise: Tensor
    eps: float
    early: bool = False
    rows: Tensor = field(default_factory=lambda: torch.empty(0, dtype=torch.long))

    @property
    def ball(self) -> tuple[Tensor, Tensor]:
        """The lowest and highest allowed value of every pixel: within eps, and in [0, 1]."""
        return (self.pixels - self.eps).clamp_(min=0), (self.pixels + self.eps).clamp_(max=1)


class Attacker(ABC):
    """An untargeted L-inf attack.

    All its randomness is the noise handed in, one piece per image, and the seed: what it does to an image depends
    neither on the images beside it nor on a global generator.

    Args:
        settings: Steps and queries.
        seed: Fixes what all images share.

    Attributes:
        merges: Whether it attacks several eps at once. Others are given one at a time, and results are there sooner.
    """

    merges: ClassVar[bool] = False

    def __init__(self, settings: AttackSettings, seed: int = 0) -> None:
        self.settings, self.seed = settings, seed

    def noise(self, n: int, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
        """Return the noise of `n` images of shape (channels, h, w): uniform in [-1, 1], one row per image."""
        return 2 * torch.rand((n, *shape), generator=generator) - 1

    @abstractmethod
    def perturb(self, model: nn.Module, batch: Batch, passes: Passes) -> Tensor:
        """Return adversarial images, misclassified where the attack succeeded, shape as the batch's pixels.

        Args:
            model: Takes pixels, returns logits; in evaluation mode, its parameters without gradients.
            batch: The images.
            passes: Counts what is done.
        """

    def perturb_grid(self, model: nn.Module, batches: Sequence[Batch], passes: Sequence[Passes]) -> list[Tensor]:
        """Return adversarial images for batches of ascending eps, of the same images or others; see `perturb`.

        With `Batch.early`, an image need not be attacked on at an eps above one that it was fooled at.
        """
        return [self.perturb(model, batch, each) for batch, each in zip(batches, passes, strict=True)]


def input_gradient(model: nn.Module, pixels: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Return the gradient of the summed cross-entropy by pixel, shape as `pixels`, and the logits (n, n_classes)."""
    x = pixels.detach().requires_grad_()
    with torch.enable_grad():
        logits = model(x)
        loss = F.cross_entropy(logits, labels, reduction="sum")
    (gradient,) = torch.autograd.grad(loss, x)
    return gradient, logits.detach()
