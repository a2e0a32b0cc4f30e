"""``robustnas fill``: measure what is missing of many networks, with worker processes, on one machine or many."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from experiments.commands.evaluation_options import (
    batch_size_option,
    corruption_files_option,
    device_option,
    remeasure_option,
    store_option,
    torch_needed,
)
from experiments.commands.fill_display import network_name, plan_line, plan_text, result_text, shown_fill
from experiments.commands.interruptions import interruptible
from experiments.commands.moments import moment
from experiments.commands.options import PATH, data_option, json_option, note_reading, print_json, warn
from robustnas.errors import InvalidInputError
from robustnas.measurements import DEFAULT_LEASE, MeasurementStore
from robustnas.metric import scale_notes
from robustnas.plan_file import read_plan, read_toml
from robustnas.tables.datasets import open_table
from robustnas.workers import processors

if TYPE_CHECKING:
    from robustnas.evaluator.evaluator import Evaluator
    from robustnas.evaluator.filling.estimate import Estimate
    from robustnas.evaluator.filling.gaps import GapReport
    from robustnas.evaluator.filling.run import FillRun
    from robustnas.evaluator.filling.workers import WorkerSetup

_KEPT = "what was measured is kept: run the same command again to resume"


@click.command()
@click.argument("plan", required=False, type=PATH)
@click.option("--example", is_flag=True, help="Print a plan, to copy and edit.")
@click.option("--dry-run", is_flag=True, help="Show what is missing and how long it takes; measure nothing.")
@store_option
@click.option("--workers", type=int, show_default="one per GPU, or per processor without one", help="Worker processes.")
@device_option
@batch_size_option
@data_option()
@corruption_files_option
@remeasure_option
@click.option(
    "--measured-before",
    metavar="TIME",
    show_default="now",
    help="With --remeasure: only numbers older than this UTC time, as in 2026-11-27T10:00:00.",
)
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
    remeasure: bool,
    measured_before: str | None,
    no_wait: bool,
    lease: float | None,
    as_json: bool,
) -> None:
    """Measure what is missing for the networks and metrics that PLAN names.

    What the database or the store holds is not measured again: after an interruption, the same command resumes. It may
    run at the same time on many machines with one store (PostgreSQL): each network is measured by one of them.

    \b
    Example:
      robustnas fill --example > fill.toml
      robustnas fill fill.toml --dry-run
      robustnas fill fill.toml --store postgresql://ada@db.lab/robustness
    """
    with torch_needed():
        from robustnas.evaluator.filling.plan import FillPlan, example_text
        from robustnas.evaluator.filling.workers import WorkerSetup

    if example:
        click.echo(example_text(), nl=False)
        return
    if plan is None:
        raise InvalidInputError("fill needs a PLAN; `robustnas fill --example` prints one to copy and change")
    chosen = FillPlan.load(plan)
    cells = read_toml(read_plan(plan, "robustnas fill --example")).get("cells")
    note_reading(*(cells if isinstance(cells, list) else ()))
    since = _since(remeasure, measured_before)
    start = time.perf_counter()
    with MeasurementStore.open(store) as opened, interruptible(_advice(since)):
        survey = _survey(
            WorkerSetup(chosen, (), opened, corruption_files, batch_size, lease or DEFAULT_LEASE, since),
            device,
            workers,
            data,
        )
        if dry_run or not survey.report.total_missing:
            facts = survey.facts()
            print_json(facts) if as_json else click.echo(plan_text(facts))
            return
        for note in survey.notes:
            warn(note)
        run = survey.run(wait=not no_wait)
        with shown_fill(run, plan_line(survey.facts())) as show:
            for _ in run:
                show()
    result = _result(run, time.perf_counter() - start)
    print_json(result) if as_json else click.echo(result_text(result))
    if run.queue.failed:
        raise SystemExit(1)


def _since(remeasure: bool, measured_before: str | None) -> datetime | None:
    """Return since when numbers in the store count; None if they always do."""
    if measured_before is None:
        return datetime.now(UTC) if remeasure else None
    if not remeasure:
        raise InvalidInputError("--measured-before needs --remeasure: it says what to measure again")
    return moment(measured_before, "--measured-before")


def _advice(since: datetime | None) -> str:
    """Return how to resume: measuring again goes on where it stopped if it keeps its moment."""
    if since is None:
        return _KEPT
    return f"{_KEPT.replace('the same command', 'it')} with --remeasure --measured-before {since:%Y-%m-%dT%H:%M:%S.%f}"


@dataclass(frozen=True)
class _Survey:
    """What is missing, and what it takes."""

    setup: WorkerSetup
    evaluator: Evaluator
    report: GapReport
    devices: tuple[str, ...]
    n_threads: int
    estimate: Estimate
    notes: list[str]

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
            "notes": self.notes,
        }


def _survey(setup: WorkerSetup, device: str, n_workers: int | None, data: Path | None) -> _Survey:
    """Open images and table, look into the store, and time a few networks if anything is missing."""
    with torch_needed():
        from robustnas.evaluator.filling.estimate import Speed, estimate, measure_speed
        from robustnas.evaluator.filling.gaps import GapReport, Gaps
        from robustnas.evaluator.filling.workers import worker_devices
        from robustnas.evaluator.measurer import set_aside, set_aside_note
    table = open_table(setup.plan.dataset, data) if setup.plan.dataset else None
    evaluator = setup.evaluator(setup.plan.seeds[0], device)
    gaps = Gaps(setup.plan, evaluator, table, setup.since)
    report = GapReport.of(gaps, setup.store)
    devices = worker_devices(device, n_workers, len(report.n_missing))
    n_threads = max(1, processors() // len(devices))
    missing = {metric for metrics, _ in report.patterns() for metric in metrics}
    speed = measure_speed(evaluator, missing, n_threads) if missing else Speed((0.0, 0.0), (0.0, 0.0))
    notes = [*scale_notes(gaps.metrics), *set_aside_note(set_aside(evaluator, setup.store, gaps.metrics))]
    expected = estimate(report, evaluator, speed, len(devices))
    return _Survey(setup, evaluator, report, devices, n_threads, expected, notes)


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
