"""How fast attacks are: passes per second, our time over the floor and over other libraries, nested over single runs.

The floor of an attack is its number of forward and backward passes times the time of one, measured in turn with the
attack on the same network and batch. Ratios are medians over rounds of pairs, so that a machine whose speed drifts
does not matter.

    python benchmarks/evaluator.py                          # a full CIFAR-size network, batch 128, on the CPU
    python benchmarks/evaluator.py --device cuda --batch-size 1024 --rounds 5
    python benchmarks/evaluator.py --only nested            # or: layout, precision, floor, libraries, readme

Libraries that are installed are compared with: pyautoattack, torchattacks, foolbox, ART (art).
"""

from __future__ import annotations

import argparse
import importlib
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import torch
from torch import Tensor

from robustnas.evaluator.attacks.attacker import Batch, Passes, input_gradient
from robustnas.evaluator.attacks.batches import Bucketed
from robustnas.evaluator.attacks.robustness import AttackResult, attack_images, create_attacker
from robustnas.evaluator.attacks.settings import PRECISIONS, AttackSettings
from robustnas.evaluator.device import choose_device, device_name, exact_arithmetic
from robustnas.evaluator.evaluator import Evaluator
from robustnas.evaluator.images.image_files import open_images
from robustnas.evaluator.images.images import LabelledImages
from robustnas.evaluator.inference import inference_form
from robustnas.evaluator.normalised import Normalised
from robustnas.spaces.nasbench201.network import build

ARCH = "|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_1x1~2|"
EPS = 1 / 255
DTYPES = {"bfloat16": torch.bfloat16}
GRIDS = {"cifar10": (0.1, 0.5, 1.0, 2.0, 3.0, 4.0, 8.0), "digits": (3.2, 16.0, 32.0, 64.0, 96.0, 128.0, 255.0)}
"""The paper's grid; for digits, whose networks bear more, 32 times as wide: PGD leaves a third at the third eps, as
on average over the database."""

SETTINGS = AttackSettings(square_queries=200)
README = "#13433 --images digits --attacks fgsm,pgd,apgd,square --eps 8,16,32"
"""What `robustnas evaluate` is given in README.md."""


def timed(function: Callable[[], object], device: torch.device) -> float:
    start = time.perf_counter()
    function()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - start


def ratio(
    ours: Callable[[], object], theirs: Callable[[], object], rounds: int, device: torch.device
) -> tuple[float, float]:
    """Return the median of pairwise ratios and the median seconds of `ours`."""
    pairs = [(timed(ours, device), timed(theirs, device)) for _ in range(rounds + 1)][1:]
    return statistics.median(a / b for a, b in pairs), statistics.median(a for a, _ in pairs)


def subject(device: torch.device, batch_size: int) -> tuple[Normalised, Tensor, Tensor]:
    """Return a network whose batch norms have seen images, images, and labels that it gives them."""
    rng = torch.Generator().manual_seed(0)
    model = Normalised(build(ARCH, 10), (0.49, 0.48, 0.45), (0.25, 0.24, 0.26)).to(device)
    pixels = torch.rand((batch_size, 3, 32, 32), generator=rng).to(device)
    for _ in range(3):
        model.train()(pixels)
    for parameter in model.eval().parameters():
        parameter.requires_grad_(False)
    with torch.no_grad():
        labels = model(pixels).argmax(dim=1)
    return model, pixels, labels


def passes(model: torch.nn.Module, pixels: Tensor, labels: Tensor, n_both: int, n_forward: int) -> Callable[[], None]:
    """Return a function that does so many passes and nothing else."""

    def run() -> None:
        for _ in range(n_both):
            input_gradient(model, pixels, labels)
        with torch.no_grad():
            for _ in range(n_forward):
                model(pixels)

    return run


def layout(device: torch.device, batch_size: int, rounds: int) -> None:
    """Say what the inference form and channels_last are worth."""
    model, pixels, labels = subject(device, batch_size)
    plain = passes(model, pixels, labels, 3, 0)
    wide = pixels.contiguous(memory_format=torch.channels_last)
    form, unfolded = inference_form(model), inference_form(model)
    unfolded.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    print("\none forward and backward pass, relative to the network as trained (contiguous)")
    for name, network, x in (
        ("inference form, contiguous", unfolded, pixels),
        ("inference form, channels_last", form, wide),
    ):
        share, seconds = ratio(passes(network, x, labels, 3, 0), plain, rounds, device)
        print(f"  {name:<32} {share:5.2f}   {1000 * seconds / 3:8.1f} ms   {per_second(6 * len(pixels), seconds)}")


