"""FGSM (Goodfellow et al. 2015) and PGD (Madry et al. 2018): steps along the sign of the loss's gradient."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from robustnas.evaluator.attacks.attacker import Attacker, Batch, Passes, input_gradient

_COMPACT = 7 / 8  # of the images left: fewer changes of shape, at most an eighth of the passes in vain


class FGSM(Attacker):
    """One step of eps along the gradient's sign from the image itself, clipped to [0, 1]."""

    def noise(self, n: int, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:  # noqa: ARG002 - has none
        """Return no noise, shape (n, 0)."""
        return torch.empty(n, 0)

    def perturb(self, model: nn.Module, batch: Batch, passes: Passes) -> Tensor:
        """Return the images after the step."""
        gradient, _ = input_gradient(model, batch.pixels, batch.labels)
        passes.note_gradient(gradient)
        passes.add(2 * len(batch.pixels))
        low, high = batch.ball
        return torch.clamp(batch.pixels + batch.eps * gradient.sign(), low, high)


class PGD(Attacker):
    """Steps along the gradient's sign from a uniform random start in the ball, projected onto ball and [0, 1].

    The robustness paper's settings: 40 steps of eps * 0.01 / 0.3, and the last iterate is what counts. With
    `Batch.early`, an image that is fooled at any iterate is done.
    """

    def perturb(self, model: nn.Module, batch: Batch, passes: Passes) -> Tensor:
        """Return the last iterates, or the first ones that fooled the network."""
        low, high = batch.ball
        x = torch.clamp(batch.pixels + batch.eps * batch.noise, low, high)
        left = _Unfooled(x, batch.labels) if batch.early else None
        labels, step_size = batch.labels, batch.eps * self.settings.pgd_relative_step
        for step in range(self.settings.pgd_steps):
            gradient, logits = input_gradient(model, x, labels)
            passes.add(2 * len(x))
            if not step:
                passes.note_gradient(gradient)
            if left is not None:
                kept = left.update(x, logits)
                if not left.n:
                    return left.result
                if kept is not None:
                    x, gradient, labels, low, high = (part[kept] for part in (x, gradient, labels, low, high))
            x = torch.clamp(x.add_(gradient.sign(), alpha=step_size), low, high)
        return x if left is None else left.finish(x)


class _Unfooled:
    """Keeps the first iterate that fooled the network for every image, and tracks which images are still attacked."""

    def __init__(self, start: Tensor, labels: Tensor) -> None:
        self.result, self.labels = start.clone(), labels
        self.rows = torch.arange(len(start), device=start.device)  # of the images that are still stepped
        self.done = torch.zeros_like(self.rows, dtype=torch.bool)
        self.n = len(start)

    def update(self, x: Tensor, logits: Tensor) -> Tensor | None:
        """Record the images fooled now; return a mask of those to continue with if few enough are left, else None."""
        fooled = (logits.argmax(dim=1) != self.labels[self.rows]) & ~self.done
        self.result[self.rows[fooled]] = x[fooled]
        self.done |= fooled
        kept = ~self.done
        self.n = int(kept.sum())
        if self.n > _COMPACT * len(x):
            return None
        self.rows, self.done = self.rows[kept], self.done[kept]
        return kept

    def finish(self, x: Tensor) -> Tensor:
        """Return the images found, and the last iterates of the others."""
        kept = ~self.done
        self.result[self.rows[kept]] = x[kept]
        return self.result
