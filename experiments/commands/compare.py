"""``robustnas compare``, ``plan`` and ``report``: experiments."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from experiments.commands.options import data_option, fail

if TYPE_CHECKING:
    from rich.progress import TaskID

    from experiments.comparison.plan import Plan

_MOST_BARS = 20


@click.command()
@click.argument("plan", required=False, type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("robustnas-results"),
    show_default=True,
    help="Directory for records and report.",
)
@click.option("--jobs", type=int, help="Processes.  [default: as many as processors]")
@data_option
def compare(plan: Path | None, out: Path, jobs: int | None, data: Path | None) -> None:
    """Compare search strategies as a PLAN asks for, and write the report.

    Without a PLAN, runs the built-in one (see `robustnas plan`): four strategies on clean and FGSM accuracy. Finished
    runs are kept: the same command goes on where it was stopped.

    \b
    Example:
      robustnas plan > my.toml
      robustnas compare my.toml --out results --jobs 2
    """
    from experiments.comparison.plan import Plan, builtin_text

    chosen = _builtin(data) if plan is None else Plan.load(plan)
    text = builtin_text(chosen.dataset) if plan is None else plan.read_text(encoding="utf-8")
    try:
        _run(chosen, text, out, data, jobs)
    except KeyboardInterrupt:
        fail(f"interrupted; finished runs are kept in {out}: run the same command to go on", code=1)
    _report(out)


@click.command()
@click.argument("directory", type=click.Path(path_type=Path))
def report(directory: Path) -> None:
    """Rebuild the report of the experiment in DIRECTORY from its records alone.

    \b
    Example:
      robustnas report robustnas-results
    """
    _report(directory)


@click.command()
def plan() -> None:
    """Print the built-in plan, to copy and change.

    \b
    Example:
      robustnas plan > my.toml
    """
    from experiments.comparison.plan import builtin_text

    click.echo(builtin_text(), nl=False)


def _builtin(data: Path | None) -> Plan:
    """Return the built-in plan, on the embedded dataset where there is no database; say so in one line."""
    from experiments.comparison.plan import Plan
    from robustnas.tables.datasets import NO_DATA_NOTICE, choose_dataset, is_surrogate

    dataset = choose_dataset(None, data)
    if is_surrogate(dataset):
        click.echo(NO_DATA_NOTICE, err=True)
    return Plan.builtin(dataset)


def _report(directory: Path) -> None:
    """Write the report of a comparison or of a benchmark of surrogates, whichever the records are of."""
    from experiments.comparison.records import load
    from experiments.comparison.report import write_report
    from experiments.comparison.tables import terminal_table
    from experiments.surrogate_benchmark.records import is_benchmark
    from experiments.surrogate_benchmark.report import write_surrogate_report

    if is_benchmark(directory):
        click.echo(f"report: {write_surrogate_report(directory)}")
        return
    page = write_report(directory)
    click.echo(terminal_table(load(directory)))
    click.echo(f"\nreport: {page}")


def _run(plan: Plan, text: str, out: Path, data: Path | None, jobs: int | None) -> None:
    from experiments.comparison.runner import compare as run_plan

    with _progress(plan) as show:
        for done, run in run_plan(plan, out, data=data, jobs=jobs):
            show(done, run)


@contextmanager
def _progress(plan: Plan) -> Iterator[Any]:
    """Show runs finished, per objective and searcher, with the mean of the best so far."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(
        *columns, TextColumn("{task.fields[best]}"), console=console, disable=not sys.stderr.isatty()
    ) as bars:
        total = bars.add_task("all runs", total=plan.n_runs, best="")
        tasks: dict[tuple[str, str], TaskID] = {}
        pairs = [(objective, searcher.label) for objective in plan.objectives for searcher in plan.searchers]
        if len(pairs) <= _MOST_BARS:
            tasks = {pair: bars.add_task(" / ".join(pair), total=len(plan.seeds), best="") for pair in pairs}
        scores: defaultdict[tuple[str, str], list[float]] = defaultdict(list)

        def show(done: int, run: dict[str, Any] | None) -> None:
            bars.update(total, completed=done)
            if run is None:
                if done:
                    bars.console.print(f"{done} of {plan.n_runs} runs are already there")
                return
            pair = run["objective"], run["searcher"]
            scores[pair].append(run["best"]["score"])
            if pair in tasks:
                mean = sum(scores[pair]) / len(scores[pair])
                bars.update(tasks[pair], advance=1, best=f"mean best {mean:.4g}")

        yield show
