"""One search, called by hand: ``robustnas.search("pgd@1", dataset="cifar10", searcher="gp", budget=100)``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from time import perf_counter
from typing import Any

from experiments.commands.evaluation_options import EvaluationOptions
from experiments.commands.measuring import SearchProgress, followed, growing_table, search_progress
from experiments.comparison.plan import checked_budget, pop_known
from experiments.comparison.run import check_costs, finished
from experiments.comparison.spec import RunSpec, space_notes
from experiments.interactive.notes import note
from experiments.interactive.own_code import named
from experiments.interactive.search_result import SearchResult
from robustnas.errors import InvalidInputError, ObjectiveError, excerpt, unknown_name
from robustnas.objectives import Objective, asked_text, scale_notes
from robustnas.oracle import most_networks
from robustnas.spaces import EnumerableSpace, open_space
from robustnas.tables.datasets import NO_DATA_NOTICE, choose_dataset, is_surrogate, opened_table
from robustnas.tables.table import Table
from searchers.base import Searcher
from searchers.registry import SEARCHERS, check_parameters, parameter_names

_BUDGET = 300
_OWN = (
    *("dataset", "searcher", "budget", "seed", "time", "data", "images", "space", "evaluation"),
    *("at_once", "progress", "known"),
)


def search(
    objective: str | Objective | Sequence[str | Objective],
    dataset: str | Table | None = None,
    searcher: str | type[Searcher] = "evolution",
    budget: int | str | None = None,
    *,
    seed: int = 0,
    time: str | None = None,
    data: str | Path | None = None,
    images: str | None = None,
    space: str | EnumerableSpace[Any] | None = None,
    evaluation: Mapping[str, Any] | None = None,
    at_once: int = 1,
    progress: bool = True,
    **parameters: Any,
) -> SearchResult:
    """Search for the best network, and return what was found.

    Args:
        objective: What to search for: ``"pgd@1"``, ``"0.5*clean + 0.5*pgd@1 where params <= 5e5"``; several, separated
            by commas, for a front.
        dataset: A dataset's name, or a table. If None, ``cifar10``, or a surrogate of it where there is no database.
        searcher: A name in `searchers.SEARCHERS`, a reference such as ``my_file.py:MySearcher``, or a class.
        budget: Distinct networks, or simulated time such as ``"20 h"``; 300, or all of a smaller space, if None.
        seed: Fixes the search, on any machine.
        time: What a query takes in simulated seconds, such as ``"t.train_seconds"``.
        data: The database's folder; see `robustnas.Database.open`.
        images: Image data, such as ``digits``: what the table lacks is measured, that is, networks are trained and
            attacked. Everything is, if no dataset is named.
        space: With images: the search space whose networks are measured, or its name; NAS-Bench-201 if None.
        evaluation: How it is measured, by the names of the options of ``robustnas evaluate``: ``{"epochs": 12,
            "n_images": 500, "store": "mine.db"}``.
        at_once: Networks that are proposed at once; a GPU trains them at once.
        progress: Whether to show a bar, where there is a notebook or a terminal.
        parameters: The searcher's own, such as ``population_size=50`` or ``prior="cifar100"``.

    Raises:
        InvalidInputError: A value is wrong; the message names it.

    >>> result = search("pgd@1", dataset="cifar10-surrogate", searcher="evolution", budget=50)
    >>> result
    <evolution on pgd@1, cifar10-surrogate, seed 0: best 50.30 % after 50 networks>
    """
    if not isinstance(objective, str | Objective | list | tuple):
        raise ObjectiveError(f"objective is {excerpt(objective)}; expected a text such as 'pgd@1', or several")
    name = named(searcher, SEARCHERS)
    _check_names(name, parameters)
    known = pop_known(name, parameters)
    options = _evaluation_options(evaluation, images)
    if space is not None and images is None:
        raise InvalidInputError(f"space is {excerpt(space)}, but no images are named; a table says its space itself")
    with ExitStack() as stack:
        table = None if images is not None else _table(dataset, data)
        most = _BUDGET if table is None else min(_BUDGET, most_networks(table.space))
        spec = RunSpec(
            asked_text(objective),
            name,
            name,
            check_parameters(name, parameters),
            checked_budget(most if budget is None else budget, None),  # one too large is for the oracle to refuse
            seed,
            time,
            known=known,
            data=None if data is None else str(data),
        )
        bar = stack.enter_context(search_progress(spec, show=progress))
        if table is None:
            searched = open_space(space) if isinstance(space, str) else space
            table = _growing(spec, str(images), searched, dataset, data, options, stack, bar)
        spec = spec.on(table)
        check_costs(spec, table)
        for sentence in [*scale_notes(spec.objectives, table), *space_notes(spec, table)]:
            note(sentence)
        start = perf_counter()
        trajectory = finished(followed(spec, table, at_once, bar))
        return SearchResult(spec, table, trajectory, perf_counter() - start)


def chosen_dataset(data: str | Path | None) -> str:
    """Return the name of the dataset where none is named; say so where it is a surrogate."""
    chosen = choose_dataset(None, data)
    if is_surrogate(chosen):
        note(NO_DATA_NOTICE)
    return chosen


def _table(dataset: str | Table | None, data: str | Path | None) -> Table:
    table = opened_table(chosen_dataset(data) if dataset is None else dataset, data)
    for sentence in () if not table.complete else getattr(table, "notes", ()):
        note(sentence)
    return table


def _growing(
    spec: RunSpec,
    images: str,
    space: EnumerableSpace[Any] | None,
    dataset: str | Table | None,
    data: str | Path | None,
    options: EvaluationOptions,
    stack: ExitStack,
    bar: SearchProgress,
) -> Table:
    if dataset is not None and not isinstance(dataset, str):
        raise InvalidInputError(
            f"dataset is the table {excerpt(dataset)}, beside images {excerpt(images)}; expected a dataset's name, or "
            "a robustnas.tables.GrowingTable without images"
        )
    return growing_table(spec, images, space, dataset, None if data is None else Path(data), options, stack, bar)


def _check_names(searcher: str, parameters: Mapping[str, Any]) -> None:
    """Refuse a keyword that neither a search nor its searcher has, with the nearest one of either."""
    own = parameter_names(searcher)
    for name in parameters:
        if own and name not in own and name not in _OWN:
            raise InvalidInputError(f"searcher {excerpt(searcher)}: {unknown_name('parameter', name, [*own, *_OWN])}")


def _evaluation_options(evaluation: Mapping[str, Any] | None, images: str | None) -> EvaluationOptions:
    given = dict(evaluation or {})
    names = [name for name in EvaluationOptions.__dataclass_fields__ if name != "log"]
    if unknown := next((name for name in given if name not in names), None):
        raise InvalidInputError(f"evaluation: {unknown_name('option', unknown, names)}")
    if given and images is None:
        raise InvalidInputError(f"evaluation is {excerpt(given)}, but no images are named; expected such as 'digits'")
    return EvaluationOptions(**given)
