"""``robustnas data attach``, ``attached`` and ``detach``: tables of one's own as objectives and constraints."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from experiments.commands.options import json_option, print_json

if TYPE_CHECKING:
    from robustnas.tables.attached.attached import AttachedTable

_data_option = click.option(
    "--data",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="The database's folder to keep it with  [default: for all databases, in the folder that ROBUSTNAS_ATTACHED "
    "names, else in the user's data directory]",
)

_dataset_option = click.option("--dataset", default="cifar10", show_default=True, help="Dataset that it belongs to.")


@click.command()
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@_dataset_option
@click.option("--name", required=True, metavar="N", help="What to call it: its columns are N.<column>.")
@click.option("--key", metavar="COLUMN", help="The column of architectures  [default: found by name and content]")
@_data_option
def attach(file: Path, dataset: str, name: str, key: str | None, data: Path | None) -> None:
    """Take the numbers of FILE (CSV, Parquet or JSON, keyed by cell) as columns for objectives.

    Cells may be in any notation: arch strings, NASLib operation indices, database ids. Rows may be missing. A table of
    the same name is replaced.

    \b
    Example:
      robustnas data attach hw_nas_bench.csv --dataset cifar10 --name hw
      robustnas search --objective 'pgd@1 where hw.edgegpu_latency < 5'
    """
    from robustnas.tables.attached.attached import attach

    table = attach(file, dataset, name, key=key, data=data)
    click.echo(_text(table))
    if table.ignored:
        click.echo(f"left out, not numbers: {', '.join(table.ignored)}")
    for column, n_negative in _negatives(table).items():
        click.echo(f"note: {column} is minimised and negative for {n_negative:,} cells; if that marks missing numbers:")
        click.echo(f"  ... where {column} >= 0")


@click.command()
@click.option("--dataset", help="One dataset only.")
@_data_option
@json_option
def attached(dataset: str | None, data: Path | None, as_json: bool) -> None:
    """List the attached tables.

    \b
    Example:
      robustnas data attached --json
    """
    from robustnas.spaces.nasbench201.cost import SKELETONS
    from robustnas.tables.attached.attached import attached_tables

    names = [dataset] if dataset else list(SKELETONS)
    tables = [table for name in names for table in attached_tables(name, data).values()]
    if as_json:
        print_json({"attached": [{**table.summary(), "path": str(table.path)} for table in tables]})
        return
    click.echo("\n".join(map(_text, tables)) or "nothing is attached; robustnas data attach FILE --name N")


@click.command()
@click.argument("name")
@_dataset_option
@_data_option
def detach(name: str, dataset: str, data: Path | None) -> None:
    """Remove the attached table NAME.

    \b
    Example:
      robustnas data detach hw --dataset cifar10
    """
    from robustnas.tables.attached.attached import detach

    click.echo(f"removed {detach(name, dataset, data=data)}")


def _text(table: AttachedTable) -> str:
    from robustnas.objectives.objective import Objective
    from robustnas.spaces.nasbench201.identity import N_NETWORKS
    from robustnas.spaces.nasbench201.numbering import N_CELLS

    key = f", keyed by its column {table.key}" if table.key else ""
    lines = [
        f"{table.name} ({table.dataset}): {table.n_cells:,} of {N_CELLS:,} cells, {table.n_networks:,} of "
        f"{N_NETWORKS:,} networks; from {table.source}{key}, digest {table.digest[:16]}"
    ]
    for column, known in table.known.items():
        name = f"{table.name}.{column}"
        direction = "minimised" if Objective(name).minimised else "maximised"
        lines.append(f"  {name}  {direction}" + ("" if known == table.n_cells else f", {known:,} cells"))
    return "\n".join(lines)


def _negatives(table: AttachedTable) -> dict[str, int]:
    """Return how many numbers are negative in the columns to minimise: markers of missing ones, it may be."""
    from robustnas.objectives.objective import Objective

    counts = {name: int((values < 0).sum()) for name, values in table.cell_columns().items()}
    return {name: count for name, count in counts.items() if count and Objective(name).minimised}
