"""A comparison of searchers, called by hand: ``robustnas.compare(plan)`` runs it and returns its records."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from experiments.commands.compare import ComparisonProgress
from experiments.comparison.plan import Plan
from experiments.comparison.records import Records, load
from experiments.comparison.runner import compare as run_plan
from experiments.interactive.notes import note
from experiments.interactive.own_code import checked_jobs, named, of_this_process
from experiments.interactive.search import chosen_dataset
from experiments.output_folder import checked_output
from experiments.progress import progress_bars
from robustnas.errors import InvalidInputError, PlanError, excerpt, unknown_name
from robustnas.executors import ExecutorSpec
from robustnas.tables.datasets import check_table
from robustnas.tables.table import Table
from searchers.registry import SEARCHERS

_KEYS = ("objectives", "budget", "seeds", "searchers", "time", "report")


def compare(
    plan: Plan | str | Path | Mapping[str, Any] | None = None,
    out: str | Path | None = None,
    *,
    dataset: str | Table | None = None,
    data: str | Path | None = None,
    jobs: int | None = None,
    executor: str | Mapping[str, Any] | ExecutorSpec | None = None,
    progress: bool = True,
    **changes: Any,
) -> Records:
    """Run a comparison of searchers, and return its records.

    Args:
        plan: A `Plan`, the path of a TOML file, or the keys of a plan; without one, `changes` are its keys, and without
            these the built-in plan is run.
        out: The folder that keeps the records: an interrupted comparison is resumed, a plan that grew completed. If
            None, records live as long as this process.
        dataset: A dataset's name or a table, instead of the plan's.
        data: The database's folder.
        jobs: Worker processes; one per processor if None, none for searchers that are classes of this process.
        executor: What runs the searches; see `robustnas.executors`.
        progress: Whether to show bars, where there is a notebook or a terminal.
        changes: Keys of the plan: objectives, budget, seeds, searchers (classes too), time, report.

    Raises:
        InvalidInputError: A value is wrong; the message names it.
        DataError: The folder holds other records, or cannot be written.

    >>> records = compare(
    ...     objectives=["pgd@1"],
    ...     searchers=["random", "evolution"],
    ...     seeds=2,
    ...     budget=20,
    ...     dataset="cifar10-surrogate",
    ...     jobs=1,
    ... )
    >>> records
    <4 runs of 20 distinct networks on cifar10-surrogate: random, evolution on pgd@1>
    """
    table = None if dataset is None or isinstance(dataset, str) else check_table("dataset", dataset)
    name = dataset if isinstance(dataset, str) else None
    chosen = _plan(plan, changes, name, data, of_table=table is not None)
    own = of_this_process([searcher.name for searcher in chosen.searchers], SEARCHERS)
    jobs = checked_jobs(own, jobs, out, executor)
    folder = _kept_while_python_runs() if out is None else checked_output(Path(out))
    with progress_bars(show=progress, counted=True) as bars:
        shown = ComparisonProgress(bars, chosen.n_runs) if bars.shown else None
        for done, run in run_plan(
            chosen,
            folder,
            table=table,
            data=data,
            jobs=jobs,
            executor=executor,
            note=note,
            planned=shown.plan if shown else lambda *_: None,
            found=shown.count if shown else lambda _: None,
        ):
            if shown is not None:
                shown.show(done, run)
    return load(folder)


def _plan(
    plan: Plan | str | Path | Mapping[str, Any] | None,
    changes: Mapping[str, Any],
    dataset: str | None,
    data: str | Path | None,
    *,
    of_table: bool,
) -> Plan:
    if unknown := next((name for name in changes if name not in _KEYS), None):
        raise PlanError(unknown_name("key", unknown, _KEYS))
    changes = {**changes, **({} if dataset is None else {"dataset": dataset})}
    if isinstance(plan, Mapping):
        return Plan(**_with_names({**plan, **changes}))
    if plan is None and changes:
        default = {} if of_table or dataset is not None else {"dataset": chosen_dataset(data)}
        return Plan(**_with_names({**default, **changes}))
    if plan is None:
        found = Plan.builtin("cifar10" if of_table else dataset or chosen_dataset(data))
    elif isinstance(plan, str | Path):
        found = Plan.load(plan)
    elif isinstance(plan, Plan):
        found = plan
    else:
        expected = "expected a robustnas.Plan, the path of a TOML file, or a dictionary of a plan's keys"
        raise InvalidInputError(f"plan is {excerpt(plan)}; {expected}")
    return replace(found, **_with_names(changes), text="") if changes else found


def _with_names(keys: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keys of a plan with names for searchers that are classes."""
    searchers = keys.get("searchers")
    if not isinstance(searchers, list | tuple):
        return dict(keys)
    return {**keys, "searchers": [_named_entry(entry) for entry in searchers]}


def _named_entry(entry: Any) -> Any:
    if isinstance(entry, Mapping):
        return {key: named(value, SEARCHERS) if key == "name" else value for key, value in entry.items()}
    return named(entry, SEARCHERS) if isinstance(entry, type) else entry


def _kept_while_python_runs() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="robustnas-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
