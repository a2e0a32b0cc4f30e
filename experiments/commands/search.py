"""``robustnas search``: one search on one objective."""

from __future__ import annotations

import sys
import time
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from robustnas.cli import data_option, dataset_option, json_option, open_dataset, print_json
from robustnas.errors import InvalidInputError

if TYPE_CHECKING:
    from experiments.run import RunSpec, Trajectory
    from robustnas.table import Table


@click.command()
@dataset_option
@click.option("--objective", default="clean", show_default=True, help="What to search for; commas separate several.")
@click.option("--searcher", default="evolution", show_default=True, help="Strategy: random, local, evolution, ...")
@click.option("--budget", default=300, show_default=True, help="Distinct networks that may be queried.")
@click.option("--seed", default=0, show_default=True, help="Fixes the search, on any machine.")
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="A parameter of the searcher; repeatable.")
@data_option
@json_option
def search(
    dataset: str | None,
    objective: str,
    searcher: str,
    budget: int,
    seed: int,
    settings: tuple[str, ...],
    data: Path | None,
    as_json: bool,
) -> None:
    """Search for the best network and print it.

    \b
    Example:
      robustnas search --objective pgd@1 --searcher evolution --budget 300 --seed 0
      robustnas search --objective 'clean, pgd@1' --searcher optuna-nsga2
      robustnas search --objective clean --set population_size=50 --json
    """
    from experiments.run import RunSpec
    from robustnas.objective import parse_objectives

    text = ", ".join(str(part) for part in parse_objectives(objective))
    spec = RunSpec(text, searcher, searcher, _parameters(settings), budget, seed)
    table = open_dataset(dataset, data)
    start = time.perf_counter()
    trajectory = _run(spec, table, show=not as_json and sys.stderr.isatty())
    seconds = time.perf_counter() - start
    if as_json:
        print_json(_result(spec, table, trajectory, seconds))
    else:
        click.echo(_summary(spec, table, trajectory, seconds))


def _run(spec: RunSpec, table: Table, *, show: bool) -> Trajectory:
    from rich.console import Console
    from rich.progress import Progress

    from experiments.run import steps
    from experiments.workers import one_thread

    with one_thread(), Progress(console=Console(stderr=True), disable=not show, transient=True) as progress:
        task = progress.add_task(f"{spec.searcher} on {spec.objective}", total=spec.budget)
        for trajectory in steps(spec, table):
            progress.update(task, advance=1, description=f"{spec.searcher}, best {trajectory.best[-1]:.4g}")
    return trajectory


def _result(spec: RunSpec, table: Table, trajectory: Trajectory, seconds: float) -> dict[str, Any]:
    result = {
        "dataset": table.dataset,
        "objective": spec.objective,
        "searcher": spec.searcher,
        "seed": spec.seed,
        "n_queries": len(trajectory.outcomes),
        "best": {"arch": trajectory.best_cell.arch, "score": trajectory.best[-1]},
        "trajectory": trajectory.best,
        "seconds": round(seconds, 6),
    }
    return result | ({"front": trajectory.front()} if len(trajectory.objectives) > 1 else {})


def _summary(spec: RunSpec, table: Table, trajectory: Trajectory, seconds: float) -> str:
    from experiments.manifest import facts
    from experiments.tables import number, unit
    from robustnas import space

    n_queries, cell = len(trajectory.outcomes), trajectory.best_cell
    lines = [f"{spec.searcher} on {spec.objective}, {table.dataset}: {n_queries} networks in {seconds:.2f} s"]
    if len(trajectory.objectives) > 1:
        front = trajectory.front()
        lines.append(f"front of {len(front)} networks, {trajectory.best[-1]:.1%} of the whole table's hypervolume")
        scales = ["count" if objective.minimised else "accuracy" for objective in trajectory.objectives]
        lines += [f"  {member['arch']}  {_scores(member['scores'], scales)}" for member in front]
        return "\n".join(lines)
    known = facts(spec.objective, table)
    scale = known["scale"]
    reached, possible = (number(score, scale) + unit(scale) for score in (trajectory.best[-1], known["best"]))
    best = f"{reached} (best of the table {possible}"
    noise = f", training noise {100 * known['noise_floor']:.2f} points" if known["noise_floor"] else ""
    return "\n".join([*lines, f"best {best}{noise})", f"  {cell.arch}", f"  network {space.uid(cell)}"])


def _scores(scores: list[float], scales: list[str]) -> str:
    from experiments.tables import number, unit

    return ", ".join(number(score, scale) + unit(scale) for score, scale in zip(scores, scales, strict=True))


def _parameters(settings: tuple[str, ...]) -> dict[str, Any]:
    parameters = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not equals or not name.strip():
            raise InvalidInputError(f"--set {setting!r}: expected NAME=VALUE, as in population_size=50")
        try:
            parameters[name.strip()] = tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            parameters[name.strip()] = value.strip()
    return parameters
