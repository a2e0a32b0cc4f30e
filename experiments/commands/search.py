"""``robustnas search``: one search on one objective."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack, nullcontext
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import click
import numpy as np

from experiments.commands.evaluation_options import EvaluationOptions, evaluation_options
from experiments.commands.expected_score import expected_lines, expected_result
from experiments.commands.group import fail
from experiments.commands.interruptions import search_advice, terminations_interrupt
from experiments.commands.measuring import SearchProgress, growing_table, search_progress
from experiments.commands.names_option import names_option
from experiments.commands.options import (
    data_option,
    dataset_option,
    json_option,
    listed,
    note_lines,
    open_dataset,
    print_json,
    seed_option,
    warn,
)
from experiments.comparison.incumbents import Incumbents, incumbents, reported_tables, reported_values
from experiments.comparison.plan import checked_budget, pop_known
from experiments.comparison.run import steps
from experiments.comparison.spec import RunSpec, column_of_seconds, constraints_used, searched_space, space_notes
from experiments.comparison.spread import stepped
from experiments.comparison.trajectory import Trajectory
from experiments.pages.table import number, unit
from experiments.pages.terminal import fitted
from robustnas.duration import spoken
from robustnas.errors import InvalidInputError, PlanError, excerpt
from robustnas.metric import ATTACKS
from robustnas.objectives import (
    SUITE,
    Objective,
    Reported,
    constraints_of,
    facts,
    meaning_lines,
    meanings,
    needed_metrics,
    objectives_text,
    scale_notes,
    scale_of,
    suite_name,
    training_lines,
    training_of,
)
from robustnas.plan_file import read_toml
from robustnas.recorder import Log, Recorder, open_recorder
from robustnas.spaces import COSTS
from robustnas.tables.datasets import open_table
from robustnas.tables.table import Table
from robustnas.workers import one_thread
from searchers.base import History
from searchers.naslib_search import NASLIB_SEARCHERS
from searchers.optuna_sampler import SAMPLERS
from searchers.registry import SEARCHERS, check_parameters
from searchers.violation import nearest_to_feasible

_MOST_NOTES = 5
_MOST_DIGITS = 19


def _objective_names() -> list[str]:
    return [
        "clean",
        *(f"{attack}@EPS" for attack in ATTACKS),
        "corruption",
        "corruption:NAME",
        *COSTS,
        "TABLE.COLUMN",
        *SUITE,
    ]


@click.command()
@dataset_option()
@names_option(
    "--objective",
    names=_objective_names,
    separators=", +",
    default="clean",
    help="What to search for; commas separate several. See `robustnas objectives`.",
)
@names_option(
    "--searcher",
    names=lambda: [*SEARCHERS, *NASLIB_SEARCHERS, *SAMPLERS],
    default="evolution",
    help="Search strategy, or a class of your own: my_file.py:MySearcher, optuna:my.module.MySampler.",
)
@click.option(
    "--budget",
    default="300",
    show_default=True,
    metavar="N|TIME",
    help="Distinct networks; or simulated time, such as '20 h' (units s, min, h, d).",
)
@click.option(
    "--time",
    metavar="COLUMN",
    help="Seconds that a query takes in simulated time: a column such as t.train_seconds, or a sum of columns.  "
    "[default: the only attached column of seconds, if the budget is one of time]",
)
@click.option(
    "--report",
    metavar="TERMS",
    help="What else to say of the networks found: 'clean, cifar100:pgd@1'; commas separate several.",
)
@seed_option("the search, on any machine")
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="A parameter of the searcher; repeatable.")
@click.option(
    "--images",
    metavar="NAME|PATH",
    help="Image data (digits, cifar10, ..., or a path) to measure on what the table lacks.",
)
@evaluation_options
@data_option()
@json_option
def search(
    dataset: str | None,
    objective: str,
    searcher: str,
    budget: str,
    time: str | None,
    report: str | None,
    seed: int,
    settings: tuple[str, ...],
    images: str | None,
    evaluation: EvaluationOptions,
    data: Path | None,
    as_json: bool,
) -> None:
    """Search for the best network and print it.

    With --images, networks are trained and attacked where neither the table nor the store of measurements has their
    numbers. A table is used if --dataset names it, or if the database holds a dataset of the images' name.

    Beside the score of the network found stands its expected score, without the luck of one training. After Ctrl-C, the
    best so far is printed, and how the search goes on.

    \b
    Example:
      robustnas search --objective pgd@1 --searcher evolution --budget 300 --seed 0
      robustnas search --objective 'clean, pgd@1' --searcher optuna-nsga2
      robustnas search --objective rob201-mop1 --searcher gp --budget 100
      robustnas search --dataset cifar100 --objective pgd@1 --searcher gp --set prior=cifar10 --budget 30
      robustnas search --objective clean --set population_size=50 --json
      robustnas search --objective t.val_acc --budget '20 h' --report 'clean, cifar100:pgd@1'
      robustnas search --images digits --objective pgd@16 --budget 5
    """
    parameters, known = _parameters(searcher, settings)
    folder, log = None if data is None else str(data), Log.parse(evaluation.log) if evaluation.log else None
    spec = RunSpec(objective, searcher, searcher, parameters, _budget(budget), seed, time, known=known, data=folder)
    terms = [Reported.parse(text) for text in listed(report or "")]
    with ExitStack() as stack:
        progress = stack.enter_context(search_progress(spec, show=not as_json))
        if images is None:
            table: Table = open_dataset(dataset, data)
        else:
            table = growing_table(spec, images, dataset, data, evaluation, stack, progress)
        spec = spec.on(table)
        for note in [*scale_notes(spec.objectives, table), *space_notes(spec, table)]:
            warn(note)
        tables = reported_tables(terms, table, partial(open_table, data=data))
        start = perf_counter()
        recorder = stack.enter_context(open_recorder(log, "/".join((table.dataset, *map(str, spec.key)))))
        trajectory, interrupted = _run(spec, table, progress, recorder)
        seconds = perf_counter() - start
    if as_json:
        worth = expected_result(trajectory, table) | _reported(trajectory, table, tables)
        print_json(_result(spec, table, trajectory, seconds) | worth | ({"interrupted": True} if interrupted else {}))
    else:
        click.echo(fitted(_summary(spec, table, trajectory, seconds, tables)))
    if interrupted:
        fail(f"interrupted; {search_advice(table, trajectory.history)}", code=1)


def _run(spec: RunSpec, table: Table, progress: SearchProgress, recorder: Recorder | None) -> tuple[Trajectory, bool]:
    """Return what was found, and whether the search was interrupted."""
    trajectory: Trajectory | None = None
    with one_thread() if table.complete else nullcontext(), terminations_interrupt():  # measuring uses all processors
        try:
            for trajectory in steps(spec, table):
                progress.scale = progress.scale or scale_of(spec.objectives[0], table)
                progress.query(trajectory.best[-1], trajectory.outcomes[-1].seconds)
                if recorder:
                    _record(trajectory, recorder)
        except KeyboardInterrupt:
            if trajectory is None:
                fail(f"interrupted before the first network was known; {search_advice(table, None)}", code=1)
            return trajectory, True
    assert trajectory is not None
    return trajectory, False


def _record(trajectory: Trajectory, recorder: Recorder) -> None:
    """Record the newest query: the best so far, and each objective's score."""
    outcome, step = trajectory.outcomes[-1], len(trajectory.outcomes)
    recorder.scalar("best", trajectory.best[-1], step)
    for objective, score in zip(trajectory.objectives, outcome.scores, strict=True):
        recorder.scalar(f"score/{objective.expression}", score, step)
    if outcome.seconds:
        recorder.scalar("simulated seconds", outcome.seconds, step)


