"""Training of a network by a recipe, with checkpoints.

A training is fixed by network, images, recipe and seed: on one device with one number of threads it ends with the same
weights, bit by bit, in any process, whether or not it was interrupted. No global random generator is used or changed.

Images stay on the device, and are shuffled and augmented there. The last batch of an epoch holds what is left over, as
in the benchmark; one image left over sits out the epoch, batch norm needs two.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import torch
from torch import Tensor, nn

from robustnas.checks import whole_number
from robustnas.errors import TrainingError
from robustnas.evaluator.device import autocast_dtype, deterministic_convolutions, device_name
from robustnas.evaluator.memory import fits
from robustnas.evaluator.memory_size import DeviceMemoryError
from robustnas.evaluator.prediction import check_images
from robustnas.evaluator.training.adversarial import objective_of
from robustnas.evaluator.training.augmentation import Draws, augment, n_batches, pixels
from robustnas.evaluator.training.checkpoint import (
    DamagedFileError,
    load_checkpoint,
    plain_state,
    restore,
    save_checkpoint,
)
from robustnas.evaluator.training.overfitting import OverfittingWatch, overfitting_note
from robustnas.evaluator.training.training_config import TrainingConfig

if TYPE_CHECKING:
    from robustnas.evaluator.images.images import LabelledImages

_CHECKPOINT_SECONDS = 5.0
_PROGRESS_SECONDS = 1.0


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


def train(
    network: nn.Module,
    images: LabelledImages,
    config: TrainingConfig,
    *,
    seed: int,
    device: torch.device,
    identity: Mapping[str, str] | None = None,
    checkpoint: Path | None = None,
    checkpoint_seconds: float = _CHECKPOINT_SECONDS,
    progress: Callable[[TrainingProgress], None] | None = None,
    mixed_precision: bool | None = None,
) -> TrainingResult:
    """Train a network in place; it ends on `device`, in channels_last layout and evaluation mode.

    If memory runs out, batches are split and their gradients summed, which is the same step but for batch norm, whose
    statistics are then those of the parts; the attempt that failed counts in its running ones. A note says so.

    Args:
        network: Takes float32 pixels in [0, 1], shape (n, channels, h, w), and returns logits, shape (n, n_classes).
        images: At least 2.
        config: The recipe.
        seed: Fixes the order of images and their augmentation, not the initial weights, which the network brings.
        device: See `robustnas.evaluator.device.choose_device`.
        identity: What a checkpoint is of besides recipe, seed and precision: the architecture, a digest of the images.
        checkpoint: File to write checkpoints to, and to resume from if it exists; a damaged one is replaced, with a
            note. It is kept when the training is over.
        checkpoint_seconds: Seconds between checkpoints at least; each is written at the end of an epoch, and always at
            the end of the last.
        progress: Called from time to time; an exception that it raises ends the training, the last checkpoint stays.
        mixed_precision: See `robustnas.evaluator.device.autocast_dtype`. Weights are always float32.

    Raises:
        InvalidInputError: Images that the network cannot take, or a bad seed.
        DataError: The checkpoint is of another training, or cannot be read or written.
        TrainingError: The loss or a weight is not finite.
        DeviceMemoryError: Too little memory for two images at once.
    """
    whole_number("seed", seed, at_least=0)
    check_images(network, images, at_least=2)
    run = _Run(network, images, config, seed, device, autocast_dtype(device, mixed_precision), progress)
    checkpoints = _Checkpoints(run, checkpoint, dict(identity or {}), checkpoint_seconds)
    with deterministic_convolutions():
        n_resumed = checkpoints.resume()
        run.report(step=0)
        while len(run.history.losses) < config.epochs:
            run.epoch()
            checkpoints.save_if_due()
            run.report(step=0)
    network.eval()
    done = run.history
    return TrainingResult(tuple(done.losses), tuple(done.accuracies), done.seconds, n_resumed, tuple(done.notes))


@dataclass
class _History:
    """What a checkpoint holds besides the states of network and optimizer."""

    losses: list[float] = field(default_factory=list)
    accuracies: list[float] = field(default_factory=list)
    seconds: float = 0.0
    notes: list[str] = field(default_factory=list)
    micro_batch: int = 0  # most images that go through the network at once
    device: str = ""
    watched: list[Sequence[float]] = field(default_factory=list)  # accuracies of `OverfittingWatch`, after every epoch


class _Run:
    """One training: the network, its optimizer, the images on the device, and how far it is."""

    def __init__(
        self,
        network: nn.Module,
        images: LabelledImages,
        config: TrainingConfig,
        seed: int,
        device: torch.device,
        dtype: torch.dtype | None,
        progress: Callable[[TrainingProgress], None] | None,
    ) -> None:
        self.network = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.images = torch.tensor(images.images, device=device)
        self.labels = torch.tensor(images.labels, device=device)
        self.objective = objective_of(config, dtype, int(self.labels.max()) + 1)
        self.config, self.seed, self.device, self.dtype, self.progress = config, seed, device, dtype, progress
        self.watch = OverfittingWatch.of(config, self.images, self.labels)
        self.optimizer = torch.optim.SGD(
            network.parameters(), config.learning_rate, config.momentum, 0, config.weight_decay, config.nesterov
        )
        self.scaler = torch.amp.GradScaler(device.type, enabled=dtype is torch.float16)
        self.n_steps = n_batches(len(self.labels), config.batch_size)
        self.history = _History(micro_batch=config.batch_size, device=device_name(device))
        self.began, self.reported = time.monotonic(), -math.inf

    def epoch(self) -> None:
        """Train for one epoch."""
        self.network.train()
        epoch = len(self.history.losses)
        draws = Draws.of_epoch(len(self.labels), self.config, self.seed, epoch).to(self.device)
        totals = []
        for step, batch in enumerate(draws.batches(self.config.batch_size)):
            for group in self.optimizer.param_groups:
                group["lr"] = self.config.learning_rate_at(epoch, step, self.n_steps)
                group["momentum"] = self.config.momentum_at(epoch, step, self.n_steps)
            totals.append(self._step(batch))
            if step + 1 < self.n_steps:
                self.report(step + 1)
        self._finish_epoch(epoch, torch.stack(totals).double().cpu())

    def report(self, step: int) -> None:
        """Report progress; within an epoch only if that was not done for a while."""
        now = self._tick()
        if self.progress is None or (step and now - self.reported < _PROGRESS_SECONDS):
            return
        self.reported, done = now, self.history
        self.progress(
            TrainingProgress(
                len(done.losses),
                self.config.epochs,
                step,
                self.n_steps,
                tuple(done.losses),
                tuple(done.accuracies),
                done.seconds,
                tuple(done.notes),
            )
        )

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint holds."""
        self._tick()
        states = {"model": plain_state(self.network), "optimizer": self.optimizer.state_dict()}
        return {**states, "scaler": self.scaler.state_dict(), "history": asdict(self.history)}

    def load(self, state: Mapping[str, Any], path: Path) -> None:
        """Restore the state that a checkpoint holds."""
        restore(self.network, state["model"], path)
        self.optimizer.load_state_dict(state["optimizer"])
        if state["scaler"]:
            self.scaler.load_state_dict(state["scaler"])
        here, self.history = self.history.device, _History(**state["history"])
        if here != self.history.device:
            self.history.notes.append(
                f"begun on {self.history.device}, continued on {here} from epoch {len(self.history.losses) + 1}"
            )
            self.history.device = here

    def _tick(self) -> float:
        """Add the time since the last call to the history's; return the present time."""
        now = time.monotonic()
        self.history.seconds, self.began = self.history.seconds + now - self.began, now
        return now

    def _step(self, batch: Draws) -> Tensor:
        """Take one step; return the batch's summed loss, correct and number of images, shape (3,)."""
        images = pixels(augment(self.images[batch.order], batch, self.config))
        images = images.contiguous(memory_format=torch.channels_last)
        labels = self.labels[batch.order]
        while (total := self._gradients(images, labels, batch.keys)) is None:
            self._split(len(labels))
        self.scaler.step(self.optimizer)
        self.scaler.update()
        return total

    def _gradients(self, images: Tensor, labels: Tensor, keys: Tensor) -> Tensor | None:
        """Compute the gradients of the mean loss, part by part; None if memory ran out."""
        self.optimizer.zero_grad(set_to_none=True)
        n = len(labels)
        n_parts = min(math.ceil(n / self.history.micro_batch), n // 2)
        split = [of_images.tensor_split(n_parts) for of_images in (images, labels, keys)]
        totals: list[Tensor] = []
        if not fits(lambda: totals.extend(map(self._backward, *split, [n] * n_parts))):
            return None
        return torch.stack(totals).sum(0)

    def _backward(self, images: Tensor, labels: Tensor, keys: Tensor, n: int) -> Tensor:
        loss, logits = self.objective(self.network, images, labels, keys)
        self.scaler.scale(loss / n).backward()  # type: ignore[no-untyped-call]
        correct = (logits.detach().argmax(1) == labels).sum()
        return torch.stack([loss.detach(), correct, torch.full_like(correct, len(labels))])

    def _split(self, n: int) -> None:
        """Halve the images that go through the network at once."""
        former = min(self.history.micro_batch, n)
        if former <= 3:
            raise DeviceMemoryError(f"out of memory on {device_name(self.device)} with {former} images at once")
        self.history.micro_batch = (former + 1) // 2
        self.history.notes.append(
            f"out of memory with {former} images at once: continued with {self.history.micro_batch} and gradients "
            f"summed to batches of {self.config.batch_size}; batch norm saw {self.history.micro_batch} at a time"
        )

    def _finish_epoch(self, epoch: int, totals: Tensor) -> None:
        """Record an epoch from its steps' totals, shape (n_steps, 3), unless a loss or weight is not finite."""
        losses = totals[:, 0] / totals[:, 2]
        bad = (~losses.isfinite()).nonzero().flatten().tolist()
        if bad or not _all_finite(self.network):
            self._refuse(epoch, bad[0] if bad else self.n_steps - 1, losses)
        n_images = totals[:, 2].sum()
        self.history.losses.append(float(totals[:, 0].sum() / n_images))
        self.history.accuracies.append(float(totals[:, 1].sum() / n_images))
        if self.watch:
            self.history.watched.append(self.watch.accuracies(self.network))
            if note := overfitting_note(self.history.watched):
                self.history.notes.append(note)

    def _refuse(self, epoch: int, step: int, losses: Tensor) -> NoReturn:
        loss = losses[step].item()
        what = "a weight is not finite" if math.isfinite(loss) else f"the loss is {loss}"
        rate = self.config.learning_rate_at(epoch, step, self.n_steps)
        raise TrainingError(
            f"{what} after step {step + 1} of {self.n_steps} in epoch {epoch + 1} of {self.config.epochs}, at a "
            f"learning rate of {rate:.3g}; a lower learning_rate, some warmup or mixed_precision=False may help"
        )


class _Checkpoints:
    """Writes the checkpoints of a run, and resumes it from one."""

    def __init__(self, run: _Run, path: Path | None, identity: dict[str, str], seconds: float) -> None:
        precision = str(run.dtype or torch.float32).removeprefix("torch.")
        own = {"recipe": run.config.digest, "seed": str(run.seed), "precision": precision}
        self.run, self.path, self.identity, self.seconds = run, path, {**identity, **own}, seconds
        self.saved = time.monotonic()

    def resume(self) -> int:
        """Load the checkpoint if there is one; return its epochs."""
        if self.path is None:
            return 0
        try:
            state = load_checkpoint(self.path, self.identity)
        except DamagedFileError as error:
            self.run.history.notes.append(f"{error}; restarted")
            return 0
        if state is not None:
            self.run.load(state, self.path)
        return len(self.run.history.losses)

    def save_if_due(self) -> None:
        """Write a checkpoint if the training is over, or the last one is old enough."""
        now, over = time.monotonic(), len(self.run.history.losses) == self.run.config.epochs
        if self.path is not None and (over or now - self.saved >= self.seconds):
            save_checkpoint(self.path, self.identity, self.run.state())
            self.saved = time.monotonic()


def _all_finite(network: nn.Module) -> bool:
    tensors = [tensor for tensor in network.state_dict().values() if tensor.is_floating_point()]
    return bool(torch.stack([tensor.isfinite().all() for tensor in tensors]).all())
