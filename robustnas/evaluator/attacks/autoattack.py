"""APGD-CE (Croce and Hein 2020), by the reference implementation.

That is the authors' code, as the package pyautoattack. Its randomness is replaced by noise of each image's own:
published, a batch draws from the global generator, so that an image's result depends on the images beside it.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from robustnas.errors import EvaluationError
from robustnas.evaluator.attacks.attacker import Attacker, Batch, Passes

_MOST_REMAINING = 0.8  # of the passes: restart with fewer images only if that saves a fifth


class APGD(Attacker):
    """APGD on the cross-entropy: PGD with momentum and step sizes that adapt to each image.

    An image counts as fooled at any iterate. With `Batch.early`, once few enough images are left, the batch is started
    again with those alone: as an image's path does not depend on the others, that changes no result.
    """

    def perturb(self, model: nn.Module, batch: Batch, passes: Passes) -> Tensor:
        """Return the images that fooled the network, and the random starts of the others."""
        pixels, labels, noise = batch.pixels, batch.labels, batch.noise
        start = (pixels + batch.eps * noise / noise.flatten(1).abs().amax(1).view(-1, 1, 1, 1)).clamp_(0, 1)
        if not batch.early:
            return self._run(_Watched(model, passes), pixels, labels, batch.eps, start)
        result, rows = start.clone(), torch.arange(len(pixels), device=pixels.device)
        while len(rows):
            watched = _Stopping(model, passes, labels[rows], self.settings.apgd_steps + 1)
            try:
                self._run(watched, pixels[rows], labels[rows], batch.eps, start[rows])
                left = rows[:0]
            except _Stop:
                left = rows[~watched.fooled]
            result[rows[watched.fooled]] = watched.examples()
            rows = left
        return result

    def _run(self, model: nn.Module, pixels: Tensor, labels: Tensor, eps: float, start: Tensor) -> Tensor:
        attack = _library("autopgd_base").APGDAttack(
            model, n_iter=self.settings.apgd_steps, norm="Linf", eps=eps, loss="ce", eot_iter=1, rho=0.75
        )
        attack.init_hyperparam(pixels)
        with torch.random.fork_rng(devices=[]):  # it draws a start, which ours replaces
            _, _, _, adversarial = attack.attack_single_run(pixels, labels, x_init=start)
        result: Tensor = adversarial.detach()
        return result


class _Stop(Exception):
    """Enough images are fooled."""


class _Watched(nn.Module):
    """A model that counts passes and notes masked gradients."""

    def __init__(self, model: nn.Module, passes: Passes) -> None:
        super().__init__()
        self.model, self.passes, self.n_calls = model, passes, 0

    def forward(self, pixels: Tensor) -> Tensor:
        logits: Tensor = self.model(pixels)
        if not self.n_calls and pixels.requires_grad:
            pixels.register_hook(self.passes.note_gradient)  # type: ignore[no-untyped-call]
        self.n_calls += 1
        self.passes.add(2 * len(pixels))
        return logits


class _Stopping(_Watched):
    """Keeps the first example of every image, and stops the library once continuing costs more than restarting."""

    def __init__(self, model: nn.Module, passes: Passes, labels: Tensor, n_calls: int) -> None:
        super().__init__(model, passes)
        self.labels, self.n_planned = labels, n_calls
        self.fooled = torch.zeros(len(labels), dtype=torch.bool, device=labels.device)
        self._examples: Tensor | None = None

    def forward(self, pixels: Tensor) -> Tensor:
        logits = super().forward(pixels)
        fresh = (logits.detach().argmax(dim=1) != self.labels) & ~self.fooled
        if self._examples is None:
            self._examples = pixels.detach().clone()
        self._examples[fresh] = pixels.detach()[fresh]
        self.fooled |= fresh
        n_left = len(self.fooled) - int(self.fooled.sum())
        continuing = (self.n_planned - self.n_calls) * len(self.fooled)
        if continuing and self.n_planned * n_left < _MOST_REMAINING * continuing:
            raise _Stop
        return logits

    def examples(self) -> Tensor:
        """Return the examples found, one per fooled image."""
        assert self._examples is not None
        return self._examples[self.fooled]


def _library(module: str) -> Any:
    import importlib

    try:
        return importlib.import_module(f"pyautoattack.{module}")
    except ImportError as error:
        advice = 'pip install "robustnas[evaluate]"'
        raise EvaluationError(f"APGD needs pyautoattack; {advice} ({error})") from None
