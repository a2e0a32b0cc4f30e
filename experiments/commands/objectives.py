"""``robustnas objectives``: what can be searched for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np

from experiments.commands.options import data_option, dataset_option, json_option, open_dataset, print_json
from experiments.pages.table import number, unit
from experiments.pages.terminal import fitted
from robustnas.errors import ObjectiveError
from robustnas.metric import ATTACKS, CORRUPTIONS, PAPER_ATTACKS, corruption_metrics
from robustnas.objectives import (
    SUITE,
    Objective,
    declared,
    facts,
    parse_objectives,
    training_lines,
    training_of,
)
from robustnas.spaces import COSTS
from robustnas.tables.table import Table, cost_column

_LEGEND = """
noise: standard deviation between trainings of the same function, in points or in the column's own unit
combine: "0.5*clean + 0.5*pgd@1" (weighted sum), "clean, pgd@1, flops" (several at once)
constrain: "pgd@1 where params <= 500000 and clean >= 0.93\""""


@click.command()
@dataset_option()
@data_option()
@json_option
def objectives(dataset: str | None, data: Path | None, as_json: bool) -> None:
    """List the objectives that the data allows.

    Each comes with its best score and its training noise. Combine objectives as weighted sums ("0.5*clean +
    0.5*pgd@1"), separate several with commas ("clean, pgd@1, flops"), and restrict the networks with a where-clause
    ("pgd@1 where params <= 500000"). The problems of the suite, rob201-mop1 to rob201-mop8, are several by one name.

    \b
    Example:
      robustnas objectives --dataset cifar10
    """
    table = open_dataset(dataset, data)
    rows = list(_rows(table))
    if as_json:
        plain = [{name: value for name, value in row.items() if name != "scale"} for row in rows]
        suite = [
            {"name": name, "objectives": problem.objectives, "why": problem.why, "lacks": _lacks(name, table)}
            for name, problem in SUITE.items()
        ]
        print_json({"dataset": table.dataset, **training_of(table), "objectives": plain, "suite": suite})
        return
    width = max(len(row["objective"]) for row in rows)
    before = width + len("  ") + 12 + len("  ") + 6 + len("  ")
    for line in training_lines(table):
        click.echo(f"{line}\n")
    click.echo(f"{'objective':<{width}}  {'best':>12}  {'noise':>6}  meaning")
    for row in rows:
        noise = number(row["noise"], row["scale"]) if row["noise"] > 0 else ""
        click.echo(fitted(f"{row['objective']:<{width}}  {_best(row):>12}  {noise:>6}  {row['meaning']}", before))
    click.echo(f"\n{'suite':<11}  objectives")
    for name, problem in SUITE.items():
        lacks = ", ".join(_lacks(name, table))
        click.echo(fitted(f"{name}  {problem.objectives}{f'  (no {lacks} here)' if lacks else ''}", 13))
    click.echo(fitted(_LEGEND))


def _best(row: dict[str, Any]) -> str:
    return number(row["best"], row["scale"]) + unit(row["scale"])


def _rows(table: Table) -> Iterator[dict[str, Any]]:
    for text, meaning in (_texts(table) | _attached(table)).items():
        known = facts(text, table)
        yield {
            "objective": text,
            "direction": "minimise" if known["minimised"] else "maximise",
            "best": known["best"],
            "noise": float("nan") if known["noise_floor"] is None else known["noise_floor"],
            "meaning": meaning,
            "scale": known["scale"],
        }


def _lacks(name: str, table: Table) -> list[str]:
    """Return the objectives of a problem of the suite whose numbers a table does not hold."""
    metrics, columns = set(table.metrics), set(table.attached_columns())
    return [
        str(objective)
        for objective in parse_objectives(name)
        if not (metrics.issuperset(objective.metrics_on(table)) and columns.issuperset(objective.attached))
    ]


def _attached(table: Table) -> dict[str, str]:
    """Return the attached columns, with how many networks each covers."""
    texts = {}
    for name, values in table.attached_columns().items():
        space = table.space
        n_networks = len(np.unique(space.network_of_index()[np.isfinite(values)]))
        direction = "minimised" if declared(name, table)[0].minimised else "maximised"
        texts[name] = f"attached, {direction}, {n_networks:,} of {space.n_networks:,} networks"
    return texts


def _texts(table: Table) -> dict[str, str]:
    """Return the atoms of the grammar that the table's metrics allow, with what they mean."""
    held = set(table.metrics)
    texts = {str(metric): metric.title for metric in table.metrics if metric not in corruption_metrics()}
    epsilons = sorted({metric.level for metric in held if metric.kind in ATTACKS and metric.level is not None})
    candidates = {f"adversarial@{eps:g}": f"mean of {_attacks(eps, table)}, eps {eps:g}/255" for eps in epsilons}
    candidates |= {f"worst@{eps:g}": f"minimum of {_attacks(eps, table)}, eps {eps:g}/255" for eps in epsilons}
    candidates["corruption"] = f"mean of {len(CORRUPTIONS)} corruptions x 5 severities"
    for name in CORRUPTIONS:
        candidates[f"corruption:{name}"] = f"{name.replace('_', ' ')}, mean of 5 severities; one with @1 to @5"
    texts |= {
        text: meaning for text, meaning in candidates.items() if held.issuperset(Objective(text).metrics_on(table))
    }
    return texts | {name: meaning for name, meaning in COSTS.items() if _has_cost(name, table)}


def _has_cost(name: str, table: Table) -> bool:
    try:
        cost_column(name, table)
    except ObjectiveError:
        return False
    return True


def _attacks(eps: float, table: Table) -> str:
    """Return what an attack mean is over: the paper's attacks in number, others by name."""
    metrics = Objective(f"worst@{eps:g}").metrics_on(table)
    if [metric.kind for metric in metrics] == list(PAPER_ATTACKS):
        return f"{len(PAPER_ATTACKS)} attacks"
    return ", ".join(ATTACKS[metric.kind].title for metric in metrics)