def _result(spec: RunSpec, table: Table, trajectory: Trajectory, seconds: float) -> dict[str, Any]:
    result: dict[str, Any] = {
        "dataset": table.dataset,
        **training_of(table),
        **meanings(spec.objectives, table),
        "objective": spec.objective,
        "directions": [_direction(objective) for objective in trajectory.objectives],
        "searcher": spec.searcher,
        "seed": spec.seed,
        "n_queries": len(trajectory.outcomes),
        **_searched(spec, table, trajectory),
        **_study(trajectory),
        **_cost(trajectory, table),
        "best": _best_found(trajectory),
        "trajectory": trajectory.best,
        "seconds": round(seconds, 6),
    }
    if time := column_of_seconds(spec, table):
        simulated = np.cumsum([outcome.seconds for outcome in trajectory.outcomes]).tolist()
        result["simulated"] = {"budget": spec.budget, "time": time, "seconds": simulated}
    if len(trajectory.objectives) > 1:
        result["front"] = trajectory.front()
    if not table.complete:
        result["sources"] = [outcome.source for outcome in trajectory.outcomes]
        result["notes"] = list(table.notes)
    return result


def _searched(spec: RunSpec, table: Table, trajectory: Trajectory) -> dict[str, Any]:
    """Return how many networks are feasible, the constraints known before any query, and what these leave."""
    if not constraints_of(trajectory.objectives):
        return {}
    n_feasible = sum(outcome.feasible for outcome in trajectory.known)
    known = [str(constraint) for constraint in constraints_used(spec, table)]
    left = {"known": {"constraints": known, "n_networks": searched_space(spec, table).n_networks}} if known else {}
    return {"n_feasible": n_feasible, **left}


