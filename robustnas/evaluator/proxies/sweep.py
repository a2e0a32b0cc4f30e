"""Measures of many networks: worker processes, and a file from which a stopped sweep resumes."""

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
from robustnas.spaces import DEFAULT_SPACE, open_space, recorded_name
from robustnas.tables.table import says_cost
from robustnas.workers import checked_workers

Scored: TypeAlias = tuple[Any, dict[str, float]]
"""An architecture and its scores."""


@dataclass(frozen=True)
class SweepSettings:
    """What a sweep measures, beside its architectures.

    Args:
        batch: The images, as networks of the space take them.
        names: Measures, as `robustnas.evaluator.proxies.registry.checked_names` takes them.
        channels: Width of the first stage.
        n_cells: Cells per stage.
        seed: Fixes weights and what measures draw.
        device: Where to compute.
        space: The search space, by name or reference.

    Raises:
        InvalidInputError: An unknown measure, device or space, or a number out of range.
    """

    batch: ImageBatch
    names: tuple[str, ...]
    channels: int = 16
    n_cells: int = 5
    seed: int = 0
    device: str = "cpu"
    space: str = DEFAULT_SPACE

    def __post_init__(self) -> None:
        object.__setattr__(self, "space", recorded_name(open_space(self.space)))
        object.__setattr__(self, "names", checked_names(self.names))
        for name, least in (("channels", 1), ("n_cells", 1), ("seed", 0)):
            whole_number(name, getattr(self, name), at_least=least)
        if self.needs_network:
            from robustnas.evaluator.device import choose_device

            choose_device(self.device)

    @property
    def needs_network(self) -> bool:
        """Whether networks are built: not for costs that the space says."""
        space = open_space(self.space)
        return needs_network(self.names) or not (
            space.is_enumerated and all(says_cost(space, name, self._skeleton) for name in self.names)
        )

    @property
    def _skeleton(self) -> Any:
        """The size of the networks in the space's own terms."""
        (in_channels, side, _), space = self.batch.images.shape[1:], open_space(self.space)
        sizes = {"channels": self.channels, "n_cells": self.n_cells} if space.sizes else {}
        return space.skeleton_on(side, self.batch.n_classes, in_channels, **sizes)

    def scores(self, architecture: Any) -> Scored:
        """Compute the scores of an architecture, with one thread: more gain little, and change the last digits."""
        batch, space = self.batch, open_space(self.space)
        if not self.needs_network:
            index, skeleton = space.index(architecture), self._skeleton
            return architecture, {name: float(space.cost_column(name, skeleton)[index]) for name in self.names}
        from robustnas.evaluator.device import threads
        from robustnas.evaluator.proxies.scores import proxy_scores

        with threads(1):
            scores = proxy_scores(
                architecture,
                self.names,
                images=batch.images,
                labels=batch.labels,
                n_classes=batch.n_classes,
                space=space,
                channels=self.channels,
                n_cells=self.n_cells,
                seed=self.seed,
                device=self.device,
            )
        return architecture, scores

    def summary(self) -> dict[str, Any]:
        """Return what scores depend on, as plain data; the device is left out, it changes the last digits only."""
        space = open_space(self.space)
        own: dict[str, Any] = {"channels": self.channels, "n_cells": self.n_cells} if space.sizes else {}
        if space.digests:
            own |= {"space": self.space, "space_digests": dict(space.digests)}
        return {
            "format": 1,
            "measures": list(self.names),
            "images": self.batch.name,
            "image_shape": list(self.batch.images.shape[1:]),
            "batch_size": len(self.batch.images),
            "n_classes": self.batch.n_classes,
            **own,
            "seed": self.seed,
            "batch_digest": self.batch.digest,
        }


def sweep(
    architectures: Sequence[Any],
    settings: SweepSettings,
    path: str | Path,
    *,
    workers: int | None = None,
    executor: ExecutorSpec | None = None,
) -> Iterator[tuple[int, Scored | None]]:
    """Compute the scores that a file lacks of some architectures, and append them.

    Those that the file has are not computed again, so that a stopped sweep resumes, and may grow.

    Args:
        architectures: What to measure; repetitions are left out.
        settings: How.
        path: A CSV to append to; its settings are kept beside it.
        workers: Workers; as many as the executor has by itself if None.
        executor: What runs the work; processes of this machine if None.

    Yields:
        How many of the architectures the file has, and the newest one; first those found in the file, with None.

    Raises:
        InvalidInputError: A path that does not end in .csv, or a number of workers below 1.
        DataError: The file has other settings, is being written by another process, or cannot be written.
        WorkerDiedError: A worker process died.
    """
    spec = (executor or ExecutorSpec()).with_workers(checked_workers("workers", workers))
    path = Path(path)
    with open_scores(path, settings.names, settings.summary(), settings.space) as file:
        distinct = list(dict.fromkeys(architectures))
        missing = [architecture for architecture in distinct if architecture not in file.done]
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


def _scores(settings: SweepSettings, architecture: Any) -> Scored:
    return settings.scores(architecture)


def _one_thread(settings: SweepSettings) -> AbstractContextManager[None]:
    if not settings.needs_network:
        return nullcontext()
    from robustnas.evaluator.device import threads

    return threads(1)