def precision(device: torch.device, batch_size: int, rounds: int) -> None:
    """Say what searching in low precision is worth."""
    model, pixels, labels = subject(device, batch_size)
    wide = pixels.contiguous(memory_format=torch.channels_last)
    forms = {name: inference_form(model, DTYPES.get(name, torch.float32)) for name in PRECISIONS}
    print("\none forward and backward pass of the inference form, relative to float32")

    def exact() -> None:
        with exact_arithmetic():
            passes(forms["float32"], wide, labels, 3, 0)()

    for name, form in forms.items():

        def run(name: str = name, form: torch.nn.Module = form) -> None:
            with exact_arithmetic(tf32=name == "tf32"):
                passes(form, wide, labels, 3, 0)()

        share, seconds = ratio(run, exact, rounds, device)
        print(f"  {name:<32} {share:5.2f}   {1000 * seconds / 3:8.1f} ms   {per_second(6 * len(pixels), seconds)}")


def per_second(n_passes: int, seconds: float) -> str:
    """Return a rate of passes of single images, forward or backward."""
    return f"{n_passes / seconds:10,.0f} passes/s"


def floors(device: torch.device, batch_size: int, rounds: int) -> None:
    """Say how far every attack is above its floor."""
    model, pixels, labels = subject(device, batch_size)
    wide = pixels.contiguous(memory_format=torch.channels_last)
    form = inference_form(model)
    counts = {"fgsm": (1, 0), "pgd": (40, 0), "apgd": (101, 0), "square": (0, 201)}
    print("\nour time over the floor (all passes of the inference form, channels_last)")
    for name, (n_both, n_forward) in counts.items():
        attacker = create_attacker(name, SETTINGS)
        noise = attacker.noise(len(wide), tuple(wide.shape[1:]), torch.Generator().manual_seed(0)).to(device)
        batch = Batch(wide, labels, noise, EPS)
        target = Bucketed(form, batch_size)
        counted = Passes()
        attacker.perturb(target, batch, counted)
        if name == "square":  # images that are fooled leave: the floor is what was really asked
            n_forward = round(counted.total / len(wide))
        share, seconds = ratio(
            lambda attacker=attacker, batch=batch, target=target: attacker.perturb(target, batch, Passes()),  # type: ignore[misc]
            passes(form, wide, labels, n_both, n_forward),
            rounds,
            device,
        )
        rate = per_second((2 * n_both + n_forward) * len(wide), seconds)
        print(f"  {name:<8} {share:5.2f}   {seconds:8.2f} s for {len(wide)} images, {n_both + n_forward} passes {rate}")


def libraries(device: torch.device, batch_size: int, rounds: int) -> None:
    """Compare with libraries as a user would call them: on the network as trained."""
    model, pixels, labels = subject(device, batch_size)
    images = LabelledImages(pixels.cpu().numpy(), labels.cpu().numpy())
    print("\nour time over a library's, same network, same batch (paper protocol; ours checks its examples too)")
    for name, attack, theirs in competitors(model, pixels, labels, device):

        def ours(attack: str = attack) -> None:
            list(attack_images(model, images, attack, (1.0,), settings=SETTINGS, batch_size=batch_size))

        try:
            share, _ = ratio(ours, theirs, rounds, device)
        except Exception as error:  # a library that does not run here says so and is left out
            print(f"  {attack:<8} {name:<14} does not run: {type(error).__name__}: {str(error)[:80]}")
            continue
        print(f"  {attack:<8} {name:<14} {share:5.2f}")


def competitors(
    model: Normalised, pixels: Tensor, labels: Tensor, device: torch.device
) -> Iterator[tuple[str, str, Callable[[], object]]]:
    if lib := found("pyautoattack.autopgd_base"):
        apgd = lib.APGDAttack(model, n_iter=100, norm="Linf", eps=EPS, seed=0, device=device)
        yield "pyautoattack", "apgd", lambda: apgd.perturb(pixels, labels)
        square_class = importlib.import_module("pyautoattack.square").SquareAttack
        square = square_class(
            model, norm="Linf", n_queries=SETTINGS.square_queries, eps=EPS, seed=0, resc_schedule=False, device=device
        )
        yield "pyautoattack", "square", lambda: no_grad(lambda: square.perturb(pixels, labels))
    if lib := found("torchattacks"):
        yield "torchattacks", "fgsm", lambda: lib.FGSM(model, EPS)(pixels, labels)
        yield "torchattacks", "pgd", lambda: lib.PGD(model, EPS, EPS / 30, 40)(pixels, labels)
        yield "torchattacks", "apgd", lambda: lib.APGD(model, eps=EPS, steps=100)(pixels, labels)
        n_queries = SETTINGS.square_queries
        yield "torchattacks", "square", lambda: lib.Square(model, eps=EPS, n_queries=n_queries)(pixels, labels)
    if lib := found("foolbox"):
        wrapped = lib.PyTorchModel(model, bounds=(0, 1), device=device)
        attacks = lib.attacks
        yield "foolbox", "fgsm", lambda: attacks.LinfFastGradientAttack()(wrapped, pixels, labels, epsilons=EPS)
        pgd = attacks.LinfPGD(rel_stepsize=0.01 / 0.3, steps=40)
        yield "foolbox", "pgd", lambda: pgd(wrapped, pixels, labels, epsilons=EPS)
    if found("art"):
        yield from art_competitors(model, pixels, labels)


