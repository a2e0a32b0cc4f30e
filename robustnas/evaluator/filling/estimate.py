"""Estimates of how long measuring takes: passes of images through networks, times seconds per pass measured here."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from robustnas.arrays import FloatArray
from robustnas.errors import BuildError, EvaluationError
from robustnas.evaluator.attacks.robustness import attack_images
from robustnas.evaluator.attacks.settings import AttackSettings
from robustnas.evaluator.corruptions.corruptions import corrupted
from robustnas.evaluator.device import threads
from robustnas.evaluator.evaluation_settings import EvaluationSettings
from robustnas.evaluator.evaluator import Evaluator
from robustnas.evaluator.filling.gaps import GapReport
from robustnas.evaluator.images.images import LabelledImages
from robustnas.evaluator.normalised import Normalised
from robustnas.evaluator.prediction import predict
from robustnas.evaluator.training.throughput import time_steps
from robustnas.evaluator.training.training import train
from robustnas.metric import ATTACKS, CORRUPTIONS, Metric

_MOST_COUNTED = 60  # networks whose costs are counted, where the space does not say them
_LONG_ENOUGH = 0.15  # seconds
_FEWEST_IMAGES = 8
_STEPS = 4  # of PGD
_CORRUPTED_IMAGES = 4
_BYTES_PER_PARAMETER = 4


@dataclass(frozen=True)
class Speed:
    """Seconds that one image takes, as measured on one device; those of networks are linear in their FLOPs.

    Attributes:
        training: Of a step of training: fixed part, and part per FLOP.
        attack: Of a pass, forward or backward, of an attack: fixed part, and part per FLOP.
        corruption: Of making one corrupted image, the mean of those that are wanted.
    """

    training: tuple[float, float]
    attack: tuple[float, float]
    corruption: float = 0.0


@dataclass(frozen=True, eq=False)
class Estimate:
    """How long the missing numbers of a plan take, at most and about.

    Attributes:
        seconds: By row of the report's networks, shape (n_networks,); 0 where nothing is missing.
        weights_bytes: Bytes of the weights that are kept.
        n_workers: Worker processes that share the work.
    """

    seconds: FloatArray = field(repr=False)
    weights_bytes: int
    n_workers: int

    @property
    def total(self) -> float:
        """Seconds until all is measured: the workers share the work, and no network takes two of them."""
        return max(float(self.seconds.sum()) / self.n_workers, float(self.seconds.max(initial=0.0)))

    @property
    def per_network(self) -> tuple[float, float, float]:
        """The least, mean and largest seconds of a network that lacks something; zeros if none does."""
        some = self.seconds[self.seconds > 0]
        return (float(some.min()), float(some.mean()), float(some.max())) if len(some) else (0.0, 0.0, 0.0)


def estimate(report: GapReport, evaluator: Evaluator, speed: Speed, n_workers: int) -> Estimate:
    """Return how long the missing numbers take, if no network is trained yet and every attack needs all its steps.

    Args:
        report: What is missing.
        evaluator: What measures.
        speed: As `measure_speed` returns it.
        n_workers: Worker processes.
    """
    settings, data = evaluator.settings, evaluator.images
    n_test = min(len(data.test), settings.n_images or len(data.test))
    n_trained = settings.training.epochs * len(data.train)
    archs = report.gaps.architectures
    flops = approximate_costs("flops", archs, evaluator)
    seconds = np.zeros(len(archs))
    for missing, rows in report.patterns():
        n_passes = passes_per_image(settings, report.gaps.metrics, missing)
        n_corruptions = sum(metric.kind in CORRUPTIONS for metric in missing)
        training = n_trained * (speed.training[0] + speed.training[1] * flops[rows])
        attacking = n_passes * n_test * (speed.attack[0] + speed.attack[1] * flops[rows])
        seconds[rows] = training + attacking + n_corruptions * n_test * speed.corruption
    parameters = approximate_costs("params", archs, evaluator)[seconds > 0]
    return Estimate(seconds, _BYTES_PER_PARAMETER * int(parameters.sum()), n_workers)


def passes_per_image(settings: EvaluationSettings, wanted: Iterable[Metric], missing: Iterable[Metric]) -> int:
    """Return the passes per test image, forward and backward, that some missing numbers of a network take at most.

    Under the protocol nested, the smaller eps that are wanted are attacked too, even if they are known.

    >>> metrics = [Metric("clean"), Metric("fgsm", 1.0), Metric("fgsm", 2.0)]
    >>> settings = EvaluationSettings(protocol="nested")
    >>> passes_per_image(settings, metrics, metrics), passes_per_image(settings, metrics, metrics[2:])
    (7, 6)
    """
    lacking, total = set(missing), 0
    for attack in ATTACKS:
        levels = [metric.level or 0.0 for metric in lacking if metric.kind == attack]
        if settings.protocol == "nested":
            levels = [m.level or 0.0 for m in wanted if m.kind == attack and (m.level or 0) <= max(levels, default=0)]
        total += len(levels) * settings.attacks.passes(attack)
    return total + sum(metric.kind not in ATTACKS for metric in lacking)


def approximate_costs(name: str, archs: Sequence[Any], evaluator: Evaluator) -> FloatArray:
    """Return a cost of architectures, shape (n,): where it has to be counted on many networks, of most the mean.

    What cannot be built costs nothing: it is given up at once.
    """
    if evaluator.networks.says(name):
        return evaluator.networks.costs(name, archs).astype(float)
    step = max(1, -(-len(archs) // _MOST_COUNTED))
    counted: dict[int, float] = {}
    for row in range(0, len(archs), step):
        try:
            counted[row] = evaluator.networks.counted(name, archs[row])
        except EvaluationError:
            counted[row] = 0.0
    known = [cost for cost in counted.values() if cost]
    costs = np.full(len(archs), np.mean(known) if known else 0.0)
    costs[list(counted)] = list(counted.values())
    return costs


def measure_speed(evaluator: Evaluator, archs: Sequence[Any], metrics: Iterable[Metric], n_threads: int = 1) -> Speed:
    """Train and attack up to three networks of different FLOPs for a moment, about two seconds in all.

    Args:
        evaluator: What measures.
        archs: The architectures that lack something.
        metrics: What is missing: corruptions among them are tried on a few images.
        n_threads: Threads to compute with on the CPU.

    Raises:
        EvaluationError: The device has too little memory, or corruptions cannot be generated.
        DataError: Files of corruptions are damaged or incomplete.
    """
    sources = sorted({metric.kind for metric in metrics} & set(CORRUPTIONS))
    costs = approximate_costs("flops", archs, evaluator)
    flops, training, attack = list[float](), list[float](), list[float]()
    with threads(n_threads):
        for row in np.unique(np.argsort(costs, kind="stable")[[0, len(costs) // 2, -1]]).tolist():
            try:
                model = evaluator.networks.build(archs[row], 0).to(evaluator.device).eval()
            except BuildError:  # told when it is to be measured
                continue
            flops.append(float(costs[row]))
            attack.append(_seconds_per_pass(evaluator, model))
            training.append(_seconds_per_step(evaluator, model))
    return Speed(_line(flops, training), _line(flops, attack), _seconds_per_corruption(evaluator, sources))


def _seconds_per_step(evaluator: Evaluator, model: Normalised) -> float:
    images, config = evaluator.images.train, replace(evaluator.settings.training, epochs=1)
    if evaluator.device.type == "cuda":  # steps as they are later on: few images would be trained on by plain calls
        step = time_steps([model], images, config, device=evaluator.device).seconds
        return step / min(config.batch_size, len(images))

    def one_epoch(n: int) -> int:
        train(model, images.head(n), config, seed=0, device=evaluator.device)
        return n

    return _seconds_each(one_epoch, len(images))


def _seconds_per_pass(evaluator: Evaluator, model: Normalised) -> float:
    """Attack images labelled with the untrained network's predictions: only images that it gets right are attacked."""
    test, device, size = evaluator.images.test, evaluator.device, evaluator.batch_size
    most = test.head(min(size, evaluator.settings.n_images or size))
    labels = predict(model, most, device=device, batch_size=size).argmax(1).astype(np.int64)
    images = LabelledImages(most.images, labels)

    def one_attack(n: int) -> int:
        settings = AttackSettings(pgd_steps=_STEPS)
        found = attack_images(model, images.head(n), "pgd", [8.0], settings=settings, batch_size=size, device=device)
        return sum(result.n_passes for result in found)

    return _seconds_each(one_attack, len(images))


