"""How fast networks are trained at once, measured; and how many of them are best."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import nn

from robustnas.evaluator.device import autocast_dtype, deterministic_convolutions
from robustnas.evaluator.memory import fits
from robustnas.evaluator.training.step_graphs import graphs_of
from robustnas.evaluator.training.steps import WARM_UP, Steps
from robustnas.evaluator.training.training_config import TrainingConfig
from robustnas.evaluator.training.training_run import DeviceImages, TrainingRun
from robustnas.evaluator.training.training_task import TrainingTask
from robustnas.spaces.nasbench201.network import sharing_relus

if TYPE_CHECKING:
    from robustnas.evaluator.images.images import LabelledImages

_GAIN = 1.05  # of throughput, for which more networks at once are worth their memory
_TIMED = 8  # steps


@dataclass(frozen=True)
class StepTime:
    """How long a step of some networks at once took.

    Attributes:
        seconds: Of one step of all networks.
        notes: What the trainings noted, such as why steps could not be captured.
    """

    seconds: float
    notes: tuple[str, ...]


def time_steps(
    networks: Sequence[nn.Module],
    images: LabelledImages,
    config: TrainingConfig,
    *,
    device: torch.device,
    mixed_precision: bool | None = None,
    graphs: bool = True,
    n_steps: int = _TIMED,
) -> StepTime:
    """Time the steps of some networks at once, on whole batches, after the steps that make them ready.

    The networks are trained by it. Arguments are those of `robustnas.evaluator.training.training.train_many`.

    Raises:
        RobustNASError: As of `robustnas.evaluator.training.training.train`.
    """
    dtype, data = autocast_dtype(device, mixed_precision), DeviceImages.of(images, device)
    runs = [TrainingRun(TrainingTask(network, 0), data, config, device, dtype, 0.0) for network in networks]
    steps = Steps(runs, graphs_of(device, dtype) if graphs else None)
    size = min(config.batch_size, len(images))

    n_whole, n_taken = len(images) // size, 0

    def take(n: int) -> float:
        nonlocal n_taken
        start = time.perf_counter()
        for _ in range(n):
            if n_taken % n_whole == 0:
                for run in runs:
                    run.attempt(run.begin_epoch)
            steps.take(size)
            n_taken += 1
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return time.perf_counter() - start

    with deterministic_convolutions(), sharing_relus(*networks):
        take(WARM_UP + 1)
        seconds = take(n_steps) / n_steps
    for run in runs:
        if run.error is not None:
            raise run.error
    return StepTime(seconds, tuple(dict.fromkeys(note for run in runs for note in run.history.notes)))


def networks_at_once(
    build: Callable[[], nn.Module],
    images: LabelledImages,
    config: TrainingConfig,
    *,
    device: torch.device,
    most: int,
) -> int:
    """Return how many networks are best trained at once, by a few steps of 1, 2, 4 and so on of them.

    Args:
        build: Returns a new network of the most costly kind.
        images: The images.
        config: The recipe.
        device: Where; without graphs, on a CPU, one is best.
        most: The largest answer.
    """
    if graphs_of(device, autocast_dtype(device, None)) is None:
        return 1

    def each(n: int) -> float:
        return time_steps([build() for _ in range(n)], images, config, device=device).seconds / n

    return best_number(each, most)


def best_number(seconds_each: Callable[[int], float], most: int) -> int:
    """Return the number at once, a power of two, after which twice as many are not faster or do not fit.

    Args:
        seconds_each: Of one of so many at once.
        most: The largest answer.

    >>> best_number({1: 11.3, 2: 9.0, 4: 7.7, 8: 7.4}.__getitem__, 8)
    4
    """
    best, seconds = 1, seconds_each(1)
    while 2 * best <= most:
        twice = _if_it_fits(seconds_each, 2 * best)
        if twice is None or twice * _GAIN > seconds:
            break
        best, seconds = 2 * best, twice
    return best


def _if_it_fits(seconds_each: Callable[[int], float], n: int) -> float | None:
    found: list[float] = []
    return found[0] if fits(lambda: found.append(seconds_each(n))) else None
