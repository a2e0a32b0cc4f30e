"""The parts of benchmarks/gpu.py: each yields its figures as soon as it has them."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from robustnas.errors import RobustNASError
from robustnas.evaluator.attacks.robustness import attack_images
from robustnas.evaluator.attacks.settings import PRECISIONS, AttackSettings
from robustnas.evaluator.device import choose_device, exact_arithmetic
from robustnas.evaluator.images.image_files import open_images
from robustnas.evaluator.images.images import LabelledImages
from robustnas.evaluator.inference import InferenceNetwork, inference_form
from robustnas.evaluator.normalised import Normalised
from robustnas.evaluator.prediction import accuracy, predict
from robustnas.evaluator.training.throughput import time_steps
from robustnas.evaluator.training.training import train
from robustnas.evaluator.training.training_config import BENCHMARK_RECIPE, TrainingConfig
from robustnas.metric import CORRUPTIONS, PAPER_ATTACKS
from robustnas.spaces.nasbench201.cell import Cell
from robustnas.spaces.nasbench201.cost import Skeleton, all_flops
from robustnas.spaces.nasbench201.identity import network_indices
from robustnas.spaces.nasbench201.network import build

ROOT = Path(__file__).resolve().parent.parent
ARCH = "|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_1x1~2|"
"""Three 3x3 convolutions and one 1x1: the network that docs/evaluator.md has figures of."""

_HOUR = 3600
_FEW_TO_MANY = (Cell((1, 1, 1, 1, 1, 1)), Cell((2, 4, 2, 1, 3, 2)), Cell((3, 3, 3, 3, 3, 3)))  # FLOPs


@dataclass(frozen=True)
class Row:
    """One figure.

    Attributes:
        what: What was measured.
        value: The figure, or a word.
        unit: Its unit.
        note: What a reader should know.
    """

    what: str
    value: float | str
    unit: str = ""
    note: str = ""


@dataclass(frozen=True)
class Part:
    """Some figures that belong together.

    Attributes:
        run: Yields them.
        limit: Seconds that it may take.
        what: What it measures.
    """

    run: Callable[[Subject], Iterator[Row]]
    limit: float
    what: str


class Subject:
    """What is measured: the benchmark's network and recipe on images of CIFAR's size, or toys.

    Args:
        device_name: As `robustnas.evaluator.device.choose_device` takes it.
        small: Whether toys do.

    Attributes:
        config: The recipe.
        skeleton: The size of the networks.
        n_images: Images of an epoch.
        batches: Images that attacks work on at once.
        numbers: Of networks that are trained at once.

    Raises:
        InvalidInputError: There is no such device.
    """

    def __init__(self, device_name: str, *, small: bool) -> None:
        self.device_name, self.small = device_name, small
        self.device = choose_device(device_name)
        self.config = replace(BENCHMARK_RECIPE, batch_size=16) if small else BENCHMARK_RECIPE
        self.skeleton = Skeleton(8, 10, channels=2, n_cells=1) if small else Skeleton()
        self.n_images = 48 if small else 50_000
        self.batches = (16,) if small else (1024, 4096)
        self.numbers = (1, 2) if small else (1, 4, 8, 16)

    def network(self, cell: Cell | str = ARCH, seed: int = 0) -> Normalised:
        """Return a network on the device, not trained."""
        size = self.skeleton
        network = build(cell, size.n_classes, size.channels, size.n_cells, size.in_channels, seed=seed)
        return Normalised(network, (0.49, 0.48, 0.45), (0.25, 0.24, 0.26)).to(self.device)

    @cached_property
    def images(self) -> LabelledImages:
        """Random images."""
        rng, side = np.random.default_rng(0), self.skeleton.image_size
        pixels = rng.integers(0, 256, (self.n_images, 3, side, side), dtype=np.uint8)
        return LabelledImages(pixels, rng.integers(0, 10, self.n_images))

    def batch(self, n: int) -> Tensor:
        """Return random images on the device."""
        pixels = torch.tensor(self.images.images[:n], device=self.device).float() / 255
        return pixels.contiguous(memory_format=torch.channels_last)

    def seconds(self, work: Callable[[], object], n: int = 10, ready: int = 2) -> float:
        """Return the seconds of some work, the mean of `n` times after `ready` times that are not counted."""
        n = 1 if self.small else n
        for _ in range(ready):
            work()
        self.wait()
        start = time.perf_counter()
        for _ in range(n):
            work()
        self.wait()
        return (time.perf_counter() - start) / n

    def passes(self, form: InferenceNetwork, x: Tensor, n: int = 10) -> tuple[float, float]:
        """Return the seconds of one image forward, and forward with the gradient of the image; `n` as of `seconds`."""
        labels = torch.zeros(len(x), dtype=torch.int64, device=self.device)
        forward = self.seconds(lambda: _forward(form, x), n)
        return forward / len(x), self.seconds(lambda: _gradient(form, x, labels), n) / len(x)

    def wait(self) -> None:
        """Wait for the device."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def step(self, n: int, *, graphs: bool = True, mixed: bool | None = None, cell: Cell | str = ARCH) -> Row:
        """Return the milliseconds of a step of `n` networks at once, for each of them."""
        networks = [self.network(cell, seed) for seed in range(n)]
        n_steps = 2 if self.small else 20
        found = time_steps(
            networks,
            self.images,
            self.config,
            device=self.device,
            mixed_precision=mixed,
            graphs=graphs,
            n_steps=n_steps,
        )
        return Row("", 1000 * found.seconds / n, "ms", "; ".join(found.notes))


