"""What benchmarks/fleet.py says of large comparisons and fills: the tables and the figure of docs/scaling.md.

    python -m benchmarks.unit_costs --out unit-costs.json
    python -m benchmarks.scaling benchmarks/unit_costs.json --figure docs/images/scaling.png
    python -m benchmarks.scaling unit-costs.json --check          # against eight workers of this machine

Costs of searches, of the writer and of the store are measured; those of a GPU, and how often machines fail, are given
below and marked on the page.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.claims import empty_store, load
from benchmarks.fleet import DAY, Run, Seconds, Store, Workers, Writer, compare, fill
from benchmarks.postgresql_server import find_programs

Costs = dict[str, Any]

N_SEARCHES = 1_000_000
N_NETWORKS = 6_466
FLEETS = (8, 64, 512, 4_096)
SEARCHERS = ("random", "evolution", "gp")
HOUR = 3_600.0

STEP = 7.0 / 196  # seconds of a step of training with a batch of 256, on one H200: 7.0 s per epoch of 50,000 images
GRADIENTS, FORWARDS = 35_000.0, 81_000.0  # images per second through a network of the middle, 32 x 32, on one H200
RELATIVE_FLOPS = 0.548  # of the mean network of the space to the one that was measured
GRADIENT_PASSES = 11 * 1 + 7 * 40 + 7 * 101  # of FGSM, PGD and APGD over the paper's eps
FORWARD_PASSES = 7 * 5_001  # of Square
N_NUMBERS = 1 + 11 + 7 + 7 + 7  # of a network, corruptions aside
EPOCHS, BATCH = 200, 256

LOAD_BYTES, FILE_SERVER = 180e6, 1e9  # a data set, and bytes per second of the drive that all workers read
GPU_START = 20.0  # seconds until CUDA is ready
SEARCH_DAYS, GPU_DAYS = 10.0, 5.0  # mean days between failures of one worker


@dataclass(frozen=True)
class Dataset:
    """Image data to fill.

    Attributes:
        name: Its name.
        n_train: Training images.
        n_test: Test images.
        pixels: Relative to 32 x 32.
        clean: The share of test images that the mean network gets right, which gradients are computed for.
        fooled_late: The share that Square does not fool, on average over its eps, which all its passes are needed for.
    """

    name: str
    n_train: int
    n_test: int
    pixels: float
    clean: float
    fooled_late: float

    @property
    def training(self) -> float:
        """Seconds to train a network; launches bound it, so that the network and its size do not matter."""
        return EPOCHS * -(-self.n_train // BATCH) * STEP

    @property
    def attacks(self) -> float:
        """Seconds to attack a network at all eps of the paper."""
        images = self.n_test * self.pixels * RELATIVE_FLOPS
        gradients = GRADIENT_PASSES * self.clean / GRADIENTS
        return images * (gradients + FORWARD_PASSES * self.fooled_late / FORWARDS)


DATASETS = (
    Dataset("cifar10", 50_000, 10_000, 1.0, 0.90, 0.41),
    Dataset("cifar100", 50_000, 10_000, 1.0, 0.64, 0.21),
    Dataset("ImageNet16-120", 151_700, 6_000, 0.25, 0.37, 0.21),
)
"""Accuracies are means of the published database; those on ImageNet16-120 are guesses."""


def search_seconds(costs: Costs, searcher: str, n: int, budget: str = "300", seed: int = 0) -> Seconds:
    """Draw the seconds of n searches around their median, a quarter of it apart, as searches of one kind are."""
    spread = np.random.default_rng(seed).normal(1.0, 0.25, n).clip(0.25)
    return np.asarray(costs["searches"][searcher][budget] * spread)


def writer(costs: Costs, tasks_per_job: int, budget: str = "300") -> Writer:
    """Return what the submitting process takes per job and per record."""
    measured = costs["writer"]
    per_task = measured[budget]["receive"] + measured[budget]["append"] + measured["pickle_task"]
    return Writer(max(measured["task"] - measured["pickle_task"], 0.0), per_task, tasks_per_job)


def search_workers(costs: Costs, n: int) -> Workers:
    return Workers(n, costs["start"]["search_worker"], 0.01, between_failures=SEARCH_DAYS * DAY)


def comparison(costs: Costs, searcher: str, n_workers: int, tasks_per_job: int, n: int = N_SEARCHES) -> Run:
    """Simulate a comparison of n searches of one kind."""
    tasks = search_seconds(costs, searcher, n)
    return compare(tasks, search_workers(costs, n_workers), writer(costs, tasks_per_job))


def gpus(n: int, days: float = GPU_DAYS) -> Workers:
    return Workers(n, GPU_START, LOAD_BYTES / FILE_SERVER, days * DAY, slow_share=0.02, slow_factor=2.0)


def fill_store(costs: Costs) -> Store:
    """Return what a store of one processor takes per call: claim, look at one network, release; a record."""
    measured = costs["store"].get("postgresql") or costs["store"]["sqlite"]
    call = measured.get("server_per_call", measured["record"])
    return Store(3 * call, call)


def filling(costs: Costs, n_gpus: int, days: float = GPU_DAYS) -> Run:
    """Simulate the filling of all networks on three datasets."""
    rng = np.random.default_rng(0)
    spread = rng.gamma(4.0, 0.25, len(DATASETS) * N_NETWORKS)  # networks are of many sizes
    training = np.repeat([data.training for data in DATASETS], N_NETWORKS)
    attacks = np.repeat([data.attacks for data in DATASETS], N_NETWORKS) * spread
    return fill(training, attacks, N_NUMBERS, gpus(n_gpus, days), fill_store(costs))


def duration(seconds: float) -> str:
    """Write a duration as one reads it."""
    for unit, size in (("d", DAY), ("h", HOUR), ("min", 60.0)):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"


def comparison_rows(costs: Costs, n: int) -> Iterator[str]:
    yield "| searcher | workers | jobs of 1 search | writer busy | jobs of 20 | writer busy | work / workers |"
    yield "|---|--:|--:|--:|--:|--:|--:|"
    for searcher in SEARCHERS:
        for n_workers in FLEETS[1:]:
            runs = [comparison(costs, searcher, n_workers, k, n) for k in (1, 20)]
            ideal = duration(runs[0].work / n_workers)
            each = " | ".join(f"{duration(run.seconds)} | {100 * run.server_load:.0f} %" for run in runs)
            yield f"| {searcher} | {n_workers:,} | {each} | {ideal} |"


def filling_rows(costs: Costs) -> Iterator[str]:
    yield "| GPUs | failures per GPU | time | GPU time that was work | failures | lost | store busy | longest wait |"
    yield "|--:|---|--:|--:|--:|--:|--:|--:|"
    for n_gpus in FLEETS:
        for days in (GPU_DAYS, 0.5):
            run = filling(costs, n_gpus, days)
            yield (
                f"| {n_gpus:,} | every {days:g} d | {duration(run.seconds)} | {100 * run.efficiency:.1f} % "
                f"| {run.n_failures:,} | {duration(run.lost)} | {100 * run.server_load:.1f} % "
                f"| {1000 * run.waited:.0f} ms |"
            )


def draw(costs: Costs, path: Path, n: int) -> None:
    """Draw throughput against workers, of comparisons and of a fill."""
    from experiments.pages.figure_style import PALETTE, render
    from experiments.pages.panels import LEVEL, panels

    fleets, large = 2 ** np.arange(0, 14), 2 ** np.arange(3, 14, 2)
    with panels(2, 2, row=2.1, rest=0.5) as (figure, (left, right)):
        for colour, searcher in zip(PALETTE, ("evolution", "gp"), strict=False):
            for k, style in ((1, "-"), (20, "--")):
                runs = [comparison(costs, searcher, int(w), k, min(n, 100 * int(w) + 2_000)) for w in fleets]
                label = f"{searcher}, {'1 search' if k == 1 else f'{k} searches'} per job"
                left.plot(fleets, [run.throughput for run in runs], style, color=colour, label=label)
            left.plot(fleets, fleets / costs["searches"][searcher]["300"], **LEVEL)
        for colour, days in zip(PALETTE[2:], (GPU_DAYS, 0.5), strict=False):
            runs = [filling(costs, int(w), days) for w in large]
            label = f"a failure every {days:g} d per GPU"
            right.plot(large, [HOUR * run.throughput for run in runs], color=colour, label=label)
        mean = np.mean([data.training + data.attacks for data in DATASETS])
        right.plot(large, HOUR * large / mean, **LEVEL)
        titles = ("Searches of 300 queries per second", "Networks filled per hour")
        for axes, title, what in zip((left, right), titles, ("workers", "GPUs"), strict=True):
            axes.set(xscale="log", yscale="log", xlabel=what, title=title)
            axes.set_xticks(FLEETS if axes is right else (1, *FLEETS))
            for axis in (axes.xaxis, axes.yaxis):
                axis.set_major_formatter(lambda value, _: f"{value:,g}")
                axis.set_minor_formatter(lambda *_: "")
            axes.minorticks_off()
            axes.legend(frameon=False, fontsize=6.5, loc="upper center", bbox_to_anchor=(0.5, -0.22), ncols=2)
    path.write_bytes(render(figure, path.suffix.removeprefix(".")))


def check(costs: Costs, n_workers: int = 8) -> Iterator[str]:
    """Yield predicted and measured tasks per second of workers here that sleep instead of working."""
    yield "| what | predicted per s | measured per s | ratio |"
    yield "|---|--:|--:|--:|"
    for name, mean, n in (("tasks of 200 ms", 0.2, 800), ("tasks of 20 ms", 0.02, 4_000), ("empty tasks", 0.0, 8_000)):
        tasks = np.random.default_rng(0).exponential(mean, n) if mean else np.zeros(n)
        yield _row(name, compare(tasks, Workers(n_workers), Writer(costs["writer"]["task"])).throughput, _slept(tasks))
    if find_programs():
        with empty_store("postgresql") as where:
            found = load(where, n_workers, 200, spread=True, seconds=1.0)
        store = fill_store(costs)
        client = costs["store"]["postgresql"][
            "client_per_call"
        ]  # of the machine that the workers share with the server
        shared = Store(store.claim + 3 * client, store.record + client)
        predicted = fill([0.0] * 200, [1.0] * 200, 1, Workers(n_workers), shared)
        yield _row("networks of 1 s, PostgreSQL", predicted.throughput, found.turns_per_second)


def _slept(tasks: Seconds) -> float:
    """Return the tasks per second that eight processes do, each task a pause."""
    from robustnas.executors import ExecutorSpec, complete

    times: list[float] = []
    executor = ExecutorSpec("processes", workers=8)
    first = [0.0] * 16  # until the workers are up
    for _ in complete(
        _sleep, first + tasks.tolist(), None, lambda _: times.append(time.perf_counter()), executor=executor
    ):
        pass
    return len(tasks) / (times[-1] - times[len(first) - 1])


def _sleep(_: None, seconds: float) -> None:
    time.sleep(seconds)


def _row(name: str, predicted: float, measured: float) -> str:
    return f"| {name} | {predicted:.1f} | {measured:.1f} | {measured / predicted:.2f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("costs", type=Path, help="the JSON of benchmarks/unit_costs.py")
    parser.add_argument("--searches", type=int, default=N_SEARCHES)
    parser.add_argument("--figure", type=Path, help="draw throughput against workers; .png, .svg or .pdf")
    parser.add_argument("--check", action="store_true", help="compare with workers of this machine")
    options = parser.parse_args()
    costs = json.loads(options.costs.read_text())
    tables: list[Callable[[], Iterator[str]]] = [
        lambda: comparison_rows(costs, options.searches),
        lambda: filling_rows(costs),
    ]
    if options.check:
        tables = [lambda: check(costs)]
    for table in tables:
        for line in table():
            print(line, flush=True)
        print()
    if options.figure:
        draw(costs, options.figure, options.searches)


if __name__ == "__main__":
    main()