def _best_found(trajectory: Trajectory) -> dict[str, Any]:
    """Return the best network and its score; of several objectives, that of the whole front, and its own scores."""
    cell = trajectory.best_cell
    own: dict[str, Any] = {}
    if len(trajectory.objectives) > 1:
        own = {"scores": next(list(outcome.scores) for outcome in trajectory.known if outcome.cell == cell)}
    return {"arch": str(cell), "score": trajectory.best[-1], **own}


def _reported(trajectory: Trajectory, table: Table, tables: Mapping[Reported, Table]) -> dict[str, Any]:
    """Return what is reported after every query, by term: {} without terms, None before the first feasible network."""
    if not tables:
        return {}
    n_before = len(trajectory.known) - len(trajectory.outcomes)
    n = np.arange(1.0, len(trajectory.outcomes) + 1)
    found = _incumbents(trajectory, table)
    at, values = found.n_queries.astype(np.float64) - n_before, reported_values(found, tables)
    return {"reported": {term: stepped(at, column, n).tolist() for term, column in values.items()}}


def _incumbents(trajectory: Trajectory, table: Table) -> Incumbents:
    """Return the incumbents among all that is known: those of a study from before the search come first."""
    indices = [table.space.index(outcome.cell) for outcome in trajectory.known]
    return incumbents(indices, trajectory.objectives, table)


def _report_lines(trajectory: Trajectory, table: Table, tables: Mapping[Reported, Table]) -> list[str]:
    found = _incumbents(trajectory, table)
    if not tables or not len(found.indices):
        return []
    values = reported_values(found, tables)
    scales = {str(term): scale_of(term.objective, found_in) for term, found_in in tables.items()}
    lines = [f"  {term}  {number(column[-1], scales[term])}{unit(scales[term])}" for term, column in values.items()]
    several = len(trajectory.objectives) > 1
    return ["reported (the most balanced network of the front):" if several else "reported of it:", *lines]


def _summary(
    spec: RunSpec, table: Table, trajectory: Trajectory, seconds: float, tables: Mapping[Reported, Table]
) -> str:
    n_queries, cell = len(trajectory.outcomes), trajectory.best_cell
    meant = f" ({objectives_text(spec.objectives)})" if suite_name(spec.objective) else ""
    lines = [f"{spec.searcher} on {spec.objective}{meant}, {table.dataset}: {n_queries} networks in {seconds:.2f} s"]
    if trajectory.history is not None:
        lines.append(_continued(spec, table, trajectory, trajectory.history))
    lines += [*training_lines(table), *meaning_lines(spec.objectives, table)]
    if time := column_of_seconds(spec, table):
        spent = sum(outcome.seconds for outcome in trajectory.outcomes)
        budget = f" of {spec.budget}" if isinstance(spec.budget, str) else ""
        lines.append(f"simulated time: {spoken(spent)}{budget}, by {time}")
    if cost := _cost(trajectory, table):
        spent, glances = cost["cost"].values()
        lines.append(f"cost: {spent:,.0f} passes per test image, {glances:,.0f} of them for cheap evaluations")
    if any(objective.attached or objective.minimised for objective in trajectory.objectives):
        said = (f"{objective.expression} {_direction(objective)}d" for objective in trajectory.objectives)
        lines.append(f"directions: {', '.join(said)}")
    lines += _space_lines(spec, table, trajectory)
    if not table.complete:
        lines.append(_sources(trajectory))
    if not any(outcome.feasible for outcome in trajectory.known):
        lines += _infeasible(trajectory, table)
    elif len(trajectory.objectives) > 1:
        lines += _front(trajectory, table)
    else:
        best = _best(spec, table, trajectory.best[-1])
        lines += [best, *expected_lines(trajectory, table), f"  {cell}", f"  network {table.space.uid(cell)}"]
    lines += _report_lines(trajectory, table, tables)
    if not table.complete:  # those of a file are said when it is opened
        lines += note_lines(table.notes, _MOST_NOTES)
    return "\n".join(lines)


def _cost(trajectory: Trajectory, table: Table) -> dict[str, dict[str, float]]:
    """Return the passes per test image that were spent, and those on cheap evaluations; {} where there were none."""
    price = sum(metric.passes for metric in needed_metrics(trajectory.objectives, table))
    spent = sum(outcome.cost for outcome in trajectory.outcomes)
    glances = spent - price * len(trajectory.outcomes)
    return {"cost": {"passes": spent, "cheap_passes": glances}} if glances > 0 else {}


def _space_lines(spec: RunSpec, table: Table, trajectory: Trajectory) -> list[str]:
    """Say what constraints that are known before any query leave to be searched, and whether all of it was."""
    known = constraints_used(spec, table)
    if not known:
        return []
    left = searched_space(spec, table).n_networks
    clause, whole = " and ".join(map(str, known)), f"{table.space.n_networks:,} networks"
    all_found = "; all of them were queried" if len(trajectory.known) >= left else ""
    return [f"known before the search: {left:,} of {whole} satisfy {clause}{all_found}"]


