"""APGD-CE (Croce and Hein 2020) and Square (Andriushchenko et al. 2020), by the reference implementation.

That is the authors' code, as the package pyautoattack. Their randomness is replaced by noise of each image's own:
published, a batch draws from the global generator, so that an image's result depends on the images beside it.
"""

from __future__ import annotations

from functools import cache
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


class Square(Attacker):
    """Square: random search with squares of pixels, by queries of the network alone.

    The library drops images that are fooled. As published, all images of a batch share one sequence of squares; here
    all batches do.
    """

    def noise(self, n: int, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
        """Return the signs of the vertical stripes that every image starts with, shape (n, channels, 1, width)."""
        channels, _, width = shape
        return (2 * torch.rand((n, channels, 1, width), generator=generator) - 1).sign_()

    def perturb(self, model: nn.Module, batch: Batch, passes: Passes) -> Tensor:
        """Return the images that fooled the network, and the best tries for the others."""
        attack = _square_class()(
            _Watched(model, passes, per_image=1),
            norm="Linf",
            n_queries=self.settings.square_queries,
            eps=batch.eps,
            p_init=0.8,
            n_restarts=1,
            loss="margin",
            resc_schedule=False,
            seed=self.seed,
        )
        attack.stripes = batch.noise
        attack.init_hyperparam(batch.pixels)
        _, adversarial = attack.attack_single_run(batch.pixels, batch.labels)
        result: Tensor = adversarial
        return result


class _Stop(Exception):
    """Enough images are fooled."""


class _Watched(nn.Module):
    """A model that counts passes and notes masked gradients."""

    def __init__(self, model: nn.Module, passes: Passes, per_image: int = 2) -> None:
        super().__init__()
        self.model = model
        self.passes, self.per_image, self.n_calls = passes, per_image, 0

    def forward(self, pixels: Tensor) -> Tensor:
        logits: Tensor = self.model(pixels)
        if not self.n_calls and pixels.requires_grad:
            pixels.register_hook(self.passes.note_gradient)  # type: ignore[no-untyped-call]
        self.n_calls += 1
        self.passes.add(self.per_image * len(pixels))
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
        raise EvaluationError(f"APGD and Square need pyautoattack; {advice} ({error})") from None


@cache
def _square_class() -> Any:
    """Return the library's class with its draws replaced: stripes of each image's own, squares of one generator."""

    class SquareAttack(_library("square").SquareAttack):  # type: ignore[misc]
        stripes: Tensor

        def __init__(self, *args: Any, **keywords: Any) -> None:
            super().__init__(*args, **keywords)
            self._generator = torch.Generator().manual_seed(self.seed)

        def random_choice(self, shape: list[int]) -> Tensor:
            if len(shape) == self.stripes.ndim:
                return self.stripes
            draw = 2 * torch.rand(shape, generator=self._generator) - 1
            return draw.sign().to(self.device)

        def random_int(self, low: int = 0, high: int = 1, shape: tuple[int, ...] = (1,)) -> Tensor:
            draw = torch.rand(tuple(shape), generator=self._generator)
            return (low + (high - low) * draw).long().to(self.device)

    return SquareAttack
