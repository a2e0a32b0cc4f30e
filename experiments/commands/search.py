"""``robustnas search``: one search on one objective."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import click

from experiments.commands.evaluation_options import EvaluationOptions, evaluation_options
from experiments.commands.finalists_text import finalists_lines, finalists_result
from experiments.commands.group import fail
from experiments.commands.interruptions import search_advice, terminations_interrupt
from experiments.commands.measuring import SearchProgress, followed, growing_table, search_progress, table_of_seed
from experiments.commands.names_option import names_option
from experiments.commands.options import (
    data_option,
    dataset_option,
    json_option,
    listed,
    open_dataset,
    print_json,
    seed_option,
    space_option,
    warn,
)
from experiments.commands.search_result import search_result
from experiments.commands.search_text import search_summary
from experiments.comparison.finalists import Finalists, best_outcomes, trained_again
from experiments.comparison.incumbents import reported_tables
from experiments.comparison.plan import checked_budget, pop_known
from experiments.comparison.slow_searchers import method_of, slow_note
from experiments.comparison.spec import RunSpec, space_notes
from experiments.comparison.trajectory import Trajectory
from experiments.pages.terminal import fitted
from robustnas.errors import EvaluationError, InvalidInputError, PlanError, excerpt
from robustnas.metric import ATTACKS
from robustnas.objectives import (
    SUITE,
    Reported,
    scale_notes,
)
from robustnas.plan_file import read_toml
from robustnas.recorder import Log, Recorder, open_recorder
from robustnas.spaces import COSTS, open_space
from robustnas.tables.datasets import open_table
from robustnas.tables.growing_table import FAILED, GrowingTable
from robustnas.tables.table import Table
from searchers.naslib_search import NASLIB_SEARCHERS
from searchers.optuna_sampler import SAMPLERS
from searchers.registry import SEARCHERS, check_parameters

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
@click.option(
    "--at-once",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Networks to propose at once; with --images, a GPU trains them at once.",
)
@click.option(
    "--seeds",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="With --images: in how many trainings, from --seed on, to measure the best networks in the end.",
)
@click.option(
    "--finalists",
    type=click.IntRange(min=1),
    default=3,
    show_default=True,
    help="With --seeds: how many networks, or members of a front, these are.",
)
@space_option("With --images: search space whose networks are measured.")
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
    at_once: int,
    seeds: int,
    finalists: int,
    space: str | None,
    evaluation: EvaluationOptions,
    data: Path | None,
    as_json: bool,
) -> None:
    """Search for the best network and print it.

    With --images, networks are trained and attacked where neither the table nor the store of measurements has their
    numbers. A table is used if --dataset names it, or if the database holds a dataset of the images' name.

    Its score is of one training, the best of many: with --seeds, the best networks are trained again, and mean,
    deviation and the noise of one training are printed.

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
      robustnas search --images digits --objective pgd@16 --budget 5 --seeds 3
      robustnas search --space my_spaces.py:MySpace --images digits --objective 'pgd@8, params' --budget 20
    """
    if seeds > 1 and images is None:
        raise InvalidInputError(f"--seeds {seeds} trains networks, which needs images: add such as --images digits")
    parameters, known = _parameters(searcher, settings)
    folder, log = None if data is None else str(data), Log.parse(evaluation.log) if evaluation.log else None
    spec = RunSpec(objective, searcher, searcher, parameters, _budget(budget), seed, time, known=known, data=folder)
    terms = [Reported.parse(text) for text in listed(report or "")]
    if images is None and space is not None:
        raise InvalidInputError(
            f"--space {excerpt(space)}: add --images NAME to measure its networks, or name a table over it with "
            "--dataset instead, which says its space itself"
        )
    with ExitStack() as stack:
        progress = stack.enter_context(search_progress(spec, show=not as_json))
        if images is None:
            table: Table = open_dataset(dataset, data)
        else:
            searched = None if space is None else open_space(space)
            table = growing_table(spec, images, searched, dataset, data, evaluation, stack, progress)
        spec = spec.on(table)
        slow = "" if isinstance(spec.budget, str) else slow_note({method_of(searcher, parameters): spec.budget})
        for note in [*scale_notes(spec.objectives, table), *space_notes(spec, table), *([slow] if slow else [])]:
            warn(note)
        tables = reported_tables(terms, table, partial(open_table, data=data))
        start = perf_counter()
        recorder = stack.enter_context(open_recorder(log, "/".join((table.dataset, *map(str, spec.key)))))
        trajectory, interrupted = _run(spec, table, at_once, progress, recorder)
        seconds = perf_counter() - start
        _check_measured(trajectory, table)
        again: Finalists | None = None
        if seeds > 1 and not interrupted:
            assert isinstance(table, GrowingTable)
            again, interrupted = _again(trajectory, table, range(seed, seed + seeds), finalists, progress)
    if as_json:
        result = search_result(spec, table, trajectory, seconds, tables)
        trainings = {} if again is None else {"trainings": finalists_result(again)}
        print_json(result | trainings | ({"interrupted": True} if interrupted else {}))
    else:
        click.echo(fitted(search_summary(spec, table, trajectory, seconds, tables)))
        if again is not None:
            click.echo(fitted("\n".join(finalists_lines(again, table))))
    if interrupted:
        fail(f"interrupted; {search_advice(table, trajectory.history)}", code=1)


def _run(
    spec: RunSpec, table: Table, at_once: int, progress: SearchProgress, recorder: Recorder | None
) -> tuple[Trajectory, bool]:
    """Return what was found, and whether the search was interrupted."""
    trajectory: Trajectory | None = None
    with terminations_interrupt():
        try:
            for trajectory in followed(spec, table, at_once, progress):
                if recorder:
                    _record(trajectory, recorder)
        except KeyboardInterrupt:
            if trajectory is None:
                fail(f"interrupted before the first network was known; {search_advice(table, None)}", code=1)
            return trajectory, True
    assert trajectory is not None
    return trajectory, False


def _again(
    trajectory: Trajectory, table: GrowingTable, seeds: Sequence[int], n: int, progress: SearchProgress
) -> tuple[Finalists | None, bool]:
    """Return what several trainings say of the best networks, None of none, and whether they were interrupted."""
    chosen = best_outcomes(trajectory, n)
    bar, found = progress.again(len(chosen) * len(seeds)), None
    with terminations_interrupt():
        try:
            for again in trained_again(trajectory, chosen, seeds, partial(table_of_seed, table)):
                found = again
                bar.show(advance=1)
        except KeyboardInterrupt:
            return found, True
    return found, False


def _check_measured(trajectory: Trajectory, table: Table) -> None:
    """Refuse a search of which no network could be measured; says why the last could not."""
    if all(outcome.source == FAILED for outcome in trajectory.known):
        what = f"none of the {len(trajectory.known)} networks that were asked for could be measured"
        raise EvaluationError(f"{what}; the last: {table.notes[-1].removeprefix('not measured: ')}")


def _record(trajectory: Trajectory, recorder: Recorder) -> None:
    """Record the newest query: the best so far, and each objective's score."""
    outcome, step = trajectory.outcomes[-1], len(trajectory.outcomes)
    recorder.scalar("best", trajectory.best[-1], step)
    for objective, score in zip(trajectory.objectives, outcome.scores, strict=True):
        recorder.scalar(f"score/{objective.expression}", score, step)
    if outcome.seconds:
        recorder.scalar("simulated seconds", outcome.seconds, step)


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