def _study(trajectory: Trajectory) -> dict[str, Any]:
    """Return what the study held before the search, where there is one that is kept."""
    history = trajectory.history
    if history is None:
        return {}
    found = {"n_trials": history.n_trials, "n_networks": len(history.outcomes), "best": trajectory.best_before}
    return {"study": {"name": history.name, **found}}


def _continued(spec: RunSpec, table: Table, trajectory: Trajectory, history: History) -> str:
    """Say which study the search is kept in, and where it is continued, what it knew."""
    if not history.n_trials:
        return f"kept in the new study {history.name!r}"
    scale = "hypervolume" if len(trajectory.objectives) > 1 else facts(spec.objective, table)["scale"]
    best = f"{number(trajectory.best_before, scale)}{unit(scale)}"
    best = f"{trajectory.best_before:.1%} of the hypervolume" if scale == "hypervolume" else best
    known = f"{len(history.outcomes)} networks" + (f", best so far {best}" if history.outcomes else "")
    if history.outcomes and not any(outcome.feasible for outcome in history.outcomes):
        known = f"{len(history.outcomes)} networks, none of them feasible"
    return f"continues study {history.name!r} of {history.n_trials} trials: {known}"


def _direction(objective: Objective) -> str:
    return "minimise" if objective.minimised else "maximise"


def _front(trajectory: Trajectory, table: Table) -> list[str]:
    front, of = trajectory.front(), "whole table's" if table.complete else "possible"
    scales = [scale_of(objective, table) for objective in trajectory.objectives]
    lines = [f"front of {len(front)} networks, {trajectory.best[-1]:.1%} of the {of} hypervolume"]
    return lines + [f"  {member['arch']}  {_scores(member['scores'], scales)}" for member in front]


def _best(spec: RunSpec, table: Table, score: float) -> str:
    """Return how good the best network is; and, where the whole table is known, how good it could have been."""
    known = facts(spec.objective, table)
    scale = known["scale"]
    if math.isnan(score):
        return f"best unknown: no network that was asked for has a score for {spec.objective!r}; the first was"
    if not table.complete:
        return f"best {number(score, scale)}{unit(scale)}"
    reached, possible = (number(value, scale) + unit(scale) for value in (score, known["best"]))
    noise = f", training noise {_noise(known['noise_near_best'], scale)}" if known["noise_near_best"] else ""
    return f"best {reached} (best of the table {possible}{noise})"


def _infeasible(trajectory: Trajectory, table: Table) -> list[str]:
    """Say that no network is feasible, which one is nearest to it, and what it misses."""
    nearest = nearest_to_feasible(trajectory.known)
    n = len(trajectory.known)
    asked = "the network that was asked for is not feasible; it"
    if n > 1:
        asked = f"none of the {n:,} networks that were asked for is feasible; the nearest"
    missed = [
        f"{constraint} by {-slack:.4g}" if math.isfinite(slack) else f"{constraint}, whose value is not known,"
        for constraint, slack in zip(constraints_of(trajectory.objectives), nearest.slacks, strict=True)
        if not slack >= 0
    ]
    lines = [f"best -: {asked} misses {' and '.join(missed)}", f"  {nearest.cell}"]
    return [*lines, f"  network {table.space.uid(nearest.cell)}"]


def _noise(deviation: float, scale: str) -> str:
    return f"{100 * deviation:.2f} points" if scale == "accuracy" else number(deviation, scale)


def _sources(trajectory: Trajectory) -> str:
    """Return how many networks' numbers came from where."""
    counts = Counter(outcome.source for outcome in trajectory.outcomes)
    return "numbers: " + ", ".join(f"{n} {source}" for source, n in counts.items())


def _scores(scores: list[float], scales: list[str]) -> str:
    return ", ".join(number(score, scale) + unit(scale) for score, scale in zip(scores, scales, strict=True))


def _budget(text: str) -> int | str:
    """Read a budget; a bad number is for the oracle to refuse."""
    digits = text.strip().removeprefix("-")
    return checked_budget(int(text) if digits.isdecimal() and len(digits) < _MOST_DIGITS else text, None)


def _parameters(searcher: str, settings: tuple[str, ...]) -> tuple[dict[str, Any], bool]:
    """Read what is set: the parameters of the searcher, and ``known``."""
    parameters: dict[str, Any] = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not equals or not name.strip():
            raise InvalidInputError(f"--set {excerpt(setting)}: expected NAME=VALUE, as in population_size=50")
        try:
            parameters[name.strip()] = read_toml(f"value = {value}")["value"]
        except PlanError:
            parameters[name.strip()] = value.strip()
    known = pop_known(searcher, parameters)
    check_parameters(searcher, parameters)
    return parameters, known
