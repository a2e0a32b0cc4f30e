"""Measures of many cells: worker processes, and a file from which a stopped sweep resumes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from robustnas.checks import whole_number
from robustnas.evaluator.proxies.image_batch import ImageBatch
from robustnas.evaluator.proxies.registry import checked_names, needs_network
from robustnas.evaluator.proxies.score_file import open_scores
from robustnas.executors import ExecutorSpec, complete
from robustnas.spaces.nasbench201.cell import Cell
from robustnas.spaces.nasbench201.cost import Skeleton
from robustnas.workers import checked_workers

Scored: TypeAlias = tuple[Cell, dict[str, float]]
"""A cell and its scores."""


@dataclass(frozen=True)
class SweepSettings:
    """What a sweep measures, beside its cells.

    Args:
        batch: The images.
        names: Measures, as `robustnas.evaluator.proxies.registry.checked_names` takes them.
        channels: Width of the first stage.
        n_cells: Cells per stage.
        seed: Fixes weights and what measures draw.
        device: Where to compute.

    Raises:
        InvalidInputError: An unknown measure or device, or a number out of range.
    """

    batch: ImageBatch
    names: tuple[str, ...]
    channels: int = 16
    n_cells: int = 5
    seed: int = 0
    device: str = "cpu"

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", checked_names(self.names))
        for name, least in (("channels", 1), ("n_cells", 1), ("seed", 0)):
            whole_number(name, getattr(self, name), at_least=least)
        if needs_network(self.names):
            from robustnas.evaluator.device import choose_device

            choose_device(self.device)

    def scores(self, cell: Cell) -> Scored:
        """Compute the scores of a cell, with one thread: more gain little, and would change the last digits."""
        batch = self.batch
        if not needs_network(self.names):
            in_channels, side = batch.images.shape[1:3]
            skeleton = Skeleton(side, batch.n_classes, self.channels, self.n_cells, in_channels)
            counted = {"params": skeleton.parameters(cell), "flops": skeleton.flops(cell)}
            return cell, {name: float(counted[name]) for name in self.names}
        from robustnas.evaluator.device import threads
        from robustnas.evaluator.proxies.scores import proxy_scores

        with threads(1):
            scores = proxy_scores(
                cell,
                self.names,
                images=batch.images,
                labels=batch.labels,
                n_classes=batch.n_classes,
                channels=self.channels,
                n_cells=self.n_cells,
                seed=self.seed,
                device=self.device,
            )
        return cell, scores

    def summary(self) -> dict[str, Any]:
        """Return what scores depend on, as plain data; the device is left out, it changes the last digits only."""
        return {
            "format": 1,
            "measures": list(self.names),
            "images": self.batch.name,
            "image_shape": list(self.batch.images.shape[1:]),
            "batch_size": len(self.batch.images),
            "n_classes": self.batch.n_classes,
            "channels": self.channels,
            "n_cells": self.n_cells,
            "seed": self.seed,
            "batch_digest": self.batch.digest,
        }


def sweep(
    cells: Sequence[Cell],
    settings: SweepSettings,
    path: str | Path,
    *,
    workers: int | None = None,
    executor: ExecutorSpec | None = None,
) -> Iterator[tuple[int, Scored | None]]:
    """Compute the scores that a file lacks of some cells, and append them.

    Cells that the file has are not computed again, so that a stopped sweep resumes, and may grow by cells.

    Args:
        cells: What to measure; repetitions are left out.
        settings: How.
        path: A CSV to append to; its settings are kept beside it.
        workers: Workers; as many as the executor has by itself if None.
        executor: What runs the work; processes of this machine if None.

    Yields:
        How many of the cells the file has, and the newest one; first those found in the file, with None.

    Raises:
        InvalidInputError: A path that does not end in .csv, or a number of workers below 1.
        DataError: The file has other settings, is being written by another process, or cannot be written.
        WorkerDiedError: A worker process died.
    """
    spec = (executor or ExecutorSpec()).with_workers(checked_workers("workers", workers))
    path = Path(path)
    with open_scores(path, settings.names, settings.summary()) as file:
        distinct = list(dict.fromkeys(cells))
        missing = [cell for cell in distinct if cell not in file.done]
        n_done = len(distinct) - len(missing)
        # here, too: where workers are threads, each would set and reset what all have in common
        with _one_thread(settings):
            yield from complete(
                _scores,
                missing,
                settings,
                lambda scored: file.append(*scored),
                n_done=n_done,
                executor=spec,
                folder=path.parent,
            )


def _scores(settings: SweepSettings, cell: Cell) -> Scored:
    return settings.scores(cell)


def _one_thread(settings: SweepSettings) -> AbstractContextManager[None]:
    if not needs_network(settings.names):
        return nullcontext()
    from robustnas.evaluator.device import threads

    return threads(1)
