"""Measures: how each kind of metric is measured on a trained network.

A measure is given a `MeasureTask` and yields a `Scored` for each missing metric that it knows; it ignores the others.
Adding one is a function and a line in `MEASURES`, and the metric's name in `robustnas.metric.PLAIN_METRICS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch

from robustnas.evaluator.attacks.robustness import attack_images
from robustnas.evaluator.corruptions.corruptions import corrupted
from robustnas.evaluator.evaluation_settings import EvaluationSettings
from robustnas.evaluator.images.images import ImageData, LabelledImages
from robustnas.evaluator.normalised import Normalised
from robustnas.evaluator.prediction import predict
from robustnas.evaluator.progress import Progress
from robustnas.evaluator.scores import Scores
from robustnas.measurements.selection import CORRUPTION_DIGEST
from robustnas.metric import ATTACKS, CORRUPTIONS, Metric


@dataclass(frozen=True, eq=False)
class MeasureTask:
    """A trained network, and what is to be measured on it.

    Attributes:
        model: The network, in evaluation mode on its device.
        images: The image data, its test images cut to those that are used.
        settings: The settings of everything.
        wanted: All metrics that are measured together: under the protocol nested, eps of one attack depend on each
            other.
        missing: Those whose numbers are asked for.
        device: Where to compute.
        batch_size: Images at a time.
        corruptions: A folder of published corrupted images.
        report: Called with progress.
        note: Called with what a reader of the numbers should know.
    """

    model: Normalised
    images: ImageData
    settings: EvaluationSettings
    wanted: Sequence[Metric]
    missing: frozenset[Metric]
    device: torch.device
    batch_size: int
    corruptions: Path | None
    report: Progress
    note: Callable[[str], None]

    def predicted(self, images: LabelledImages, stage: str = "predicting") -> Scores:
        """Return the network's scores on some images; reports progress under the name of a stage."""
        tick = self.ticks(stage, len(images))
        logits = predict(self.model, images, device=self.device, batch_size=self.batch_size, tick=tick)
        return Scores.of(logits, images.labels)

    def ticks(self, stage: str, planned: int) -> Callable[[int], None]:
        """Report the begin of a stage; return what to call with amounts of it that are done, `planned` in all."""
        done = 0

        def tick(n: int) -> None:
            nonlocal done
            done += n
            self.report(stage, min(done / planned, 1.0))

        self.report(stage, 0.0)
        return tick


@dataclass(frozen=True, eq=False)
class Scored:
    """What was measured of one metric.

    Attributes:
        metric: The metric.
        scores: Its scores.
        versions: Versions and origins to keep with the number, by name, besides those of the software.
    """

    metric: Metric
    scores: Scores
    versions: Mapping[str, str] = field(default_factory=dict)


Measure = Callable[[MeasureTask], Iterator[Scored]]


def clean(task: MeasureTask) -> Iterator[Scored]:
    """Measure the accuracy on the test images as they are."""
    if Metric("clean") in task.missing:
        yield Scored(Metric("clean"), task.predicted(task.images.test, "clean"))


def attacks(task: MeasureTask) -> Iterator[Scored]:
    """Measure accuracies under attack: under the protocol nested, of the smaller eps that are wanted as well."""
    for attack in ATTACKS:
        last = max((metric.level or 0 for metric in task.missing if metric.kind == attack), default=0)
        grid = [eps for eps in attack_grid(attack, task.wanted) if eps <= last]
        if task.settings.protocol == "paper":
            grid = [eps for eps in grid if Metric(attack, eps) in task.missing]
        if grid:
            yield from _attacked(task, attack, grid)


def corruptions(task: MeasureTask) -> Iterator[Scored]:
    """Measure accuracies on corrupted images."""
    for metric in sorted(metric for metric in task.missing if metric.kind in CORRUPTIONS):
        found = corrupted(
            task.images,
            metric.kind,
            int(metric.level or 0),
            folder=task.corruptions,
            seed=task.settings.seed,
            tick=task.ticks(f"images of {metric}", len(task.images.test)),
        )
        origin = {"corruptions": found.scale} | ({CORRUPTION_DIGEST: found.digest} if found.digest else {})
        yield Scored(metric, task.predicted(found.images, str(metric)), origin)


MEASURES: dict[str, Measure] = {"clean": clean, "attacks": attacks, "corruptions": corruptions}
"""Measures by name, in the order in which they are run."""


def attack_grid(attack: str, metrics: Sequence[Metric]) -> list[float]:
    """Return the eps of one attack among some metrics, ascending."""
    return sorted(metric.level or 0.0 for metric in metrics if metric.kind == attack)


def _attacked(task: MeasureTask, attack: str, grid: Sequence[float]) -> Iterator[Scored]:
    settings, images = task.settings, task.images.test
    planned = settings.attacks.passes(attack) * len(images) * len(grid)
    searched = settings.precision_of(Metric(attack, grid[0]))
    precision = {} if searched == "float32" else {"attack precision": searched}
    shown = f"{attack} at eps {', '.join(f'{eps:g}' for eps in grid)}"
    for result in attack_images(
        task.model,
        images,
        attack,
        grid,
        protocol=settings.protocol,
        precision=searched,
        settings=settings.attacks,
        seed=settings.seed,
        batch_size=task.batch_size,
        device=task.device,
        tick=task.ticks(shown, planned),
    ):
        for note in result.notes:
            task.note(f"{attack}@{result.eps:g}: {note}")
        yield Scored(Metric(attack, result.eps), result.scores, precision)
    task.report(shown, 1.0)
