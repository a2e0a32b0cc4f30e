"""What a training minimises: for a batch, the loss to descend and the logits to count."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from robustnas.errors import InvalidInputError


class Objective(ABC):
    """What a training minimises.

    It is called within a step, which may be captured as a CUDA graph: no value of a tensor decides what it does, it
    draws from no generator, and it synchronises with no device.

    Args:
        dtype: The type of mixed precision that networks are computed in, as `robustnas.evaluator.device.autocast_dtype`
            returns it.
        n_labels: Classes that the network must have at least.
    """

    def __init__(self, dtype: torch.dtype | None, n_labels: int) -> None:
        self.dtype, self.n_labels = dtype, n_labels

    @abstractmethod
    def __call__(self, network: nn.Module, images: Tensor, labels: Tensor, keys: Tensor) -> tuple[Tensor, Tensor]:
        """Return the loss summed over the batch, with its graph, and logits, shape (n, n_classes).

        Args:
            network: In training mode, before and after.
            images: Pixels in [0, 1], shape (n, channels, h, w).
            labels: Their classes, shape (n,).
            keys: What is random about each image: `robustnas.evaluator.training.augmentation.Draws.keys`.
        """

    def logits(self, network: nn.Module, images: Tensor) -> Tensor:
        """Return the logits of one pass, float32, shape (n, n_classes).

        Raises:
            InvalidInputError: They are too few for the labels.
        """
        with torch.autocast(images.device.type, self.dtype, enabled=self.dtype is not None):
            logits: Tensor = network(images).float()
        if logits.shape[1] < self.n_labels:
            raise InvalidInputError(f"a label is {self.n_labels - 1}; the network has {logits.shape[1]} classes")
        return logits


class CrossEntropy(Objective):
    """The cross-entropy of images as they are."""

    def __call__(self, network: nn.Module, images: Tensor, labels: Tensor, keys: Tensor) -> tuple[Tensor, Tensor]:  # noqa: ARG002 - nothing is random
        """Return the cross-entropy and the logits."""
        logits = self.logits(network, images)
        return F.cross_entropy(logits, labels, reduction="sum"), logits
