"""``robustnas query``: all scores of one architecture, or the networks that a where-clause leaves."""

from __future__ import annotations

import math
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import click
import numpy as np

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
from robustnas.errors import InvalidInputError, ObjectiveError
from robustnas.objectives import training_lines, training_of
from robustnas.objectives.constraint import parse_clause
from robustnas.objectives.objective import ranges_text
from robustnas.spaces import COSTS
from robustnas.spaces.nasbench201 import NASBENCH201
from robustnas.tables.table import Table, cost_column

_MOST_LISTED = 20


@click.command()
@click.argument("arch", required=False)
@click.option("--where", metavar="CLAUSE", help="List the networks that satisfy this instead: 'params <= 500000'.")
@dataset_option()
@data_option()
@json_option
def query(arch: str | None, where: str | None, dataset: str | None, data: Path | None, as_json: bool) -> None:
    """Print every score of the network ARCH, and what attached tables say of it; or networks by their scores.

    ARCH is an arch string, six NASLib operation indices such as "(4, 0, 3, 1, 4, 3)", a database id such as "#13433"
    or a space index such as "index:13931". Six indices in the order of NAS-Bench-201's own code are another network:
    write these as an arch string.

    \b
    Example:
      robustnas query '#13433' --dataset cifar10 --json
      robustnas query --where 'params <= 500000 and pgd@1 >= 0.5'
    """
    if (arch is None) == (where is None):
        raise InvalidInputError("expected either ARCH or --where CLAUSE, as in '#13433' or --where 'params <= 500000'")
    table = open_dataset(dataset, data)
    if where is not None:
        _list_networks(where, table, as_json)
        return
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


def _list_networks(where: str, table: Table, as_json: bool) -> None:
    """Print the networks that satisfy a where-clause, the best by its first comparison first."""
    constraints = parse_clause(re.sub(r"^\s*where\b", "", where))
    space, indices = table.space, table.space.network_indices()
    sums = {constraint.expression: constraint.evaluate(table)[indices] for constraint in constraints}
    rows = np.flatnonzero(np.all([constraint.satisfied(table)[indices] for constraint in constraints], axis=0))
    first = constraints[0]
    rows = rows[np.argsort((-1 if first.sign[0] == ">" else 1) * sums[first.expression][rows], kind="stable")]
    if not len(rows):
        clause = " and ".join(map(str, constraints))
        raise ObjectiveError(f"no network of {table.dataset} satisfies {clause}: {ranges_text(constraints, table)}")
    found: list[dict[str, Any]] = [
        {
            "uid": int(space.uids()[indices[row]]),
            "arch": str(space.architecture(int(indices[row]))),
            "scores": {name: float(values[row]) for name, values in sums.items()},
        }
        for row in rows.tolist()
    ]
    if as_json:
        print_json({"dataset": table.dataset, **training_of(table), "networks": found})
        return
    click.echo(f"{len(found):,} of the {space.n_networks:,} networks of {table.dataset}")
    for network in found[:_MOST_LISTED]:
        scores = ", ".join(f"{name} {value:.6g}" for name, value in network["scores"].items())
        click.echo(fitted(f"#{network['uid']}  {network['arch']}  {scores}"))
    if len(found) > _MOST_LISTED:
        click.echo(f"and {len(found) - _MOST_LISTED:,} more: --json has all")


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
