"""``robustnas fill``: measure what is missing of many networks, with worker processes, on one machine or many."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from experiments.commands.evaluation_options import (
    as_new_option,
    attack_precision_option,
    batch_size_option,
    corruption_files_option,
    device_option,
    log_option,
    recipe_option,
    remeasure_option,
    store_option,
    torch_needed,
    train_eps_option,
    training_eps,
)
from experiments.commands.executor_option import executor_option
from experiments.commands.fill_display import (
    missing_line,
    network_name,
    noise_lines,
    plan_line,
    plan_text,
    result_text,
    shown,
)
from experiments.commands.interruptions import interruptible
from experiments.commands.moments import moment
from experiments.commands.options import (
    PATH,
    data_option,
    json_option,
    note_reading,
    print_json,
    space_option,
    warn,
)
from experiments.verbosity import say
from robustnas.errors import InvalidInputError
from robustnas.executors import ExecutorSpec, chosen_executor
from robustnas.executors.spec import PROCESSES, SERIAL
from robustnas.measurements import DEFAULT_LEASE, MeasurementStore
from robustnas.metric import scale_notes
from robustnas.plan_file import read_plan, read_toml
from robustnas.spaces import DEFAULT_SPACE
from robustnas.tables.datasets import open_table
from robustnas.workers import checked_workers, processors

if TYPE_CHECKING:
    from robustnas.evaluator.evaluator import Evaluator
    from robustnas.evaluator.filling.estimate import Estimate
    from robustnas.evaluator.filling.gaps import GapReport
    from robustnas.evaluator.filling.plan import FillPlan
    from robustnas.evaluator.filling.progress import FillProgress
    from robustnas.evaluator.filling.worker import FillJob

_HERE = (PROCESSES, "threads", SERIAL)  # executors whose workers share this machine
_TICK = 0.5  # seconds between two looks of who only watches
_KEPT = "what was measured is kept: run the same command again to resume"


@click.command()
@click.argument("plan", required=False, type=PATH)
@click.option("--example", is_flag=True, help="Print a plan, to copy and edit.")
@click.option("--dry-run", is_flag=True, help="Show what is missing and how long it takes; measure nothing.")
@space_option("Search space of the networks.", show_default="the plan's, else nasbench201")
@click.option("--watch", is_flag=True, help="Show what workers anywhere get done, until nothing is missing.")
@attack_precision_option
@recipe_option
@train_eps_option
@store_option
@executor_option
@click.option("--workers", type=int, show_default="one per GPU, or per processor without one", help="Workers.")
@click.option(
    "--at-once",
    type=click.IntRange(1, 64),
    metavar="N",
    help="Networks that each worker trains at once.  [default: as many as are fastest on its GPU, 1 on a CPU]",
)
@click.option(
    "--seeds",
    type=click.IntRange(min=1),
    metavar="N",
    help="Train every network with seeds 0 to N - 1, in place of the plan's seeds, and tell the noise of one training.",
)
@device_option
@batch_size_option
@data_option()
@corruption_files_option
@remeasure_option
@as_new_option
@log_option
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
    help="Seconds until the network of a worker that is gone, or makes no progress, is taken over.  [default: 120]",
)
@json_option
def fill(
    plan: Path | None,
    example: bool,
    dry_run: bool,
    watch: bool,
    attack_precision: str | None,
    recipe: str | None,
    train_eps: str | None,
    store: str | None,
    executor: str | ExecutorSpec | None,
    space: str | None,
    workers: int | None,
    at_once: int | None,
    seeds: int | None,
    device: str,
    batch_size: int | None,
    data: Path | None,
    corruption_files: Path | None,
    remeasure: bool,
    as_new: bool,
    log: str | None,
    measured_before: str | None,
    no_wait: bool,
    lease: float | None,
    as_json: bool,
) -> None:
    """Measure what is missing for the networks and metrics that PLAN names.

    What the database or the store holds is not measured again: after an interruption, the same command resumes. It may
    run at the same time on many machines with one store (PostgreSQL): each network is measured by one of them. A worker
    that dies or hangs loses its network to another one.

    \b
    Example:
      robustnas fill --example > fill.toml
      robustnas fill fill.toml --dry-run
      robustnas fill fill.toml --space my_spaces.py:MySpace
      robustnas fill fill.toml --recipe fast-adversarial --train-eps 8
      robustnas fill fill.toml --store postgresql://ada@db.lab/robustness
      robustnas fill fill.toml --store postgresql://ada@db.lab/robustness --watch
    """
    with torch_needed():
        from robustnas.evaluator.filling.plan import FillPlan, example_text
        from robustnas.evaluator.filling.worker import FillJob

    if example:
        click.echo(example_text(), nl=False)
        return
    if plan is None:
        raise InvalidInputError("fill needs a PLAN; `robustnas fill --example` prints one to copy and change")
    chosen = FillPlan.load(plan, space).with_training(recipe, training_eps(train_eps))
    chosen = chosen.with_attack_precision(attack_precision)
    if chosen.space == DEFAULT_SPACE:
        cells = read_toml(read_plan(plan, "robustnas fill --example")).get("cells")
        note_reading(*(cells if isinstance(cells, list) else ()))
    since = _since(remeasure, measured_before)
    if watch and dry_run:
        raise InvalidInputError("--watch shows progress and --dry-run what is missing; name one of them")
    chosen = chosen.with_seeds(seeds)
    with MeasurementStore.open(store) as opened:
        job = FillJob(
            chosen,
            opened,
            device="cpu" if watch else device,
            corruptions=corruption_files,
            batch_size=batch_size,
            lease=lease or DEFAULT_LEASE,
            since=since,
            wait=not no_wait,
            log=log,
            at_once=at_once,
        )
        if watch:
            survey = _Survey.of(job, data, as_new=as_new)
            result = _watched(survey)
        else:
            with interruptible(_advice(since)):
                survey = _Survey.of(job, data, as_new=as_new)
                result = _filled(survey, chosen, _executor(executor, workers, device), dry_run=dry_run)
        noise = survey.noise() if result is not None else {}
    if result is not None:
        result |= noise
        text = plan_text(result) if "metrics" in result else result_text(result)
        print_json(result) if as_json else click.echo("\n".join([text, *noise_lines(result)]))
        if result.get("failed"):
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
    """What is missing."""

    job: FillJob
    evaluator: Evaluator
    report: GapReport
    notes: list[str]

    @classmethod
    def of(cls, job: FillJob, data: Path | None, *, as_new: bool) -> _Survey:
        """Open images and table, and look into the store."""
        with torch_needed():
            from robustnas.evaluator.filling.gaps import GapReport, Gaps
            from robustnas.evaluator.measurer import set_aside, set_aside_note
            from robustnas.evaluator.space_edits import check_unedited
        table = open_table(job.plan.dataset, data) if job.plan.dataset else None
        evaluator = job.evaluator(job.plan.seeds[0], job.device)
        gaps = Gaps(job.plan, evaluator, table, job.since)
        notes = check_unedited(gaps.space, job.store, as_new=as_new)
        notes += [*scale_notes(gaps.metrics), *set_aside_note(set_aside(evaluator, job.store, gaps.metrics))]
        job = replace(job, plan=replace(job.plan, dataset=None, metrics=gaps.metrics), digest=gaps.digest)
        return cls(job, evaluator, GapReport.of(gaps, job.store), notes)

    def estimate(self, n_workers: int, n_threads: int) -> Estimate:
        """Time a few networks, if anything is missing, and return how long it takes at most."""
        from robustnas.evaluator.filling.estimate import Speed, estimate, measure_speed

        missing = {metric for metrics, _ in self.report.patterns() for metric in metrics}
        archs = [
            architecture
            for architecture, stored in zip(self.report.gaps.architectures, self.report.stored, strict=True)
            if not stored.all()
        ]
        nothing = Speed((0.0, 0.0), (0.0, 0.0))
        speed = measure_speed(self.evaluator, archs, missing, n_threads) if missing else nothing
        return estimate(self.report, self.evaluator, speed, n_workers)

    def noise(self) -> dict[str, Any]:
        """Return what several trainings of the plan's networks say of the noise of one; {} without any."""
        from robustnas.evaluator.measurer import training_noise

        gaps, job = self.report.gaps, self.job
        if len(job.plan.seeds) == 1:
            return {}
        archs = {network.arch for network in gaps.networks}
        found = training_noise(self.evaluator, job.store, gaps.metrics, among=archs, since=job.since)
        known = {str(metric): floor._asdict() for metric, floor in found.items() if floor.degrees_of_freedom}
        return {"noise": known} if known else {}

    def progress(self, estimate: Estimate | None = None) -> FillProgress:
        """Return what there is to do."""
        from robustnas.evaluator.filling.progress import FillProgress

        gaps = self.report.gaps
        predicted = dict(zip(gaps.networks, estimate.seconds.tolist(), strict=True)) if estimate else None
        return FillProgress(gaps, self.job.store, self.report.n_missing, predicted)

    def facts(self, plan: FillPlan, estimate: Estimate, devices: Sequence[str]) -> dict[str, Any]:
        """Return what is wanted, there and missing, and what it takes, as plain data."""
        least, mean, most = estimate.per_network
        settings = self.evaluator.settings_dict
        own = {} if plan.space == DEFAULT_SPACE else {"space": plan.space}
        return {
            "images": self.evaluator.images.name,
            **own,
            "dataset": plan.dataset,
            "n_networks": len(plan.networks),
            "seeds": list(plan.seeds),
            "training": self.evaluator.regime or None,
            "settings": {name: value for name, value in settings.items() if name != "seed"},
            "store": str(self.job.store.location),
            "metrics": self.report.rows(),
            "n_missing": self.report.total_missing,
            "n_networks_lacking": len(self.report.n_missing),
            "workers": len(devices),
            "devices": sorted(set(devices)),
            "seconds_at_most": round(estimate.total, 3),
            "seconds_per_network": {"least": round(least, 3), "mean": round(mean, 3), "most": round(most, 3)},
            "weights_bytes": estimate.weights_bytes,
            "notes": self.notes,
        }