def _seconds_per_corruption(evaluator: Evaluator, sources: Sequence[str]) -> float:
    data = replace(evaluator.images, test=evaluator.images.test.head(_CORRUPTED_IMAGES))
    seconds = 0.0
    for source in sources:
        corrupted(data, source, 3, folder=evaluator.corruptions)  # the first call loads the library
        start = time.perf_counter()
        corrupted(data, source, 3, folder=evaluator.corruptions)
        seconds += time.perf_counter() - start
    return seconds / (len(data.test) * len(sources)) if sources else 0.0


def _seconds_each(work: Callable[[int], int], most: int) -> float:
    """Return the seconds per unit of work, on more and more images until it takes long enough to be timed.

    Args:
        work: Takes a number of images, and returns how many units it did with them.
        most: The largest number of images there is.
    """
    n = min(_FEWEST_IMAGES, most)
    work(min(2, n))  # memory, kernels and libraries are made ready
    while True:
        start = time.perf_counter()
        n_units = work(n)
        seconds = time.perf_counter() - start
        if seconds >= _LONG_ENOUGH or n == most:
            return seconds / max(n_units, 1)
        n = min(most, int(n * min(max(1.2 * _LONG_ENOUGH / seconds, 2.0), 8.0)))


def _line(x: Sequence[float], y: Sequence[float]) -> tuple[float, float]:
    """Return offset and slope of the straight line through some points, neither below 0."""
    if not x or np.ptp(x) == 0:
        return (float(np.mean(y)) if y else 0.0), 0.0
    slope = max(float(np.polyfit(x, y, 1)[0]), 0.0)
    offset = float(np.mean(y)) - slope * float(np.mean(x))
    if offset < 0:
        return 0.0, float(np.mean(y)) / float(np.mean(x))
    return offset, slope