def gpu_tests(subject: Subject) -> Iterator[Row]:
    """Run the tests that need a card."""
    places = ["tests/robustnas/evaluator/test_gpu.py"] if subject.small else ["tests/robustnas/evaluator"]
    plain = ["-q", "-m", "gpu", "-o", "addopts=", "-p", "no:cacheprovider", "--no-header"]
    command = [sys.executable, "-m", "pytest", *plain, *places]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    last = (done.stdout.strip().splitlines() or done.stderr.strip().splitlines() or ["no output"])[-1]
    counts = {word: int(n) for n, word in re.findall(r"(\d+) (passed|failed|skipped|error)", last)}
    yield Row("passed", counts.get("passed", 0), "tests")
    yield Row("skipped", counts.get("skipped", 0), "tests", "no card here" if subject.device.type == "cpu" else "")
    if done.returncode != 0:
        failed = re.findall(r"^(?:FAILED|ERROR) (\S+)", done.stdout, re.MULTILINE)
        raise RuntimeError(f"{last}: {', '.join(failed)}")


def training(subject: Subject) -> Iterator[Row]:
    """Time the training of one network: plain calls and graphs, half precision and float32; compare their weights."""
    n_steps = len(subject.images) / subject.config.batch_size
    for name, mixed in (("half precision", None), ("float32 or TF32", False)):
        for how, graphs in (("plain", False), ("graph", True)):
            row = replace(subject.step(1, graphs=graphs, mixed=mixed), what=f"step, {name}, {how}")
            yield row
            yield Row(f"epoch, {name}, {how}", float(row.value) * n_steps / 1000, "s")
    yield from _graphs_equal_plain_calls(subject)


def _graphs_equal_plain_calls(subject: Subject) -> Iterator[Row]:
    weights, notes = [], []
    images = subject.images.head(min(8 * subject.config.batch_size, len(subject.images)))
    for graphs in (False, True):
        model = subject.network()
        config = replace(subject.config, epochs=2)
        result = train(model, images, config, seed=0, device=subject.device, graphs=graphs)
        weights.append(torch.cat([parameter.detach().flatten() for parameter in model.parameters()]))
        notes += result.notes
    difference = float((weights[0] - weights[1]).abs().max())
    yield Row("largest difference of weights, graph to plain", difference, "", "; ".join(notes) or "0 is bit by bit")


