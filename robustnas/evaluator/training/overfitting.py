"""Catastrophic overfitting of fast adversarial training: the single step is withstood, several smaller ones are not.

Wong et al. (2020) found that accuracy under PGD may fall to 0 within an epoch of training on FGSM, and detect it on a
batch of training images. Here both attacks run on the first training images, in evaluation mode, after every epoch.
Where accuracy under PGD never rises, the two are far apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from robustnas.evaluator.training.adversarial import AdversarialLoss
from robustnas.evaluator.training.augmentation import pixels
from robustnas.evaluator.training.training_config import TrainingConfig

_NOTE = "catastrophic overfitting"
_N_IMAGES = 128
_PGD_STEPS = 5
_FALL = 0.2  # of accuracy under PGD, as in the authors' code
_GAP = 0.3  # between accuracy under the single step and under PGD, which are mostly within 0.15


class OverfittingWatch:
    """Compares accuracy under the single step that is trained on with that under PGD-5, on a batch of training images.

    Args:
        config: A recipe.
        images: The training images, as `robustnas.evaluator.training.augmentation.pixels` takes them.
        labels: Their classes.
    """

    def __init__(self, config: TrainingConfig, images: Tensor, labels: Tensor) -> None:
        self.images, self.labels = pixels(images[:_N_IMAGES]), labels[:_N_IMAGES]
        self.keys = torch.arange(len(self.labels), device=labels.device)
        several = replace(config, pgd_steps=_PGD_STEPS, pgd_relative_step=2.5 / _PGD_STEPS)
        self.attacks = [AdversarialLoss(attack, None, 0) for attack in (config, several)]

    @classmethod
    def of(cls, config: TrainingConfig, images: Tensor, labels: Tensor) -> OverfittingWatch | None:
        """Return what watches a training; None for a recipe that does not take a single step, or for one epoch."""
        is_single = config.adversary == "pgd" and config.pgd_steps == 1
        return cls(config, images, labels) if is_single and config.epochs > 1 else None

    def accuracies(self, network: nn.Module) -> tuple[float, float]:
        """Return the accuracy under the single step and under PGD, in [0, 1]; leaves the network in evaluation mode."""
        network.eval()
        found = []
        for attack in self.attacks:
            examples = attack.examples(network, self.images, self.labels, self.keys)
            with torch.no_grad():
                correct = attack.logits(network, examples).argmax(1) == self.labels
            found.append(float(correct.double().mean()))
        return found[0], found[1]


def overfitting_note(watched: Sequence[Sequence[float]]) -> str | None:
    """Return a note if the last epoch is the first after which catastrophic overfitting shows; else None.

    Args:
        watched: `OverfittingWatch.accuracies` of every epoch.

    >>> overfitting_note([(0.5, 0.4), (0.6, 0.45), (0.9, 0.05)])[:38]
    'catastrophic overfitting in epoch 3: a'
    """
    if not _shows(watched) or any(_shows(watched[:n]) for n in range(len(watched))):
        return None
    step, several = watched[-1]
    return (
        f"{_NOTE} in epoch {len(watched)}: accuracy on training images is {100 * step:.0f} % under the single step "
        f"that is trained on, {100 * several:.0f} % under PGD-{_PGD_STEPS} ({100 * _best(watched)[1]:.0f} % at its "
        "best); --recipe adversarial or a smaller --train-eps avoids it"
    )


def is_overfitting_note(note: str) -> bool:
    """Return whether a note is one of `overfitting_note`."""
    return note.startswith(_NOTE)


def _shows(watched: Sequence[Sequence[float]]) -> bool:
    """Return whether accuracy under PGD is far below that under the step, or below its best, and the other is not."""
    if not watched:
        return False
    best, (step, several) = _best(watched), watched[-1]
    return step - several > _GAP or (best[1] - several > _FALL and step >= best[0])


def _best(watched: Sequence[Sequence[float]]) -> Sequence[float]:
    return max(watched, key=lambda pair: pair[1])
