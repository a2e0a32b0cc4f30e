"""``robustnas objectives``: what the open data lets one search for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from robustnas.cli import data_option, dataset_option, json_option, print_json

if TYPE_CHECKING:
    from robustnas.table import Table


@click.command()
@dataset_option
@data_option
@json_option
def objectives(dataset: str, data: Path | None, as_json: bool) -> None:
    """List the objectives that the data allows, with the best score and the training noise of each.

    Objectives combine: weighted sums ("0.5*clean + 0.5*pgd@1"), and commas for several at once ("clean, pgd@1, flops").

    \b
    Example:
      robustnas objectives --dataset cifar10
    """
    from robustnas.database import Database

    rows = list(_rows(Database.open(data)[dataset]))
    if as_json:
        print_json({"dataset": dataset, "objectives": rows})
        return
    width = max(len(row["objective"]) for row in rows)
    click.echo(f"{'objective':<{width}}  {'best':>12}  {'noise':>6}  meaning")
    for row in rows:
        cost = row["direction"] == "minimise"
        best = f"{row['best']:,.0f}" if cost else f"{100 * row['best']:.2f} %"
        noise = "" if cost else f"{100 * row['noise']:.2f}"
        click.echo(f"{row['objective']:<{width}}  {best:>12}  {noise:>6}  {row['meaning']}")
    click.echo("\nnoise: standard deviation between trainings of the same function, in points")
    click.echo('combine: "0.5*clean + 0.5*pgd@1" (weighted sum), "clean, pgd@1, flops" (several at once)')


def _rows(table: Table) -> Iterator[dict[str, Any]]:
    import numpy as np

    from robustnas import space
    from robustnas.noise import noise_floor
    from robustnas.objective import Objective

    for text, meaning in _texts(table).items():
        objective = Objective(text)
        scores = objective.evaluate(table.column, table.dataset)[space.network_indices()]
        best = objective.sign * float(np.nanmax(objective.sign * scores))
        noise = 0.0 if objective.minimised else noise_floor(scores).std
        direction = "minimise" if objective.minimised else "maximise"
        yield {"objective": text, "direction": direction, "best": best, "noise": noise, "meaning": meaning}


def _texts(table: Table) -> dict[str, str]:
    """Return the atoms of the grammar that the table's metrics allow, with what they mean."""
    from robustnas.cost import COSTS
    from robustnas.metric import ATTACKS, CORRUPTIONS, corruption_metrics
    from robustnas.objective import Objective

    held = set(table.metrics)
    texts = {str(metric): metric.title for metric in table.metrics if metric not in corruption_metrics()}
    epsilons = sorted({metric.level for metric in held if metric.source in ATTACKS and metric.level is not None})
    candidates = {f"adversarial@{eps:g}": f"mean of {len(ATTACKS)} attacks, eps {eps:g}/255" for eps in epsilons}
    candidates |= {f"worst@{eps:g}": f"minimum of {len(ATTACKS)} attacks, eps {eps:g}/255" for eps in epsilons}
    candidates["corruption"] = f"mean of {len(CORRUPTIONS)} corruptions x 5 severities"
    for name in CORRUPTIONS:
        candidates[f"corruption:{name}"] = f"{name.replace('_', ' ')}, mean of 5 severities; one with @1 to @5"
    texts |= {text: meaning for text, meaning in candidates.items() if held.issuperset(Objective(text).metrics)}
    return texts | COSTS
