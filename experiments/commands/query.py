"""``robustnas query``: all scores of one architecture."""

from __future__ import annotations

from pathlib import Path

import click

from experiments.commands.options import (
    data_option,
    dataset_option,
    json_option,
    open_dataset,
    print_json,
    score_lines,
)
from robustnas.spaces.nasbench201 import space
from robustnas.spaces.nasbench201.cell import Cell
from robustnas.spaces.nasbench201.cost import CIFAR10, SKELETONS


@click.command()
@click.argument("arch")
@dataset_option()
@data_option()
@json_option
def query(arch: str, dataset: str | None, data: Path | None, as_json: bool) -> None:
    """Print every score of the network ARCH.

    ARCH is an arch string, six NASLib operation indices such as "(4, 0, 3, 1, 4, 3)", a database id such as "#13433"
    or a space index such as "index:13931".

    \b
    Example:
      robustnas query '#13433' --dataset cifar10 --json
    """
    cell = Cell.parse(arch)
    table = open_dataset(dataset, data)
    scores = {str(metric): float(table.column(metric)[cell.index]) for metric in table.metrics}
    if as_json:
        print_json({"arch": cell.arch, "uid": space.uid(cell), "dataset": table.dataset, "scores": scores})
        return
    skeleton = SKELETONS.get(table.dataset, CIFAR10)
    lines = [
        cell.arch,
        f"network {space.uid(cell)} of {table.dataset}, {skeleton.parameters(cell):,} parameters, "
        f"{skeleton.flops(cell):,} multiply-accumulates",
        "",
        *score_lines(scores),
        "",
        "accuracies in percent; @ eps in 1/255 for attacks, @ severity for corruptions",
    ]
    click.echo("\n".join(lines))
