"""``robustnas surrogates``: the benchmark of surrogates."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from experiments.commands.options import data_option, dataset_option, fail, json_option, open_dataset, print_json
from robustnas.errors import InvalidInputError

if TYPE_CHECKING:
    from experiments.surrogate_benchmark.plan import BenchmarkPlan
    from robustnas.tables.table import Table


@click.command()
@dataset_option
@click.option(
    "--objective", "objectives", multiple=True, default=("pgd@1",), show_default=True, help="To predict; repeatable."
)
@click.option(
    "--surrogates",
    "names",
    default="default",
    show_default=True,
    metavar="NAMES",
    help="Surrogates, separated by commas; default is the shipped one, naslib:xgb one of NASLib's.",
)
@click.option(
    "--encodings",
    default="default",
    show_default=True,
    metavar="NAMES",
    help="Encodings, separated by commas; parts of one joined by +, as in path+cost.",
)
@click.option(
    "--train-sizes",
    default="50,100,200,400",
    show_default=True,
    metavar="NUMBERS",
    help="Networks to learn from, 2 to 6465.",
)
@click.option("--trials", default=10, show_default=True, help="Training sets of each size.")
@click.option("--seed", default=0, show_default=True, help="Fixes the training sets and the surrogates.")
@click.option("--jobs", type=int, help="Processes.  [default: as many as processors]")
@click.option("--out", type=click.Path(path_type=Path), help="Directory for records and report.")
@data_option
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
    out: Path | None,
    data: Path | None,
    as_json: bool,
) -> None:
    """Benchmark surrogates: learn from some networks, rank all the others.

    With --out, finished fits are kept (the same command goes on where it was stopped), and figures, tables and a page
    are written beside them.

    \b
    Example:
      robustnas surrogates
      robustnas surrogates --objective pgd@1 --surrogates xgboost,forest --encodings one-hot,graph --out surrogates
      robustnas surrogates --objective clean --objective pgd@1 --train-sizes 100,400 --trials 3 --json
    """
    from experiments.surrogate_benchmark.plan import BenchmarkPlan
    from experiments.surrogate_benchmark.runner import row
    from robustnas.tables.datasets import choose_dataset

    sizes = tuple(_number(text) for text in _listed(train_sizes))
    chosen = choose_dataset(dataset, data)
    plan = BenchmarkPlan(chosen, objectives, _listed(names), _listed(encodings), sizes, trials, seed)
    table = open_dataset(dataset, data)
    records = _run(plan, out, data, jobs)
    if as_json:
        print_json({"rows": [row(record) for record in records]})
        if out is not None:
            _write_report(out)
        return
    _show(plan, records, table)
    if out is not None:
        click.echo(f"\nreport: {_write_report(out)}")


def _run(plan: BenchmarkPlan, out: Path | None, data: Path | None, jobs: int | None) -> list[dict[str, Any]]:
    """Return the records of all fits, in the order of the plan."""
    from experiments.surrogate_benchmark.runner import benchmark

    found: dict[Any, dict[str, Any]] = {}
    try:
        with _progress(plan) as show:
            for done, record in benchmark(plan, out, data=data, jobs=jobs):
                show(done, record)
                if record is not None:
                    found[tuple(record[name] for name in _KEY)] = record
    except KeyboardInterrupt:
        kept = "nothing is kept without --out" if out is None else f"finished fits are kept in {out}"
        fail(f"interrupted; {kept}: run the same command to {'start again' if out is None else 'go on'}", code=1)
    return [found[spec.key] for spec in plan.specs]


_KEY = ("objective", "surrogate", "encoding", "train_size", "trial")


def _show(plan: BenchmarkPlan, records: list[dict[str, Any]], table: Table) -> None:
    from experiments.pages.table import markdown
    from experiments.surrogate_benchmark.records import from_records
    from experiments.surrogate_benchmark.runner import manifest
    from experiments.surrogate_benchmark.tables import ranking_table

    read = from_records(manifest(plan, table), records)
    click.echo(markdown(ranking_table(read)), nl=False)
    if table.source != "table":
        click.echo(f"\nNot measurements: {table.dataset} is a {table.source}.")


def _write_report(out: Path) -> Path:
    from experiments.surrogate_benchmark.report import write_surrogate_report

    return write_surrogate_report(out)


@contextmanager
def _progress(plan: BenchmarkPlan) -> Iterator[Any]:
    """Show fits finished, with the newest Kendall tau."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    newest = TextColumn("{task.fields[newest]}")
    with Progress(*columns, newest, console=console, disable=not sys.stderr.isatty()) as bars:
        task = bars.add_task("fits", total=plan.n_fits, newest="")

        def show(done: int, record: dict[str, Any] | None) -> None:
            bars.update(task, completed=done)
            if record is None:
                if done:
                    bars.console.print(f"{done} of {plan.n_fits} fits are already there")
            elif record["kendall_tau"] is not None:
                name = f"{record['surrogate']}, {record['encoding']} on {record['train_size']}"
                bars.update(task, newest=f"{name}: tau {record['kendall_tau']:.3f}")

        yield show


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise InvalidInputError(
            f"train size is {text!r}; expected whole numbers separated by commas, as in 50,100"
        ) from None
