"""``robustnas query``: all scores of one architecture."""

from __future__ import annotations

import math
from contextlib import suppress
from pathlib import Path

import click

from experiments.commands.options import (
    data_option,
    dataset_option,
    json_option,
    note_reading,
    open_dataset,
    print_json,
    score_lines,
)
from experiments.pages.terminal import fitted
from robustnas.errors import ObjectiveError
from robustnas.objectives import training_lines, training_of
from robustnas.spaces import COSTS
from robustnas.spaces.nasbench201 import NASBENCH201
from robustnas.tables.table import Table, cost_column


@click.command()
@click.argument("arch")
@dataset_option()
@data_option()
@json_option
def query(arch: str, dataset: str | None, data: Path | None, as_json: bool) -> None:
    """Print every score of the network ARCH, and what attached tables say of it.

    ARCH is an arch string, six NASLib operation indices such as "(4, 0, 3, 1, 4, 3)", a database id such as "#13433"
    or a space index such as "index:13931". Six indices in the order of NAS-Bench-201's own code are another network:
    write these as an arch string.

    \b
    Example:
      robustnas query '#13433' --dataset cifar10 --json
    """
    table = open_dataset(dataset, data)
    space = table.space
    architecture = space.parse(arch)
    if space.name == NASBENCH201.name:
        note_reading(arch)
    index, uid = space.index(architecture), space.uid(architecture)
    scores = {metric: float(table.column(metric)[index]) for metric in table.metrics}
    attached = {name: float(values[index]) for name, values in table.attached_columns().items()}
    if as_json:
        named = {str(metric): score for metric, score in scores.items()}
        facts = {"arch": str(architecture), "uid": uid, "dataset": table.dataset, **training_of(table)}
        print_json({**facts, "scores": named, **({"attached": attached} if attached else {})})
        return
    accuracies = {str(metric): score for metric, score in scores.items() if metric.is_accuracy}
    lines = [
        str(architecture),
        ", ".join([f"network {uid} of {table.dataset}", *_costs(table, index)]),
        *training_lines(table),
        "",
        *(f"{metric}  {score:.6g}" for metric, score in scores.items() if not metric.is_accuracy),
        *score_lines(accuracies),
    ]
    if accuracies:
        lines += ["", "accuracies in percent; @ eps in 1/255 for attacks, @ severity for corruptions"]
    if attached:
        width = max(map(len, attached))
        lines += ["", *(f"{name:<{width}}  {_value(value)}" for name, value in attached.items())]
    click.echo(fitted("\n".join(lines)))


def _value(value: float) -> str:
    return "no number" if math.isnan(value) else f"{value:.6g}"


def _costs(table: Table, index: int) -> list[str]:
    """Return the costs that the table's space knows, in words."""
    words = {"params": "parameters", "flops": "multiply-accumulates"}
    texts = []
    for name in COSTS:
        with suppress(ObjectiveError):
            texts.append(f"{cost_column(name, table)[index]:,.0f} {words.get(name, name)}")
    return texts
