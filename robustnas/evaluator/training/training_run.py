"""One training: a network, its optimizer, and how far it is. All that a step needs stays on the device.

Images are shuffled and augmented there. The last batch of an epoch holds what is left over, as in the benchmark; one
image left over sits out the epoch, batch norm needs two.
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

from robustnas.errors import RobustNASError, TrainingError
from robustnas.evaluator.device import device_name
from robustnas.evaluator.memory import fits
from robustnas.evaluator.memory_size import DeviceMemoryError
from robustnas.evaluator.training.adversarial import objective_of
from robustnas.evaluator.training.augmentation import Draws, augment, pixels
from robustnas.evaluator.training.checkpoint import DamagedFileError, plain_state, restore
from robustnas.evaluator.training.epoch_buffers import EpochBuffers
from robustnas.evaluator.training.overfitting import OverfittingWatch, overfitting_note
from robustnas.evaluator.training.run_checkpoints import RunCheckpoints
from robustnas.evaluator.training.sgd import DeviceSGD, load_optimizer, optimizer_of
from robustnas.evaluator.training.training_config import TrainingConfig
from robustnas.evaluator.training.training_task import TrainingProgress, TrainingResult, TrainingTask

if TYPE_CHECKING:
    from robustnas.evaluator.images.images import LabelledImages

_PROGRESS_SECONDS = 1.0


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


@dataclass(frozen=True, eq=False)
class DeviceImages:
    """Images on a device, which all networks share.

    Attributes:
        images: Shape (n, channels, h, w), uint8 or float.
        labels: int64, shape (n,).
        n_classes: That a network needs at least.
    """

    images: Tensor
    labels: Tensor
    n_classes: int

    @classmethod
    def of(cls, images: LabelledImages, device: torch.device) -> DeviceImages:
        """Copy images to a device."""
        labels = torch.tensor(images.labels, device=device)
        return cls(torch.tensor(images.images, device=device), labels, int(labels.max()) + 1)


class TrainingRun:
    """One training, step by step.

    Args:
        task: What to train.
        data: The images.
        config: The recipe.
        device: Where.
        dtype: The type of mixed precision; None for float32.
        checkpoint_seconds: Seconds between checkpoints at least.

    Attributes:
        place: Steps of the present epoch that are done.
        n_at_once: Networks that are trained at once: each takes its share of the time.
        error: What ended it.
    """

    def __init__(
        self,
        task: TrainingTask,
        data: DeviceImages,
        config: TrainingConfig,
        device: torch.device,
        dtype: torch.dtype | None,
        checkpoint_seconds: float,
    ) -> None:
        self.network = task.network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.data, self.n_images = data, len(data.labels)
        self.objective = objective_of(config, dtype, data.n_classes)
        self.config, self.seed, self.device, self.progress = config, task.seed, device, task.progress
        self.watch = OverfittingWatch.of(config, data.images, data.labels)
        self.optimizer = optimizer_of(self.network.parameters(), config, device)
        self.scaler = torch.amp.GradScaler(device.type, enabled=dtype is torch.float16)
        self.buffers = EpochBuffers(self.n_images, config.batch_size, device)
        self.n_steps = self.buffers.n_steps
        self.history = _History(micro_batch=config.batch_size, device=device_name(device))
        precision = str(dtype or torch.float32).removeprefix("torch.")
        own = {"recipe": config.digest, "seed": str(task.seed), "precision": precision}
        self.checkpoints = RunCheckpoints(task.checkpoint, {**task.identity, **own}, checkpoint_seconds)
        self.place, self.n_resumed, self.n_at_once = 0, 0, 1
        self.error: RobustNASError | None = None
        self.began, self.reported = time.monotonic(), -math.inf

    @property
    def is_over(self) -> bool:
        """Whether it is complete, or failed."""
        return self.error is not None or len(self.history.losses) >= self.config.epochs

    def attempt(self, work: Callable[[], None]) -> None:
        """Do some work unless the training failed before; it fails by an error of ours."""
        if self.error is None:
            try:
                work()
            except RobustNASError as error:
                self.error = error

    def outcome(self) -> TrainingResult | RobustNASError:
        """Return the result, or the error that ended the training; the network keeps no gradients."""
        self.optimizer.zero_grad(set_to_none=True)  # they may be in the memory of a graph
        if self.error is not None:
            return self.error
        self.network.eval()
        done = self.history
        return TrainingResult(
            tuple(done.losses), tuple(done.accuracies), done.seconds, self.n_resumed, tuple(done.notes)
        )

    def resume(self) -> None:
        """Load the checkpoint if there is one."""
        try:
            state = self.checkpoints.load()
        except DamagedFileError as error:
            self.note(f"{error}; restarted")
        else:
            if state is not None:
                self._load(*state)
        self.n_resumed = len(self.history.losses)
        self.report(always=True)

    def begin_epoch(self) -> None:
        """Draw for the next epoch."""
        self.network.train()
        self.place, epoch = 0, len(self.history.losses)
        self.buffers.begin(
            Draws.of_epoch(self.n_images, self.config, self.seed, epoch),
            [self._scheduled(epoch, step) for step in range(self.n_steps)],
        )

    def end_epoch(self) -> None:
        """Record the epoch."""
        self._finish_epoch(len(self.history.losses), self.buffers.totals())
        self.place = 0
        if self.checkpoints.is_due(is_over=self.is_over):
            self.checkpoints.save(self._state())
        self.report(always=True)

    def step(self, size: int) -> None:
        """Take a step of `size` images: nothing in it depends on a number of the device, so that it can be captured."""
        self._gradients(size)
        self._update()

    def safe_step(self, size: int) -> None:
        """Take a step, in smaller parts if memory runs out."""

        def work() -> None:
            while not fits(lambda: self._gradients(size)):
                self._split(size)
            self._update()

        self.attempt(work)

    def note(self, text: str) -> None:
        """Note what a reader of the results should know."""
        self.history.notes.append(text)

    def report(self, *, always: bool = False) -> None:
        """Report progress, unless that was done a moment ago or is done at the end of the epoch."""
        now = self._tick()
        soon = self.place == self.n_steps or now - self.reported < _PROGRESS_SECONDS
        if self.progress is None or (soon and not always):
            return
        self.reported, done = now, self.history
        self.progress(
            TrainingProgress(
                len(done.losses),
                self.config.epochs,
                self.place,
                self.n_steps,
                tuple(done.losses),
                tuple(done.accuracies),
                done.seconds,
                tuple(done.notes),
            )
        )

    def _state(self) -> dict[str, Any]:
        """Return what a checkpoint holds."""
        self._tick()
        states = {"model": plain_state(self.network), "optimizer": self.optimizer.state_dict()}
        return {**states, "scaler": self.scaler.state_dict(), "history": asdict(self.history)}

    def _load(self, state: Mapping[str, Any], path: Path) -> None:
        """Restore the state that a checkpoint holds."""
        restore(self.network, state["model"], path)
        load_optimizer(self.optimizer, state["optimizer"])
        if state["scaler"]:
            self.scaler.load_state_dict(state["scaler"])
        here, self.history = self.history.device, _History(**state["history"])
        if here != self.history.device:
            self.note(f"begun on {self.history.device}, continued on {here} from epoch {len(self.history.losses) + 1}")
            self.history.device = here

    def _tick(self) -> float:
        """Add the time since the last call to the history's, its share of that; return the present time."""
        now = time.monotonic()
        self.history.seconds += (now - self.began) / self.n_at_once
        self.began = now
        return now

    def _scheduled(self, epoch: int, step: int) -> tuple[float, float]:
        """Return learning rate and momentum of a step."""
        at = (epoch, step, self.n_steps)
        return self.config.learning_rate_at(*at), self.config.momentum_at(*at)

    def _gradients(self, size: int) -> None:
        """Compute the gradients of the mean loss of the next batch, part by part."""
        batch = self.buffers.batch(size)
        images = pixels(augment(self.data.images[batch.order], batch, self.config))
        images = images.contiguous(memory_format=torch.channels_last)
        self.optimizer.zero_grad(set_to_none=True)
        n_parts = min(math.ceil(size / self.history.micro_batch), size // 2)
        split = [each.tensor_split(n_parts) for each in (images, self.data.labels[batch.order], batch.keys)]
        self.buffers.keep(torch.stack(list(map(self._backward, *split, [size] * n_parts))).sum(0))

    def _update(self) -> None:
        """Change the weights by the gradients."""
        if isinstance(self.optimizer, DeviceSGD):
            self.optimizer.rate, self.optimizer.momentum = self.buffers.scheduled()
        else:
            rate, momentum = self._scheduled(len(self.history.losses), self.place)
            for group in self.optimizer.param_groups:
                group["lr"], group["momentum"] = rate, momentum
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.buffers.step.add_(1)

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
        self.note(
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
                self.note(note)

    def _refuse(self, epoch: int, step: int, losses: Tensor) -> NoReturn:
        loss = losses[step].item()
        what = "a weight is not finite" if math.isfinite(loss) else f"the loss is {loss}"
        rate = self.config.learning_rate_at(epoch, step, self.n_steps)
        raise TrainingError(
            f"{what} after step {step + 1} of {self.n_steps} in epoch {epoch + 1} of {self.config.epochs}, at a "
            f"learning rate of {rate:.3g}; a lower learning_rate, some warmup or mixed_precision=False may help"
        )


def _all_finite(network: nn.Module) -> bool:
    tensors = [tensor for tensor in network.state_dict().values() if tensor.is_floating_point()]
    return bool(torch.stack([tensor.isfinite().all() for tensor in tensors]).all())
