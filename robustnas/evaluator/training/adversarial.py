"""Adversarial training: the loss of images in the eps-ball around the training images, L-inf, in pixel space.

PGD (Madry et al. 2018) trains on the examples that steps along the sign of the cross-entropy's gradient find from a
uniform random start; with a single step of 1.25 eps this is fast adversarial training (Wong et al. 2020). TRADES (Zhang
et al. 2019) adds to the cross-entropy of the images beta times the largest Kullback-Leibler divergence to them.

Batch norm while examples are made is as in the authors' code: in training mode for PGD and FGSM, in evaluation mode for
TRADES, and for the PGD of NAS-RobBench-201 (Wu et al. 2024).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from robustnas.evaluator.training.objective import CrossEntropy, Objective
from robustnas.evaluator.training.training_config import TrainingConfig

_WORD = 0xFFFFFFFF
_TRADES_START = 0.001  # standard deviation of the start, in pixel units


def objective_of(config: TrainingConfig, dtype: torch.dtype | None, n_labels: int) -> Objective:
    """Return what a recipe minimises; arguments as of `Objective`."""
    if not config.is_adversarial:
        return CrossEntropy(dtype, n_labels)
    return (TRADES if config.adversary == "trades" else AdversarialLoss)(config, dtype, n_labels)


class _Adversary(Objective):
    """What the objectives that make adversarial examples share.

    Args:
        config: A recipe with an adversary.
        dtype: As of `Objective`.
        n_labels: As of `Objective`.
    """

    def __init__(self, config: TrainingConfig, dtype: torch.dtype | None, n_labels: int) -> None:
        super().__init__(dtype, n_labels)
        self.config, self.eps = config, config.train_eps / 255

    def ascend(self, images: Tensor, start: Tensor, loss: Callable[[Tensor], Tensor]) -> Tensor:
        """Return the images after signed gradient steps on a loss, within eps and [0, 1].

        The loss is a sum over images, not their mean: in half precision, smaller gradients would vanish.

        Args:
            images: Shape (n, channels, h, w).
            start: Where the steps begin, the same shape.
            loss: Of images of this shape.
        """
        low, high = (images - self.eps).clamp_(min=0), (images + self.eps).clamp_(max=1)
        x, step = torch.clamp(start, low, high), self.eps * self.config.pgd_relative_step
        for _ in range(self.config.pgd_steps):
            x.requires_grad_()
            # what a cell without a path returns does not depend on its images
            (gradient,) = torch.autograd.grad(loss(x), x, allow_unused=True, materialize_grads=True)
            x = torch.clamp(x.detach() + step * gradient.sign(), low, high)
        return x

    @contextmanager
    def mode(self, network: nn.Module) -> Iterator[None]:
        """Have the network in the mode that examples are made in, and in training mode afterwards."""
        network.train(not self.config.pgd_in_evaluation_mode)
        try:
            yield
        finally:
            network.train()


class AdversarialLoss(_Adversary):
    """The cross-entropy of adversarial examples, alone; the logits are those of the examples."""

    def __call__(self, network: nn.Module, images: Tensor, labels: Tensor, keys: Tensor) -> tuple[Tensor, Tensor]:
        """Return the cross-entropy and the logits of the examples."""
        with self.mode(network):
            examples = self.examples(network, images, labels, keys)
        logits = self.logits(network, examples)
        return F.cross_entropy(logits, labels, reduction="sum"), logits

    def examples(self, network: nn.Module, images: Tensor, labels: Tensor, keys: Tensor) -> Tensor:
        """Return adversarial examples; the network stays in its mode."""
        start = images + self.eps * uniform_noise(keys, images.shape)
        return self.ascend(images, start, lambda x: F.cross_entropy(self.logits(network, x), labels, reduction="sum"))


class TRADES(_Adversary):
    """The cross-entropy of the images, and beta times how far predictions move in their eps-balls.

    The logits are those of the images. Their distribution is the target of the divergence and takes part in its
    gradient, as in the authors' code; steps begin at Gaussian noise of 0.001.
    """

    def __call__(self, network: nn.Module, images: Tensor, labels: Tensor, keys: Tensor) -> tuple[Tensor, Tensor]:
        """Return the loss, and the logits of the images."""
        with self.mode(network):
            examples = self.examples(network, images, keys)
        logits = self.logits(network, images)
        divergence = _divergence(self.logits(network, examples), F.softmax(logits, dim=1))
        return F.cross_entropy(logits, labels, reduction="sum") + self.config.beta * divergence, logits

    def examples(self, network: nn.Module, images: Tensor, keys: Tensor) -> Tensor:
        """Return examples with predictions far from those of the images; the network stays in its mode."""
        target = F.softmax(self.logits(network, images).detach(), dim=1)
        normal = math.sqrt(2) * torch.erfinv(uniform_noise(keys, images.shape))
        start = images + _TRADES_START * normal
        return self.ascend(images, start, lambda x: _divergence(self.logits(network, x), target))


def _divergence(logits: Tensor, target: Tensor) -> Tensor:
    """Return the Kullback-Leibler divergence of predictions from their targets, summed over images."""
    return F.kl_div(F.log_softmax(logits, dim=1), target, reduction="sum")


def uniform_noise(keys: Tensor, shape: torch.Size) -> Tensor:
    """Return noise in (-1, 1), the same on every device and for an image in any batch, float32.

    The 32-bit hash lowbias32 (Wellons 2018) of a key and the places after it: no generator, whose state a CUDA graph
    would have to keep.

    Args:
        keys: One number of 32 bits per image, int64, shape (n,).
        shape: Of the noise, (n, channels, h, w).
    """
    places = torch.arange(math.prod(shape[1:]), device=keys.device).view(1, *shape[1:])
    x = (keys.view(-1, *(1 for _ in shape[1:])) + places * 0x9E3779B9) & _WORD
    x = ((x ^ x >> 16) * 0x7FEB352D) & _WORD
    x = ((x ^ x >> 15) * 0x846CA68B) & _WORD
    x = x ^ x >> 16
    return ((x >> 9).float() + 0.5) / 2**22 - 1
