"""``robustnas data attach``, ``attached`` and ``detach``: your own tables as objectives and constraints."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np

from experiments.commands.options import PATH, data_option, dataset_option, json_option, print_json
from experiments.pages.terminal import fitted
from robustnas.errors import excerpt, listing
from robustnas.objectives.objective import Objective
from robustnas.spaces.nasbench201 import NASBENCH201
from robustnas.tables.attached import attaching
from robustnas.tables.attached.attached import AttachedTable, attached_datasets, attached_tables
from robustnas.tables.attached.declaring import looks_like_percent
from robustnas.tables.attached.duplicates import DUPLICATES
from robustnas.tables.column_facts import ColumnFacts

_data_option = data_option(
    "Folder of the database to attach to.",
    "all databases; kept in the folder that ROBUSTNAS_ATTACHED names, else in the user's data directory",
)
_LONGEST = 120  # characters of the name of a key, six columns of which are shown whole
_of_dataset = dataset_option("Dataset that the table belongs to.", default="cifar10", show_default=True)


@click.command()
@click.argument("file", metavar="FILE", type=PATH)
@_of_dataset
@click.option(
    "--name", metavar="N", show_default="the file's", help="Name of the table; its columns become N.<column>."
)
@click.option(
    "--key",
    metavar="COLUMN[,...]",
    show_default="found by name and content",
    help="Column of architectures, or the columns of their operations in arch-string order.",
)
@click.option(
    "--notation",
    type=click.Choice(NASBENCH201.notations),
    show_default="found in the file, or asked for",
    help="What six operation indices mean: NASLib's order of edges and operations, or NAS-Bench-201's own.",
)
@click.option(
    "--duplicates",
    type=click.Choice(tuple(DUPLICATES)),
    default="error",
    show_default=True,
    help="What to do with rows that repeat a cell, such as one row per seed.",
)
@click.option("--minimise", multiple=True, metavar="COL", help="A column of which smaller is better; repeatable.")
@click.option("--maximise", multiple=True, metavar="COL", help="A column of which larger is better; repeatable.")
@click.option("--percent", multiple=True, metavar="COL", help="A column in percent, to be divided by 100; repeatable.")
@_data_option
def attach(
    file: Path,
    dataset: str,
    name: str | None,
    key: str | None,
    notation: str | None,
    duplicates: str,
    minimise: tuple[str, ...],
    maximise: tuple[str, ...],
    percent: tuple[str, ...],
    data: Path | None,
) -> None:
    """Attach the numbers in FILE as columns for objectives.

    FILE is .csv, .tsv, .txt, .json, .jsonl, .parquet, .feather, .npy, .npz, .pkl or .pt, compressed or not, keyed by
    cell in any notation: arch strings, six operation indices, database ids, operation names. Cells may be
    missing. A table of the same name is replaced.

    Six operation indices, such as (4, 0, 3, 1, 4, 3), are one cell to NASLib and another to NAS-Bench-201. Arch
    strings, ids, parameters or FLOPs in the same file decide; without them, --notation must.

    Columns are minimised if they are called like costs (latency, fpga, x_ms, error), else maximised. Numbers keep their
    unit; those in percent are made shares of 1, like accuracies here, with --percent.

    \b
    Example:
      robustnas data attach hw_nas_bench.csv --dataset cifar10 --name hw --notation naslib
      robustnas search --objective 'pgd@1 where hw.edgegpu_latency < 5'
    """
    table = attaching.attach(
        file,
        dataset,
        name,
        key=key,
        notation=notation,
        duplicates=duplicates,
        minimise=minimise,
        maximise=maximise,
        percent=percent,
        data=data,
    )
    click.echo(fitted(_text(table)))
    for note in (*table.notes, *_advice(table)):
        click.echo(fitted(f"note: {note}"))


@click.command()
@dataset_option("Dataset whose tables to list.", show_default="all")
@_data_option
@json_option
def attached(dataset: str | None, data: Path | None, as_json: bool) -> None:
    """List the attached tables.

    \b
    Example:
      robustnas data attached --json
    """
    names = [dataset] if dataset else attached_datasets(data)
    found = [table for name in names for table in attached_tables(name, data).values()]
    if as_json:
        print_json({"attached": [{**table.summary(), "path": str(table.path)} for table in found]})
        return
    click.echo(fitted("\n".join(map(_text, found))) or "nothing is attached; robustnas data attach FILE")


@click.command()
@click.argument("name")
@_of_dataset
@_data_option
def detach(name: str, dataset: str, data: Path | None) -> None:
    """Remove the attached table NAME.

    \b
    Example:
      robustnas data detach hw --dataset cifar10
    """
    click.echo(f"removed {attaching.detach(name, dataset, data=data)}")


def _text(table: AttachedTable) -> str:
    named = f"columns {table.key}" if "," in table.key else f"column {table.key}"
    key = f", keyed by its {named if len(named) <= _LONGEST else excerpt(named)}" if table.key else ""
    lines = [
        f"{table.name} ({table.dataset}): {table.n_cells:,} of {table.space.size:,} cells, {table.n_networks:,} of "
        f"{table.space.n_networks:,} networks; from {table.source}{key}, digest {table.digest[:16]}"
    ]
    for column, known in table.known.items():
        said = [_direction(table, column), *(["shares, shown in percent"] if _facts(table, column).share else [])]
        cells = "" if known == table.n_cells else f", {known:,} cells"
        lines.append(f"  {table.name}.{column}  {', '.join(said)}{cells}")
    return "\n".join(lines)


def _facts(table: AttachedTable, column: str) -> ColumnFacts:
    return table.facts.get(column, ColumnFacts())


def _direction(table: AttachedTable, column: str) -> str:
    declared = _facts(table, column).minimised
    minimised = Objective(f"{table.name}.{column}").minimised if declared is None else declared
    return "minimised" if minimised else "maximised"


def _advice(table: AttachedTable) -> Iterator[str]:
    """Yield what may be wrong with the columns, and how to put it right."""
    if table.ignored:
        yield f"left out, not numbers: {listing(table.ignored)}"
    columns = {name.rpartition(".")[2]: values for name, values in table.cell_columns().items()}
    costs = [column for column in columns if _direction(table, column) == "minimised"]
    if len(costs) == len(columns):
        yield (
            "all columns are costs, to be minimised; search for them beside an accuracy, as in 'clean, "
            f"{table.name}.{costs[0]}', or as a limit, as in 'pgd@1 where {table.name}.{costs[0]} <= ...'; "
            "if one is no cost, attach it again with --maximise COL"
        )
    percent = {column: values for column, values in columns.items() if not _facts(table, column).share}
    percent = {
        column: values
        for column, values in percent.items()
        if looks_like_percent(column, values, minimised=column in costs)
    }
    for column, values in percent.items():
        yield (
            f"{column} looks like percent ({np.nanmin(values):.4g} to {np.nanmax(values):.4g}), while accuracies here "
            f"are from 0 to 1; if it is, attach it again with --percent {column}"
        )
    for column in costs:
        if n_negative := int((columns[column] < 0).sum()):
            name = f"{table.name}.{column}"
            yield (
                f"{name} is minimised and negative for {n_negative:,} cells; if these are missing numbers: "
                f"... where {name} >= 0"
            )