def art_competitors(
    model: Normalised, pixels: Tensor, labels: Tensor
) -> Iterator[tuple[str, str, Callable[[], object]]]:
    evasion = importlib.import_module("art.attacks.evasion")
    classifier = importlib.import_module("art.estimators.classification").PyTorchClassifier(
        model=model, loss=torch.nn.CrossEntropyLoss(), input_shape=(3, 32, 32), nb_classes=10, clip_values=(0.0, 1.0)
    )
    x, y, n = pixels.cpu().numpy(), np.eye(10)[labels.cpu().numpy()], len(pixels)
    quiet = {"eps": EPS, "batch_size": n, "verbose": False}
    pgd = evasion.ProjectedGradientDescent(classifier, eps_step=EPS / 30, max_iter=40, num_random_init=1, **quiet)
    yield "art", "pgd", lambda: pgd.generate(x, y)
    apgd = evasion.AutoProjectedGradientDescent(
        classifier, eps_step=EPS, max_iter=100, nb_random_init=1, loss_type="cross_entropy", **quiet
    )
    yield "art", "apgd", lambda: apgd.generate(x, y)
    square = evasion.SquareAttack(classifier, eps=EPS, max_iter=SETTINGS.square_queries, batch_size=n, verbose=False)
    yield "art", "square", lambda: square.generate(x, y)


def found(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def no_grad(function: Callable[[], object]) -> object:
    with torch.no_grad():
        return function()


def nested(device: torch.device, images: str, rounds: int, n_images: int) -> None:
    """Compare the two protocols over a grid of seven eps, on a trained network."""
    data = open_images(images)
    evaluator = Evaluator(data, device=str(device))
    model = evaluator.network(ARCH)  # trained once, untimed
    grid = GRIDS["digits" if data.shape[1] <= 12 else "cifar10"]
    test = data.test.head(n_images)
    print(
        f"\nnested over single runs, {len(grid)} eps from {grid[0]:g} to {grid[-1]:g}, "
        f"{len(test)} images of {data.name}"
    )
    for attack in ("fgsm", "pgd", "apgd", "square"):
        found: dict[str, list[AttackResult]] = {}

        def run(protocol: str, attack: str = attack, found: dict[str, list[AttackResult]] = found) -> None:
            results = attack_images(
                model,
                test,
                attack,
                grid,
                protocol=protocol,
                settings=SETTINGS,
                batch_size=evaluator.batch_size,
                device=device,
            )
            found[protocol] = list(results)

        share, _ = ratio(lambda run=run: run("nested"), lambda run=run: run("paper"), rounds, device)  # type: ignore[misc]
        accuracies = {name: [result.scores.accuracy for result in results] for name, results in found.items()}
        lower = all(a <= b for a, b in zip(accuracies["nested"], accuracies["paper"], strict=True))
        print(f"  {attack:<8} {share:5.2f}   {'equal or lower' if lower else 'HIGHER'} accuracy everywhere")
        for protocol, values in accuracies.items():
            n_passes = sum(result.n_passes for result in found[protocol])
            print(
                f"           {protocol:<7} " + " ".join(f"{100 * x:5.1f}" for x in values) + f" {n_passes:12,} passes"
            )


def readme(device: torch.device) -> None:
    """Time the example of README.md as a user runs it, with nothing known: training, four attacks at three eps."""
    command = [sys.executable, "-m", "robustnas", "evaluate", *README.split(), "--device", str(device)]
    with tempfile.TemporaryDirectory() as folder:
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        own = {"ROBUSTNAS_CACHE": folder, "ROBUSTNAS_STORE": f"{folder}/store.sqlite"}
        done = subprocess.run(command, env=os.environ | own, check=True, capture_output=True, text=True)
        seconds, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f"\nrobustnas evaluate {README}\n{done.stdout}{seconds:.1f} s, {processor:.1f} s of processors")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--images", default="digits", help="for the comparison of protocols")
    parser.add_argument("--n-images", type=int, default=400, help="for the comparison of protocols")
    parser.add_argument("--threads", type=int, help="of PyTorch")
    parser.add_argument("--only", choices=("layout", "precision", "floor", "libraries", "nested", "readme"))
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    device = choose_device(options.device)
    print(
        f"{device_name(device)}, {torch.get_num_threads()} threads, torch {torch.__version__}, "
        f"median of {options.rounds} rounds"
    )
    print(f"network {ARCH}, 16 channels, 5 cells per stage, 32 x 32 pixels, batch {options.batch_size}")
    steps: dict[str, Callable[[], None]] = {
        "layout": lambda: layout(device, options.batch_size, options.rounds),
        "precision": lambda: precision(device, options.batch_size, options.rounds),
        "floor": lambda: floors(device, options.batch_size, options.rounds),
        "libraries": lambda: libraries(device, options.batch_size, options.rounds),
        "nested": lambda: nested(device, options.images, options.rounds, options.n_images),
        "readme": lambda: readme(device),
    }
    for name, step in steps.items():
        if options.only in (None, name):
            step()


if __name__ == "__main__":
    main()
