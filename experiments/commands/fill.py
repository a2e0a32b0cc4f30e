"""``robustnas fill``: measure what is missing of many networks, with worker processes, on one machine or many."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from experiments.commands.evaluation_options import torch_needed
from experiments.commands.fill_display import network_name, plan_line, plan_text, result_text, shown_fill
from experiments.commands.options import fail, json_option, print_json
from robustnas.errors import InvalidInputError

if TYPE_CHECKING:
    from robustnas.evaluator.evaluator import Evaluator
    from robustnas.evaluator.filling.estimate import Estimate
    from robustnas.evaluator.filling.gaps import GapReport
    from robustnas.evaluator.filling.run import FillRun
    from robustnas.evaluator.filling.workers import WorkerSetup

_INTERRUPTED = "interrupted; what was measured is kept: run the same command to resume"


@click.command()
@click.argument("plan", required=False, type=click.Path(path_type=Path))
@click.option("--example", is_flag=True, help="Print a plan, to copy and change.")
@click.option("--dry-run", is_flag=True, help="Tell what is missing and how long it takes; measure nothing.")
@click.option("--store", metavar="PATH|URL", help="Where measurements are kept, as for `robustnas evaluate`.")
@click.option("--workers", type=int, help="Processes.  [default: one per GPU, or per processor without one]")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda (all GPUs) or cuda:1.")
@click.option("--batch-size", type=int, help="Images attacked at once.  [default: what suits images and device]")
@click.option("--data", type=click.Path(path_type=Path), help="Folder of the database, if the plan names a dataset.")
@click.option("--corruption-files", type=click.Path(path_type=Path), help="A folder of CIFAR-10-C or CIFAR-100-C.")
@click.option("--no-wait", is_flag=True, help="Leave networks that others are measuring to them.")
@click.option(
    "--lease",
    type=click.FloatRange(min=1.0),
    help="Seconds until the network of a worker that is gone is taken over.  [default: 120]",
)
@json_option
def fill(
    plan: Path | None,
    example: bool,
    dry_run: bool,
    store: str | None,
    workers: int | None,
    device: str,
    batch_size: int | None,
    data: Path | None,
    corruption_files: Path | None,
    no_wait: bool,
    lease: float | None,
    as_json: bool,
) -> None:
    """Measure what is missing of the networks and metrics that PLAN names.

    What the database or the store holds is not measured again, and the same command goes on where it was stopped. It
    may run at the same time on many machines with one store (PostgreSQL): each network is measured by one of them.

    \b
    Example:
      robustnas fill --example > fill.toml
      robustnas fill fill.toml --dry-run
      robustnas fill fill.toml --store postgresql://ada@db.lab/robustness
    """
    from robustnas.evaluator.filling.plan import FillPlan, example_text

    if example:
        click.echo(example_text(), nl=False)
        return
    if plan is None:
        raise InvalidInputError("fill needs a PLAN; `robustnas fill --example` prints one to copy and change")
    chosen = FillPlan.load(plan)
    from robustnas.evaluator.filling.workers import WorkerSetup
    from robustnas.measurements import DEFAULT_LEASE, MeasurementStore

    start = time.perf_counter()
    with MeasurementStore.open(store) as opened, _told_if_interrupted():
        setup = WorkerSetup(chosen, (), opened, corruption_files, batch_size, lease or DEFAULT_LEASE)
        survey = _survey(setup, device, workers, data)
        if dry_run or not survey.report.total_missing:
            _tell(survey.facts(), plan_text(survey.facts()), as_json=as_json)
            return
        run = survey.run(wait=not no_wait)
        with shown_fill(run, plan_line(survey.facts())) as show:
            for _ in run:
                show()
    result = _result(run, time.perf_counter() - start)
    _tell(result, result_text(result), as_json=as_json)
    if run.queue.failed:
        raise SystemExit(1)


@dataclass(frozen=True)
class _Survey:
    """What is missing, and what it takes."""

    setup: WorkerSetup
    evaluator: Evaluator
    report: GapReport
    devices: tuple[str, ...]
    n_threads: int
    estimate: Estimate

    def run(self, *, wait: bool) -> FillRun:
        """Return the run that measures what is missing."""
        from robustnas.evaluator.filling.run import FillRun
        from robustnas.evaluator.filling.workers import WorkerProcess

        gaps = self.report.gaps
        setup = replace(self.setup, metrics=gaps.metrics)
        starters = [partial(WorkerProcess, setup, device, self.n_threads) for device in self.devices]
        predicted = dict(zip(gaps.networks, self.estimate.seconds.tolist(), strict=True))
        return FillRun(gaps, setup.store, self.report.n_missing, predicted, starters, wait=wait)

    def facts(self) -> dict[str, Any]:
        """Return what is wanted, there and missing, as plain data."""
        plan, (least, mean, most) = self.setup.plan, self.estimate.per_network
        return {
            "images": self.evaluator.images.name,
            "dataset": plan.dataset,
            "n_networks": len(plan.networks),
            "seeds": list(plan.seeds),
            "settings": {name: value for name, value in self.evaluator.settings.as_dict().items() if name != "seed"},
            "store": str(self.setup.store.location),
            "metrics": self.report.rows(),
            "n_missing": self.report.total_missing,
            "n_networks_lacking": len(self.report.n_missing),
            "workers": len(self.devices),
            "devices": sorted(set(self.devices)),
            "seconds_at_most": round(self.estimate.total, 3),
            "seconds_per_network": {"least": round(least, 3), "mean": round(mean, 3), "most": round(most, 3)},
            "weights_bytes": self.estimate.weights_bytes,
        }


def _survey(setup: WorkerSetup, device: str, n_workers: int | None, data: Path | None) -> _Survey:
    """Open images and table, look into the store, and time a few networks if anything is missing."""
    with torch_needed():
        from robustnas.evaluator.filling.estimate import Speed, estimate, measure_speed
        from robustnas.evaluator.filling.gaps import GapReport, Gaps
        from robustnas.evaluator.filling.workers import worker_devices
    from robustnas.tables.datasets import open_table
    from robustnas.workers import processors

    table = open_table(setup.plan.dataset, data) if setup.plan.dataset else None
    evaluator = setup.evaluator(setup.plan.seeds[0], device)
    report = GapReport.of(Gaps(setup.plan, evaluator, table), setup.store)
    devices = worker_devices(device, n_workers, len(report.n_missing))
    n_threads = max(1, processors() // len(devices))
    missing = {metric for metrics, _ in report.patterns() for metric in metrics}
    speed = measure_speed(evaluator, missing, n_threads) if missing else Speed((0.0, 0.0), (0.0, 0.0))
    return _Survey(setup, evaluator, report, devices, n_threads, estimate(report, evaluator, speed, len(devices)))


def _result(run: FillRun, seconds: float) -> dict[str, Any]:
    queue = run.queue
    return {
        "n_measured": queue.n_measured,
        "n_by_others": queue.n_by_others,
        "n_missing": queue.n_left,
        "n_left_to_others": len(queue.held),
        "failed": [
            {"network": network_name(network), "arch": network.arch, "seed": network.seed, "reason": reason}
            for network, reason in queue.failed.items()
        ],
        "seconds": round(seconds, 3),
    }


def _tell(value: dict[str, Any], text: str, *, as_json: bool) -> None:
    if as_json:
        print_json(value)
    else:
        click.echo(text)


@contextmanager
def _told_if_interrupted() -> Iterator[None]:
    """Turn Ctrl-C and SIGTERM, which batch systems send, into a word on how to go on."""

    def interrupt(_: int, __: FrameType | None) -> None:
        raise KeyboardInterrupt

    is_main = threading.current_thread() is threading.main_thread()
    former = signal.signal(signal.SIGTERM, interrupt) if is_main else None
    try:
        yield
    except KeyboardInterrupt:
        fail(_INTERRUPTED, code=1)
    finally:
        if is_main:
            signal.signal(signal.SIGTERM, former)
