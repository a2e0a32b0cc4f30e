"""What there is to train, how far it is, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from torch import nn


@dataclass(frozen=True)
class TrainingProgress:
    """The progress of a training: reported at the start, after every epoch and within it about every second.

    Attributes:
        epoch: Epochs that are complete.
        n_epochs: Epochs in all.
        step: Steps done in the present epoch.
        n_steps: Steps per epoch.
        losses: Mean training loss of every complete epoch.
        accuracies: Training accuracy of every complete epoch, in [0, 1].
        seconds: Time spent so far, interrupted runs included.
        notes: What a reader of the results should know.
    """

    epoch: int
    n_epochs: int
    step: int
    n_steps: int
    losses: tuple[float, ...]
    accuracies: tuple[float, ...]
    seconds: float
    notes: tuple[str, ...]

    @property
    def fraction(self) -> float:
        """The share of all steps that is done, in [0, 1]."""
        return (self.epoch + self.step / self.n_steps) / self.n_epochs


@dataclass(frozen=True)
class TrainingResult:
    """The record of a training; the network itself was trained in place.

    Attributes:
        losses: Mean of the objective in every epoch, over augmented images, in training mode while the weights change.
        accuracies: Training accuracy of every epoch, in [0, 1], measured in the same pass: on adversarial examples if
            these are what is trained on.
        seconds: Time spent, interrupted runs included.
        n_epochs_resumed: Epochs that came from a checkpoint.
        notes: What a reader of the results should know, such as a batch split for lack of memory.
    """

    losses: tuple[float, ...]
    accuracies: tuple[float, ...]
    seconds: float
    n_epochs_resumed: int
    notes: tuple[str, ...]


@dataclass(frozen=True)
class TrainingTask:
    """A network to train.

    Attributes:
        network: Takes float32 pixels in [0, 1], shape (n, channels, h, w), and returns logits, shape (n, n_classes).
        seed: Fixes the order of images and their augmentation, not the initial weights, which the network brings.
        identity: What a checkpoint is of besides recipe, seed and precision: the architecture, a digest of the images.
        checkpoint: File to write checkpoints to, and to resume from if it exists; a damaged one is replaced, with a
            note. It is kept when the training is over.
        progress: Called from time to time; an exception that it raises ends the training, the last checkpoint stays.
    """

    network: nn.Module
    seed: int
    identity: Mapping[str, str] = field(default_factory=dict)
    checkpoint: Path | None = None
    progress: Callable[[TrainingProgress], None] | None = None
