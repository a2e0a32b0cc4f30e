"""``robustnas surrogates``: the benchmark of surrogates."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from experiments.commands.executor_option import executor_option
from experiments.commands.interruptions import interruptible
from experiments.commands.names_option import names_option
from experiments.commands.options import (
    SEVERAL,
    chosen_dataset,
    data_option,
    dataset_option,
    jobs_option,
    json_option,
    listed,
    out_option,
    print_json,
    seed_option,
    warn,
)
from experiments.pages.terminal import written
from experiments.progress import progress_bars
from experiments.surrogate_benchmark.plan import SMALLEST_SIZE, BenchmarkPlan
from experiments.surrogate_benchmark.records import from_records
from experiments.surrogate_benchmark.report import write_surrogate_report
from experiments.surrogate_benchmark.runner import KEY, benchmark, manifest, row
from experiments.surrogate_benchmark.tables import ranking_table
from robustnas.checks import written_number
from robustnas.executors import ExecutorSpec
from robustnas.spaces import encoding_names
from robustnas.tables.datasets import open_table
from robustnas.tables.named import NamedTable
from robustnas.tables.table import MEASURED, Table
from surrogates.registry import NASLIB_SURROGATES, SURROGATES


@click.command()
@dataset_option()
@click.option(
    "--objective",
    "objectives",
    multiple=True,
    default=("pgd@1",),
    show_default=True,
    help="Objective to predict; repeatable. See `robustnas objectives`.",
)
@names_option(
    "--surrogates",
    "names",
    names=lambda: ["default", *SURROGATES, *NASLIB_SURROGATES],
    separators=SEVERAL,
    default="default",
    metavar="NAMES",
    help="Surrogates, separated by commas: default is the shipped one, my_file.py:MyRegressor one of your own.",
)
@names_option(
    "--encodings",
    names=lambda: ["default", *encoding_names()],
    separators=SEVERAL + "+",
    default="default",
    metavar="NAMES",
    help="Encodings, separated by commas; join the parts of one with +, as in path+cost.",
)
@click.option(
    "--train-sizes",
    default="50,100,200,400",
    show_default=True,
    metavar="NUMBERS",
    help="Networks to fit on, 2 to 6465, separated by commas.",
)
@click.option("--trials", default=10, show_default=True, help="Training sets of each size.")
@seed_option("training sets and surrogates")
@jobs_option
@executor_option
@out_option()
@data_option()
@json_option
def surrogates(
    dataset: str | None,
    objectives: tuple[str, ...],
    names: str,
    encodings: str,
    train_sizes: str,
    trials: int,
    seed: int,
    jobs: int | None,
    executor: str | ExecutorSpec | None,
    out: Path | None,
    data: Path | None,
    as_json: bool,
) -> None:
    """Benchmark surrogates: fit on some networks, rank all the others.

    With --out, finished fits are kept (after an interruption, the same command resumes), and figures, tables and a page
    are written beside them.

    \b
    Example:
      robustnas surrogates
      robustnas surrogates --objective pgd@1 --surrogates xgboost,forest --encodings one-hot,graph --out benchmark
      robustnas surrogates --objective clean --objective pgd@1 --train-sizes 100,400 --trials 3 --json
    """
    sizes = tuple(written_number("train size", text, at_least=SMALLEST_SIZE) for text in listed(train_sizes))
    chosen = chosen_dataset(dataset, data)
    plan = BenchmarkPlan(chosen, objectives, tuple(listed(names)), tuple(listed(encodings)), sizes, trials, seed)
    table = open_table(chosen, data)
    records = _run(plan, table, NamedTable.of(table, chosen, data), out, jobs, executor)
    if as_json:
        print_json({"rows": [row(record) for record in records]})
    else:
        _show(plan, records, table)
    if out is not None:
        with progress_bars() as bars:
            page = write_surrogate_report(out, warn, bars.add("report").show)
        if not as_json:
            click.echo(f"\nreport: {page}")


def _run(
    plan: BenchmarkPlan,
    table: Table,
    named: NamedTable,
    out: Path | None,
    jobs: int | None,
    executor: str | ExecutorSpec | None,
) -> list[dict[str, Any]]:
    """Return the records of all fits, in the order of the plan."""
    found: dict[Any, dict[str, Any]] = {}
    advice = (
        "nothing is kept without --out: run the same command to start again"
        if out is None
        else f"finished fits are kept in {out}: run the same command again to resume"
    )
    with interruptible(advice), _progress(plan) as show:
        for done, record in benchmark(plan, out, table=table, reopen=named, jobs=jobs, executor=executor, note=warn):
            show(done, record)
            if record is not None:
                found[tuple(record[name] for name in KEY)] = record
    return [found[spec.key] for spec in plan.specs]


def _show(plan: BenchmarkPlan, records: list[dict[str, Any]], table: Table) -> None:
    read = from_records(manifest(plan, table), records)
    click.echo(written(ranking_table(read)))
    if table.source not in MEASURED:
        click.echo(f"\nNot measurements: {table.dataset} is a {table.source}.")


@contextmanager
def _progress(plan: BenchmarkPlan) -> Iterator[Any]:
    """Show fits finished, with the newest Kendall tau."""
    with progress_bars(counted=True) as bars:
        fits = bars.add("fits", plan.n_fits)

        def show(done: int, record: dict[str, Any] | None) -> None:
            fits.show(completed=done)
            if record is None:
                bars.found(done, plan.n_fits, "fits")
            elif record["kendall_tau"] is not None:
                name = f"{record['surrogate']}, {record['encoding']} on {record['train_size']}"
                fits.show(note=f"{name}: tau {record['kendall_tau']:.3f}")

        yield show