def at_once(subject: Subject) -> Iterator[Row]:
    """Time trainings of several networks at once."""
    n_steps = len(subject.images) / subject.config.batch_size
    for n in subject.numbers:
        row = replace(subject.step(n), what=f"{n} at once, step of each")
        seconds = float(row.value) * n_steps / 1000
        yield row
        yield Row(f"{n} at once, epoch of each", seconds, "s")
        yield Row(f"{n} at once, networks per hour", _HOUR / (seconds * subject.config.epochs), "", "200 epochs each")


def gradients(subject: Subject) -> Iterator[Row]:
    """Time passes of the inference form: forward, and with the gradient of the images, by precision of attacks."""
    model = subject.network().eval()
    for n in subject.batches:
        for name in PRECISIONS:
            form = inference_form(model, torch.bfloat16 if name == "bfloat16" else torch.float32)
            with exact_arithmetic(tf32=name == "tf32"):
                forward, both = subject.passes(form, subject.batch(n))
            yield Row(f"forward, {name}, batch {n:,}", 1 / forward, "images/s")
            yield Row(f"input gradient, {name}, batch {n:,}", 1 / both, "images/s")


def _forward(form: InferenceNetwork, x: Tensor) -> Tensor:
    with torch.no_grad():
        logits: Tensor = form(x)
    return logits


def _gradient(form: InferenceNetwork, x: Tensor, labels: Tensor) -> Tensor:
    x = x.detach().requires_grad_()
    loss = F.cross_entropy(form(x).float(), labels, reduction="sum")
    return torch.autograd.grad(loss, x)[0]


def attacks(subject: Subject) -> Iterator[Row]:
    """Compare attacks with their floor: as many passes of the inference form as they made, nothing else."""
    model, n = subject.network().eval(), subject.batches[0]
    images = subject.images.head(n)
    labels = predict(model, images, device=subject.device, batch_size=n).argmax(1)
    images = LabelledImages(images.images, labels.astype(np.int64))  # only what the network gets right is attacked
    with exact_arithmetic():
        forward, both = subject.passes(inference_form(model), subject.batch(n))
    toys = {"pgd_steps": 3, "pgd_relative_step": 0.5, "apgd_steps": 3, "square_queries": 5}
    settings = AttackSettings(**toys) if subject.small else AttackSettings(square_queries=100)  # type: ignore[arg-type]
    for name in PAPER_ATTACKS:
        made = []

        def work(name: str = name, made: list[int] = made) -> None:
            options = {"settings": settings, "batch_size": n, "device": subject.device}
            made[:] = [result.n_passes for result in attack_images(model, images, name, [1.0], **options)]  # type: ignore[arg-type]

        seconds = subject.seconds(work, 1, ready=1)
        floor = made[0] * forward if name == "square" else n * forward + (made[0] - n) / 2 * both
        yield Row(f"{name}, over its floor", seconds / floor, "", f"{seconds:.3g} s, {made[0] / n:.0f} passes")


def accuracy_part(subject: Subject) -> Iterator[Row]:
    """Train a real network to its known accuracy: above 90 % on fashion-mnist after a few epochs."""
    name, known = "fashion-mnist", 0.90
    try:
        if subject.small:
            raise RobustNASError("toys are trained on digits")
        data = open_images(name)
    except RobustNASError as error:
        yield Row("images", "digits", "", f"no fashion-mnist here: {str(error)[:120]}" if not subject.small else "")
        name, known, data = "digits", 0.95, open_images("digits")
    epochs = 1 if subject.small else 8 if name == "fashion-mnist" else 20
    config = TrainingConfig(epochs, 128, cosine_per_step=True, warmup=0.1, flip=name != "digits", crop_padding=0)
    model = Normalised(build(ARCH, 10, *((2, 1) if subject.small else (16, 2)), 1), data.mean, data.std)
    images = data.train.head(256) if subject.small else data.train
    result = train(model, images, config, seed=0, device=subject.device)
    found = accuracy(model, data.test, device=subject.device)
    yield Row(f"{name}, test accuracy after {epochs} epochs", 100 * found, "%", "; ".join(result.notes))
    yield Row(f"{name}, seconds per epoch", result.seconds / epochs, "s")
    yield from _precisions(subject, model, data.test.head(20 if subject.small else 2000))
    if found < known and not subject.small:
        raise ArithmeticError(f"the accuracy is {100 * found:.1f} %; expected more than {100 * known:.0f} %")


