"""Robust accuracy over a grid of eps, under one of two protocols (`robustnas.metric.PROTOCOLS`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from robustnas.arrays import AnyArray
from robustnas.checks import whole_number
from robustnas.errors import EvaluationError
from robustnas.evaluator.attacks.attacker import Attacker, Batch, Passes, Tick
from robustnas.evaluator.attacks.batches import Bucketed
from robustnas.evaluator.attacks.registry import create_attacker
from robustnas.evaluator.attacks.settings import AttackSettings, check_epsilons, check_precision
from robustnas.evaluator.device import exact_arithmetic
from robustnas.evaluator.folding import folded_form
from robustnas.evaluator.images.images import LabelledImages
from robustnas.evaluator.inference import inference_form
from robustnas.evaluator.memory import in_batches
from robustnas.evaluator.normalised import Normalised
from robustnas.evaluator.scores import Scores
from robustnas.metric import ATTACKS, check_protocol
from robustnas.spaces.nasbench201.network import CellNetwork

_POOL = 4  # batches that an attack on several eps holds at once: as images fall, others fill its passes
_ROUNDING = 1e-6  # of a pixel in [0, 1] in single precision, after additions and clipping
_CHECKED = 4  # images on which an inference form has to give the logits of its network


@dataclass(frozen=True, eq=False)
class AttackResult:
    """What one attack at one eps did to some images.

    Attributes:
        attack: Its name.
        eps: In units of 1/255.
        scores: Accuracy, confidence and confusion matrix on the adversarial images, by a fresh forward pass.
        adversarial: The images, shape (n, channels, h, w), float32 in [0, 1], within eps of the originals. An image
            that the network got wrong without any attack is the original; with the protocol nested, one that was
            fooled at a smaller eps is the example found there.
        predictions: Classes that the network gives them, shape (n,).
        n_attacked: Images that this attack worked on.
        n_passes: Forward and backward passes of single images.
        n_zero_gradient: Of the images attacked, those whose first gradient was zero everywhere: the gradient is masked
            (a saturated loss, for one), and the accuracy may be too good.
        notes: What a reader should know, in sentences.
    """

    attack: str
    eps: float
    scores: Scores
    adversarial: AnyArray
    predictions: AnyArray
    n_attacked: int
    n_passes: int
    n_zero_gradient: int
    notes: tuple[str, ...]


def attack_images(
    model: nn.Module,
    images: LabelledImages,
    attack: str,
    epsilons: Sequence[float],
    *,
    protocol: str = "paper",
    precision: str = "float32",
    settings: AttackSettings | None = None,
    seed: int = 0,
    batch_size: int = 256,
    device: torch.device | str | None = None,
    tick: Tick = lambda _: None,
) -> Iterator[AttackResult]:
    """Attack images at every eps, ascending, and yield each result as soon as it is computed.

    Only images that the network gets right are attacked, and robust accuracy counts those that it still gets right
    after the attack, among all images. The model is in evaluation mode meanwhile and restored afterwards; gradients of
    its parameters and global random generators are not touched.

    Args:
        model: Takes pixels in [0, 1], returns logits. A `Normalised` network is attacked in its faster inference form;
            what counts is a fresh forward pass of the model itself.
        images: The images, of any number.
        attack: A name of `robustnas.metric.ATTACKS`, such as ``pgd``.
        epsilons: In units of 1/255.
        protocol: ``paper`` or ``nested``.
        precision: What the attack computes in while it searches, of `PRECISIONS`. In others than float32, images that
            look fooled and in float32 are not, are attacked again in float32. Square and AutoAttack are in float32.
        settings: Steps and queries; the paper's by default.
        seed: Fixes the random starts, image by image.
        batch_size: Images at a time; halved when memory runs out.
        device: Where to compute; None for the model's own device.
        tick: Called with numbers of image passes just done.

    Raises:
        InvalidInputError: An unknown attack, protocol or precision, or an eps or batch size out of range.
        EvaluationError: Logits that are not finite, too little memory, or a missing library.
    """
    run = _Run(
        model,
        images,
        attack,
        create_attacker(attack, settings, whole_number("seed", seed, at_least=0)),
        check_epsilons(epsilons),
        check_protocol(protocol) == "nested",
        check_precision(precision),
        seed,
        whole_number("batch_size", batch_size, at_least=1),
        tick,
    )
    return _results(run, device)


@dataclass(frozen=True, eq=False)
class _Run:
    """What is attacked, and how."""

    model: nn.Module
    images: LabelledImages
    attack: str
    attacker: Attacker
    grid: tuple[float, ...]
    nested: bool
    precision: str
    seed: int
    batch_size: int
    tick: Tick


def _results(run: _Run, device: torch.device | str | None) -> Iterator[AttackResult]:
    with evaluating(run.model, device) as place:
        work = _Work(run, place)
        best = work.pixels.clone()  # examples found at smaller eps
        fooled = torch.zeros_like(work.correct)
        for levels in work.merged(run.grid):
            passes, notes = [Passes(run.tick) for _ in levels], list[str]()
            attacked = (work.correct & ~fooled).nonzero().flatten()
            found = work.perturb(attacked, levels, passes, notes)
            for eps, examples, counted in zip(levels, found, passes, strict=True):
                left = ~fooled[attacked]
                adversarial = best.clone()
                adversarial[attacked[left]] = examples[left]
                _check_inside(work.pixels, adversarial, eps)
                logits = work.logits(adversarial, notes)
                counted.add(len(run.images))
                if run.nested:
                    fooled = work.correct & (logits.argmax(dim=1) != work.labels)
                    best[fooled] = adversarial[fooled]
                yield _result(run, eps, adversarial, logits, int(left.sum()), counted, notes)
                notes = []


def _result(
    run: _Run, eps: float, adversarial: Tensor, logits: Tensor, n_attacked: int, passes: Passes, notes: list[str]
) -> AttackResult:
    n_zero = passes.n_zero_gradient
    if n_zero:
        notes.append(f"masked gradients: {n_zero} of {n_attacked} images have none at first")
    return AttackResult(
        attack=run.attack,
        eps=eps,
        scores=Scores.of(logits.cpu().numpy(), run.images.labels),
        adversarial=adversarial.contiguous().cpu().numpy(),
        predictions=logits.argmax(dim=1).cpu().numpy(),
        n_attacked=n_attacked,
        n_passes=passes.total,
        n_zero_gradient=n_zero,
        notes=tuple(notes),
    )


class _Work:
    """A model, images on its device, and each image's own noise."""

    def __init__(self, run: _Run, device: torch.device) -> None:
        self.run, self.model, self.batch_size = run, run.model, run.batch_size
        pixels = torch.from_numpy(run.images.pixels())
        self.noise = run.attacker.noise(len(pixels), tuple(pixels.shape[1:]), torch.Generator().manual_seed(run.seed))
        self.pixels = pixels.to(device).contiguous(memory_format=torch.channels_last)
        self.labels = torch.tensor(run.images.labels, device=device)
        self.correct = self.logits(self.pixels, []).argmax(dim=1) == self.labels
        self._exact = _search_form(run.model, "float32", self.pixels)

    def merged(self, grid: tuple[float, ...]) -> list[tuple[float, ...]]:
        """Return the eps of a grid in groups that are attacked at once: one each, or what fits into a pool."""
        each = max(1, _POOL * self.batch_size // max(1, int(self.correct.sum()))) if self.run.attacker.merges else 1
        return [grid[start : start + each] for start in range(0, len(grid), each)]

    def perturb(self, chosen: Tensor, levels: Sequence[float], passes: Sequence[Passes], notes: list[str]) -> Tensor:
        """Return the adversarial images of those chosen, shape (len(levels), len(chosen), channels, h, w)."""
        rows = chosen.repeat(len(levels))
        which = torch.arange(len(levels), device=chosen.device).repeat_interleave(len(chosen))
        precision = self.run.precision if ATTACKS[self.run.attack].low_precision else "float32"
        if precision == "float32":
            found = self._search(self._exact, precision, rows, which, levels, passes, notes)
        else:
            model = _search_form(self.model, precision, self.pixels)
            found = self._search(model, precision, rows, which, levels, passes, notes)
            fooled = self._fools(self._exact, "float32", found, rows)
            doubtful = self._fools(model, precision, found, rows) & ~fooled
            if self.run.nested:  # an attack that merges eps may have given up larger ones for what it believed
                doubtful = ~fooled & torch.isin(rows, rows[doubtful])
            again, more = doubtful.nonzero().flatten(), [Passes(self.run.tick) for _ in levels]
            found[again] = self._search(self._exact, "float32", rows[again], which[again], levels, more, notes)
            for counted, added in zip(passes, more, strict=True):
                counted.total += added.total
        return found.view(len(levels), len(chosen), *self.pixels.shape[1:])

    def _search(
        self,
        network: nn.Module,
        precision: str,
        rows: Tensor,
        which: Tensor,
        levels: Sequence[float],
        passes: Sequence[Passes],
        notes: list[str],
    ) -> Tensor:
        """Return adversarial images of some rows, each at an eps: its place among the levels, ascending."""
        attacker, result = self.run.attacker, self.pixels[rows]

        def run(start: int, stop: int) -> None:
            model, part = Bucketed(network, self.batch_size), rows[start:stop]
            there, counts = torch.unique_consecutive(which[start:stop], return_counts=True)
            kinds, parts = there.tolist(), torch.split(part, counts.tolist())
            batches = [self._batch(own, levels[k] / 255) for k, own in zip(kinds, parts, strict=True)]
            result[start:stop] = torch.cat(attacker.perturb_grid(model, batches, [passes[k] for k in kinds]))

        with exact_arithmetic(tf32=precision == "tf32"):
            pool = _POOL * self.batch_size if attacker.merges else self.batch_size
            self.batch_size = min(self.batch_size, in_batches(len(rows), pool, run, notes.append))
        return result

    def _fools(self, network: nn.Module, precision: str, images: Tensor, rows: Tensor) -> Tensor:
        """Return which images a network gets wrong in a precision, shape (n,)."""
        model = Bucketed(network, self.batch_size)
        with exact_arithmetic(tf32=precision == "tf32"), torch.no_grad():
            return model(images).argmax(dim=1) != self.labels[rows]  # type: ignore[no-any-return]

    def _batch(self, rows: Tensor, eps: float) -> Batch:
        noise = self.noise[rows.cpu()].to(rows.device)
        return Batch(self.pixels[rows], self.labels[rows], noise, eps, self.run.nested, rows)

    def logits(self, pixels: Tensor, notes: list[str]) -> Tensor:
        """Return the logits of the model itself, shape (n, n_classes)."""
        parts: list[Tensor] = []

        def run(start: int, stop: int) -> None:
            with torch.no_grad():
                parts.append(Bucketed(self.model, self.batch_size)(pixels[start:stop]))
            self.run.tick(0)  # these passes are not counted, but show that there is progress

        with exact_arithmetic():
            self.batch_size = in_batches(len(pixels), self.batch_size, run, notes.append)
        logits = torch.cat(parts)
        if not torch.isfinite(logits).all():
            raise EvaluationError(
                "the network's logits are not finite: its training diverged, or its weights are damaged"
            )
        return logits


@contextmanager
def evaluating(model: nn.Module, device: torch.device | str | None = None) -> Iterator[torch.device]:
    """Put a model into evaluation mode, its parameters without gradients, and restore both; yields the device."""
    tensors = [*model.parameters(), *model.buffers()]
    home = tensors[0].device if tensors else torch.device("cpu")
    place = torch.device(device) if device is not None else home
    modes = [(module, module.training) for module in model.modules()]
    wanted = [(parameter, parameter.requires_grad) for parameter in model.parameters()]
    try:
        model.to(place).eval()
        for parameter, _ in wanted:
            parameter.requires_grad_(False)
        yield place
    finally:
        for module, training in modes:
            module.training = training
        for parameter, requires_grad in wanted:
            parameter.requires_grad_(requires_grad)
        model.to(home)


def _search_form(model: nn.Module, precision: str, images: Tensor) -> nn.Module:
    """Return the network as attacks ask it, in a precision of `PRECISIONS` (TF32 is no matter of the network)."""
    low = precision == "bfloat16"
    if isinstance(model, Normalised):
        if isinstance(model.network, CellNetwork):
            return inference_form(model, torch.bfloat16 if low else torch.float32)
        with exact_arithmetic():
            model = folded_form(model, images[:_CHECKED])
    return _Autocast(model, images.device) if low else model


class _Autocast(nn.Module):
    """A model of any kind, its layers in bfloat16 where PyTorch thinks that right, its logits in float32."""

    def __init__(self, model: nn.Module, device: torch.device) -> None:
        super().__init__()
        self.model, self.device_type = model, device.type

    def forward(self, pixels: Tensor) -> Tensor:
        with torch.autocast(self.device_type, torch.bfloat16):
            logits: Tensor = self.model(pixels)
        return logits.float()


def _check_inside(pixels: Tensor, adversarial: Tensor, eps: float) -> None:
    """Check what an attack returned: a bug in a library must not become a number."""
    distance = float((adversarial - pixels).abs().max())
    inside = distance <= eps / 255 + _ROUNDING and float(adversarial.min()) >= 0 and float(adversarial.max()) <= 1
    if not inside:
        raise EvaluationError(
            f"the attack left its ball: a distance of {255 * distance:g}/255 at eps {eps:g}/255, values from "
            f"{float(adversarial.min()):g} to {float(adversarial.max()):g}; nothing is recorded"
        )
