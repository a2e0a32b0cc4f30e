"""Training of networks by a recipe, one or several at once, with checkpoints.

A training is fixed by network, images, recipe and seed: on one device with one number of threads it ends with the same
weights, bit by bit, in any process, whether or not it was interrupted. No global random generator is used or changed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import nn

from robustnas.checks import whole_number
from robustnas.errors import InvalidInputError, RobustNASError
from robustnas.evaluator.device import autocast_dtype, deterministic_convolutions
from robustnas.evaluator.prediction import check_images
from robustnas.evaluator.training.augmentation import batch_sizes
from robustnas.evaluator.training.run_checkpoints import CHECKPOINT_SECONDS
from robustnas.evaluator.training.step_graphs import graphs_of
from robustnas.evaluator.training.steps import Steps
from robustnas.evaluator.training.training_config import TrainingConfig
from robustnas.evaluator.training.training_run import DeviceImages, TrainingRun
from robustnas.evaluator.training.training_task import TrainingProgress, TrainingResult, TrainingTask
from robustnas.spaces.nasbench201.network import sharing_relus

if TYPE_CHECKING:
    from robustnas.evaluator.images.images import LabelledImages


def train(
    network: nn.Module,
    images: LabelledImages,
    config: TrainingConfig,
    *,
    seed: int,
    device: torch.device,
    identity: Mapping[str, str] | None = None,
    checkpoint: Path | None = None,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
    progress: Callable[[TrainingProgress], None] | None = None,
    mixed_precision: bool | None = None,
    graphs: bool = True,
) -> TrainingResult:
    """Train a network in place; it ends on `device`, in channels_last layout and evaluation mode.

    Arguments are those of `TrainingTask` and `train_many`.

    Raises:
        InvalidInputError: Images that the network cannot take, or a bad seed.
        DataError: The checkpoint is of another training, or cannot be read or written.
        TrainingError: The loss or a weight is not finite.
        DeviceMemoryError: Too little memory for two images at once.
    """
    task = TrainingTask(network, seed, identity or {}, checkpoint, progress)
    (outcome,) = train_many(
        [task],
        images,
        config,
        device=device,
        checkpoint_seconds=checkpoint_seconds,
        mixed_precision=mixed_precision,
        graphs=graphs,
    )
    if isinstance(outcome, RobustNASError):
        raise outcome
    return outcome


def train_many(
    tasks: Sequence[TrainingTask],
    images: LabelledImages,
    config: TrainingConfig,
    *,
    device: torch.device,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
    mixed_precision: bool | None = None,
    graphs: bool = True,
) -> list[TrainingResult | RobustNASError]:
    """Train some networks at once, step by step, each in place; results are those of training one after the other.

    On a GPU steps are captured as CUDA graphs, those of all networks as branches of one: see
    `robustnas.evaluator.training.steps`. An error of its own ends the training of one network; the others go on.

    If memory runs out, batches are split and their gradients summed, which is the same step but for batch norm, whose
    statistics are then those of the parts; the attempt that failed counts in its running ones. A note says so.

    Args:
        tasks: The networks, each once.
        images: At least 2.
        config: The recipe.
        device: See `robustnas.evaluator.device.choose_device`.
        checkpoint_seconds: Seconds between checkpoints at least; each is written at the end of an epoch, and always at
            the end of the last.
        mixed_precision: See `robustnas.evaluator.device.autocast_dtype`. Weights are always float32.
        graphs: Whether steps are captured where they can be.

    Returns:
        For every task its result, or the error that ended it: as of `train`.

    Raises:
        InvalidInputError: Images that a network cannot take, a bad seed, or a network that is there twice.
    """
    if len({id(task.network) for task in tasks}) < len(tasks):
        raise InvalidInputError("a network is there twice; expected every network once")
    for task in tasks:
        whole_number("seed", task.seed, at_least=0)
        check_images(task.network, images, at_least=2)
    if not tasks:
        return []
    dtype, data = autocast_dtype(device, mixed_precision), DeviceImages.of(images, device)
    runs = [TrainingRun(task, data, config, device, dtype, checkpoint_seconds) for task in tasks]
    with deterministic_convolutions(), sharing_relus(*(run.network for run in runs)):
        for run in runs:
            run.n_at_once = len(runs)
            run.attempt(run.resume)
        steps = Steps(runs, graphs_of(device, dtype) if graphs else None)
        while not all(run.is_over for run in runs):
            _epoch([run for run in runs if not run.is_over], steps)
    return [run.outcome() for run in runs]


def _epoch(runs: Sequence[TrainingRun], steps: Steps) -> None:
    """Train some networks for one epoch."""
    for run in runs:
        run.n_at_once = len(runs)
        run.attempt(run.begin_epoch)
    for size in batch_sizes(runs[0].n_images, runs[0].config.batch_size):
        steps.take(size)
        for run in runs:
            run.attempt(run.report)
    for run in runs:
        run.attempt(run.end_epoch)