def _precisions(subject: Subject, model: Normalised, images: LabelledImages) -> Iterator[Row]:
    """Attack a network that was trained in each precision: robust accuracy must not rise."""
    settings = AttackSettings(pgd_steps=3, pgd_relative_step=0.5) if subject.small else AttackSettings()
    for name in PRECISIONS:
        start = time.perf_counter()
        (found,) = attack_images(
            model, images, "pgd", [4.0], settings=settings, batch_size=1024, device=subject.device, precision=name
        )
        seconds = time.perf_counter() - start
        yield Row(f"PGD at eps 4 in {name}, robust accuracy", 100 * found.scores.accuracy, "%", f"{seconds:.3g} s")


def rebuild(subject: Subject) -> Iterator[Row]:
    """Estimate what the database's 6,466 networks cost on CIFAR-10 with this card: training and the paper's metrics."""
    n_at_once, n_networks, settings = subject.numbers[-2], len(network_indices()), AttackSettings()
    step, forward, both = _mean_costs(subject, n_at_once)
    n_attacked = 7 * 10_000  # eps of the paper, test images
    n_gradients = sum((settings.passes(name) - 1) / 2 for name in ("fgsm", "pgd", "apgd"))
    seconds = {
        f"training, 200 epochs, {n_at_once} at once": subject.config.epochs
        * 50_000
        / BENCHMARK_RECIPE.batch_size
        * step,
        "FGSM, PGD, APGD, 7 eps, every image": n_attacked * n_gradients * both,
        "Square, 7 eps, if no image fell": n_attacked * settings.passes("square") * forward,
        "clean and corrupted images": 10_000 * (1 + 5 * len(CORRUPTIONS)) * forward,
    }
    for name, of_one in seconds.items():
        yield Row(f"{n_networks:,} networks, {name}", n_networks * of_one / _HOUR, "GPU-hours")
    total = n_networks * sum(seconds.values()) / _HOUR
    yield Row("all of it, CIFAR-10", total, "GPU-hours", "estimated from a mean network; attacks at most")


def _mean_costs(subject: Subject, n_at_once: int) -> tuple[float, float, float]:
    """Return the seconds of a step, of an image forward, and with its gradient, of a network with the mean FLOPs."""
    flops, found = all_flops(subject.skeleton).astype(float), []
    for cell in _FEW_TO_MANY:
        step = float(subject.step(n_at_once, cell=cell).value) / 1000
        with exact_arithmetic():
            found.append((step, *subject.passes(inference_form(subject.network(cell).eval()), subject.batch(1024), 3)))
    mean, at = float(flops[network_indices()].mean()), [flops[cell.index] for cell in _FEW_TO_MANY]
    step, forward, both = (float(np.interp(mean, at, costs)) for costs in zip(*found, strict=True))
    return step, forward, both


PARTS: dict[str, Part] = {
    "tests": Part(gpu_tests, 150, "pytest -m gpu"),
    "training": Part(training, 60, "s per epoch, ms per step: plain calls and graphs"),
    "at-once": Part(at_once, 90, "networks at once: ms per step of each, networks per hour"),
    "gradients": Part(gradients, 60, "images/s: forward, and gradients of images, by precision"),
    "attacks": Part(attacks, 90, "attacks over the floor of their passes"),
    "accuracy": Part(accuracy_part, 90, "a real network on fashion-mnist, above 90 %"),
    "rebuild": Part(rebuild, 90, "GPU-hours of the whole database"),
}
"""By name, in the order that they run in."""