def _executor(name: str | ExecutorSpec | None, workers: int | None, device: str) -> ExecutorSpec:
    """Return what runs the workers; here, as many as there are GPUs or processors unless another number is given."""
    from robustnas.evaluator.device import default_workers

    spec = chosen_executor(name).with_workers(checked_workers("workers", workers))
    if spec.engine == SERIAL:
        return spec.with_workers(1)
    return spec.with_workers(default_workers(device)) if spec.workers is None and spec.engine in _HERE else spec


def _filled(survey: _Survey, plan: FillPlan, executor: ExecutorSpec, *, dry_run: bool) -> dict[str, Any]:
    """Measure what is missing and return the result; if nothing is, or on a dry run, return the facts."""
    from robustnas.evaluator.device import numbered_device
    from robustnas.evaluator.filling.run import FillRun
    from robustnas.evaluator.filling.worker import work

    start, job, is_here = time.perf_counter(), survey.job, executor.engine in _HERE
    n = min(executor.workers or 1, max(len(survey.report.n_missing), 1))
    n_threads = max(1, processors() // n) if is_here else 1
    estimate = survey.estimate(n, n_threads)
    facts = survey.facts(plan, estimate, [numbered_device(job.device, number) for number in range(n)])
    if dry_run or not survey.report.total_missing:
        return facts
    for note in survey.notes:
        warn(note)
    if executor.engine == PROCESSES:
        executor = replace(executor, workers=n, options={"n_threads": n_threads, **executor.options})
    task = partial(work, replace(job, n_threads=n_threads if is_here else None))
    progress = survey.progress(estimate)
    run = FillRun(job.store, task, executor, progress, lease=job.lease)
    with shown(progress, plan_line(facts)) as show:
        for _ in run:
            show()
    return _result(progress, run.n_measured, time.perf_counter() - start)


def _watched(survey: _Survey) -> dict[str, Any] | None:
    """Show what workers get done, anywhere, and return the result; None if that was interrupted."""
    start, progress = time.perf_counter(), survey.progress()
    try:
        with shown(progress, missing_line(progress.n_left, len(progress.left))) as show:
            while progress.left:
                progress.look()
                show()
                time.sleep(_TICK)
    except KeyboardInterrupt:
        say("stopped watching; workers go on")
        return None
    return _result(progress, 0, time.perf_counter() - start)


def _result(progress: FillProgress, n_measured: int, seconds: float) -> dict[str, Any]:
    return {
        "n_measured": n_measured,
        "n_by_others": max(progress.n_done - n_measured, 0),
        "n_missing": progress.n_left,
        "n_left_to_others": len(progress.left.keys() - progress.failed.keys()),
        "failed": [
            {"network": network_name(network), "arch": network.arch, "seed": network.seed, "reason": reason}
            for network, reason in progress.failed.items()
        ],
        "seconds": round(seconds, 3),
    }
