"""``robustnas query``: what the database says of one architecture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from experiments.commands.options import data_option, dataset_option, json_option, open_dataset, print_json

if TYPE_CHECKING:
    from robustnas.spaces.nasbench201.cell import Cell
    from robustnas.tables.table import Table


@click.command()
@click.argument("arch")
@dataset_option
@data_option
@json_option
def query(arch: str, dataset: str | None, data: Path | None, as_json: bool) -> None:
    """Print every score of the network ARCH.

    ARCH is an arch string, six NASLib operation indices such as "(4, 0, 3, 1, 4, 3)", a database id such as "#13433"
    or a space index such as "index:13931".

    \b
    Example:
      robustnas query '#13433' --dataset cifar10 --json
    """
    from robustnas.spaces.nasbench201 import space
    from robustnas.spaces.nasbench201.cell import Cell

    cell = Cell.parse(arch)
    table = open_dataset(dataset, data)
    if as_json:
        scores = _scores(cell, table)
        print_json({"arch": cell.arch, "uid": space.uid(cell), "dataset": table.dataset, "scores": scores})
    else:
        click.echo(_text(cell, table))


def _scores(cell: Cell, table: Table) -> dict[str, float]:
    return {str(metric): float(table.column(metric)[cell.index]) for metric in table.metrics}


def _text(cell: Cell, table: Table) -> str:
    from robustnas.spaces.nasbench201 import space
    from robustnas.spaces.nasbench201.cost import CIFAR10, SKELETONS

    skeleton = SKELETONS.get(table.dataset, CIFAR10)
    lines = [
        cell.arch,
        f"network {space.uid(cell)} of {table.dataset}, {skeleton.parameters(cell):,} parameters, "
        f"{skeleton.flops(cell):,} multiply-accumulates",
        "",
    ]
    rows: dict[str, list[str]] = {}
    for metric in table.metrics:
        level = "" if metric.level is None else f"@{metric.level:g} "
        score = 100 * table.column(metric)[cell.index]
        rows.setdefault(str(metric).partition("@")[0], []).append(f"{level}{score:.1f}")
    width = max(map(len, rows), default=0)
    lines += [f"{name:<{width}}  {'   '.join(scores)}" for name, scores in rows.items()]
    lines += ["", "accuracies in percent; @ eps in 1/255 for attacks, @ severity for corruptions"]
    return "\n".join(lines)
