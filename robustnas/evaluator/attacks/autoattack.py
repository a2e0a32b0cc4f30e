"""APGD-CE and AutoAttack (Croce and Hein 2020), by the reference implementation.

That is the authors' code, as the package pyautoattack. Its randomness is replaced by noise of each image's own:
published, a batch draws from the global generator, so that an image's result depends on the images beside it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from robustnas.errors import EvaluationError
from robustnas.evaluator.attacks.attacker import Attacker, Batch, Passes
from robustnas.evaluator.attacks.square import Square

_MOST_REMAINING = 0.8  # of the passes: restart with fewer images only if that saves a fifth
_MOST_TARGETS = 9
_FEWEST_CLASSES = 4  # of the targeted DLR loss


class APGD(Attacker):
    """APGD on the cross-entropy: PGD with momentum and step sizes that adapt to each image.

    An image counts as fooled at any iterate. With `Batch.early`, once few enough images are left, the batch is started
    again with those alone: as an image's path does not depend on the others, that changes no result.
    """

    def perturb(self, model: nn.Module, batch: Batch, passes: Passes) -> Tensor:
        """Return the images that fooled the network, and the random starts of the others."""
        return _apgd(model, batch, passes, self.settings.apgd_steps)


class AutoAttack(Attacker):
    """The standard ensemble: APGD-CE, APGD on the targeted DLR loss and targeted FAB with nine targets each, Square.

    An image that one attack fooled the network with is done. The targets are the most likely classes but the label.
    """

    def noise(self, n: int, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:  # noqa: ARG002 - has seeds
        """Return a seed for each image, from which its random starts are drawn when they are needed, shape (n, 1)."""
        return torch.randint(2**62, (n, 1), generator=generator)

    def perturb(self, model: nn.Module, batch: Batch, passes: Passes) -> Tensor:
        """Return the images that fooled the network, and those as they were that no attack succeeded on."""
        found, left = batch.pixels.clone(), torch.arange(len(batch.pixels), device=batch.pixels.device)
        with torch.no_grad():
            ranking = model(batch.pixels).sort(dim=1)[1]
        passes.add(len(batch.pixels))
        for attack in self._attacks(ranking.shape[1]):
            if not len(left):
                break
            mine = replace(
                batch,
                pixels=batch.pixels[left].contiguous(),
                labels=batch.labels[left],
                noise=batch.noise[left],
                rows=batch.rows[left] if len(batch.rows) else batch.rows,
            )
            examples = attack(model, mine, passes, ranking[left])
            with torch.no_grad():
                fooled = model(examples).argmax(dim=1) != mine.labels
            passes.add(len(left))
            found[left[fooled]] = examples[fooled]
            left = left[~fooled]
        return found

    def _attacks(self, n_classes: int) -> Iterator[Callable[[nn.Module, Batch, Passes, Tensor], Tensor]]:
        if n_classes < _FEWEST_CLASSES:
            raise EvaluationError(f"AutoAttack needs {_FEWEST_CLASSES} classes or more; there are {n_classes}")
        targets = range(min(_MOST_TARGETS, n_classes - 1))
        yield partial(self._apgd, 0)
        yield from (partial(self._apgd, 1 + target) for target in targets)
        yield from (partial(self._fab, 1 + target) for target in targets)
        yield self._square

    def _apgd(self, number: int, model: nn.Module, batch: Batch, passes: Passes, ranking: Tensor) -> Tensor:
        """Attack with APGD, on the cross-entropy as number 0, else with the class of this rank as target."""
        shape = tuple(batch.pixels.shape[1:])
        started = replace(batch, noise=drawn(batch.noise, shape, number).to(batch.pixels.device))
        targets = ranking[:, -1 - number] if number else None
        return _apgd(model, started, passes, self.settings.apgd_steps, targets)

    def _fab(self, number: int, model: nn.Module, batch: Batch, passes: Passes, _: Tensor) -> Tensor:
        """Attack with FAB, the class of this rank as target; it looks for the nearest example, in the ball or not."""
        watched = _Watched(model, passes, note=False)
        attack = _library("fab_pt").FABAttack_PT(watched, n_iter=self.settings.apgd_steps, eps=batch.eps)
        attack.target_class = 1 + number
        adversarial: Tensor = attack.attack_single_run(batch.pixels, batch.labels, is_targeted=True)
        inside = (adversarial - batch.pixels).abs().flatten(1).amax(dim=1) <= batch.eps
        return torch.where(inside.view(-1, 1, 1, 1), adversarial, batch.pixels)

    def _square(self, model: nn.Module, batch: Batch, passes: Passes, _: Tensor) -> Tensor:
        shape = tuple(batch.pixels.shape[1:])
        stripes = drawn(batch.noise, (shape[0], 1, shape[2]), 1 + _MOST_TARGETS).sign_().to(batch.pixels.device)
        return Square(self.settings, self.seed).perturb(model, replace(batch, noise=stripes), passes)


def drawn(seeds: Tensor, shape: tuple[int, ...], number: int) -> Tensor:
    """Return noise uniform in [-1, 1] for images by their seeds, shape (n, *shape); each attack has a number."""
    generators = (torch.Generator().manual_seed(seed + number) for seed in seeds.flatten().tolist())
    return torch.stack([2 * torch.rand(shape, generator=generator) - 1 for generator in generators])


def _apgd(model: nn.Module, batch: Batch, passes: Passes, n_steps: int, targets: Tensor | None = None) -> Tensor:
    """Attack images with APGD, on the cross-entropy or with a target for each image, from their noise."""
    pixels, labels, noise = batch.pixels, batch.labels, batch.noise
    start = (pixels + batch.eps * noise / noise.flatten(1).abs().amax(1).view(-1, 1, 1, 1)).clamp_(0, 1)
    note = targets is None
    if not batch.early:
        return _run_apgd(_Watched(model, passes, note=note), pixels, labels, batch.eps, start, n_steps, targets)
    result, rows = start.clone(), torch.arange(len(pixels), device=pixels.device)
    while len(rows):
        watched = _Stopping(model, passes, labels[rows], n_steps + 1, note=note and len(rows) == len(pixels))
        aimed = None if targets is None else targets[rows]
        try:
            _run_apgd(watched, pixels[rows], labels[rows], batch.eps, start[rows], n_steps, aimed)
            left = rows[:0]
        except _Stop:
            left = rows[~watched.fooled]
        result[rows[watched.fooled]] = watched.examples()
        rows = left
    return result


def _run_apgd(
    model: nn.Module, pixels: Tensor, labels: Tensor, eps: float, start: Tensor, n_steps: int, targets: Tensor | None
) -> Tensor:
    library, options = _library("autopgd_base"), {"n_iter": n_steps, "norm": "Linf", "eps": eps, "rho": 0.75}
    if targets is None:
        attack = library.APGDAttack(model, loss="ce", **options)
    else:
        attack = library.APGDAttack_targeted(model, logger=_SILENT, **options)
        attack.y_target = targets
    attack.init_hyperparam(pixels)
    with torch.random.fork_rng(devices=[]):  # it draws a start, which ours replaces
        _, _, _, adversarial = attack.attack_single_run(pixels, labels, x_init=start)
    result: Tensor = adversarial.detach()
    return result


_SILENT = logging.Logger("pyautoattack", logging.CRITICAL)
"""Takes the library's warnings of gradients that are zero, which are counted here."""


class _Stop(Exception):
    """Enough images are fooled."""


class _Watched(nn.Module):
    """A model that counts passes, and notes masked gradients if it shall."""

    def __init__(self, model: nn.Module, passes: Passes, *, note: bool) -> None:
        super().__init__()
        self.model, self.passes, self.note, self.n_calls = model, passes, note, 0

    def forward(self, pixels: Tensor) -> Tensor:
        logits: Tensor = self.model(pixels)
        if self.note and not self.n_calls:
            pixels.register_hook(self.passes.note_gradient)  # type: ignore[no-untyped-call]
        self.n_calls += 1
        self.passes.add((2 if logits.requires_grad else 1) * len(pixels))
        return logits


class _Stopping(_Watched):
    """Keeps the first example of every image, and stops the library once continuing costs more than restarting."""

    def __init__(self, model: nn.Module, passes: Passes, labels: Tensor, n_calls: int, *, note: bool) -> None:
        super().__init__(model, passes, note=note)
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
        raise EvaluationError(f"APGD and AutoAttack need pyautoattack; {advice} ({error})") from None
