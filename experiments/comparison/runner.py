"""Compare search strategies: run what a plan asks for, in parallel, and keep every finished run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from experiments.comparison.directions import check_directions
from experiments.comparison.incumbents import reported_tables
from experiments.comparison.manifest import manifest
from experiments.comparison.plan import KNOWN, Plan, run_specs
from experiments.comparison.recorded_space import DIGESTS
from experiments.comparison.run import check_costs, kept_studies, new_experiment, record
from experiments.comparison.schema import RUN_KEY, check_run, read_comparison
from experiments.comparison.spec import (
    RunSpec,
    column_of_seconds,
    constraints_used,
    prior_digests,
    space_notes,
    used_digests,
)
from experiments.journal import SOURCES, open_journal
from robustnas.errors import InvalidInputError, excerpt
from robustnas.executors import ExecutorSpec, chosen_executor, complete
from robustnas.objectives import Reported, scale_notes
from robustnas.tables.datasets import check_table, open_table
from robustnas.tables.named import NamedTable
from robustnas.tables.table import Table
from robustnas.workers import one_thread
from searchers.optuna_study import EXPERIMENT, open_storage

_ADVICE = {
    KNOWN: "set known in the [[searchers]] table as it was; before there was known, it was false",
    DIGESTS: "undo what was edited in the files of the search space since",
}


def compare(
    plan: Plan,
    directory: str | Path,
    *,
    table: Table | None = None,
    data: str | Path | None = None,
    jobs: int | None = None,
    executor: str | Mapping[str, Any] | ExecutorSpec | None = None,
    note: Callable[[str], object] = lambda _: None,
    planned: Callable[[Plan, dict[str, Any]], object] = lambda *_: None,
    found: Callable[[dict[str, Any]], object] = lambda _: None,
) -> Iterator[tuple[int, dict[str, Any] | None]]:
    """Run what is missing of a plan in a directory, and keep it.

    Finished runs of the same plan are not done again, so that an interrupted experiment resumes, and a plan may
    grow by seeds, searchers or objectives. Runs of a searcher of your own that was edited since are done again.

    Args:
        plan: What to run.
        directory: Where records go; made if missing.
        table: The table to search on, instead of the plan's dataset; worker processes get a copy.
        data: The database's folder; see `robustnas.tables.open_table`.
        jobs: Workers; as many as the executor has by itself if None.
        executor: What runs the searches: a name, a table or a spec, see `robustnas.executors`; the plan's if None.
        note: Called with sentences that the user should read.
        planned: Called once with the plan as records have it, with the directions that the table declares, and with
            what is known of its objectives by name (`robustnas.objectives.facts`).
        found: Called then with each of the plan's runs that is in the directory already.

    Yields:
        Runs finished so far and the newest one's record; first those found in the directory, with None.

    Raises:
        ObjectiveError: The table lacks a metric of an objective, or of what is to be reported.
        InvalidInputError: A table that measures what it is asked for; experiments need one that is complete.
        DataError: The directory holds other records, is being written by another process, or cannot be written.
        WorkerDiedError: A worker process died.
    """
    runs_on = chosen_executor(executor, plan.executor, jobs)
    searched = open_table(plan.dataset, data) if table is None else check_table("table", table)
    reopen = NamedTable.of(searched, plan.dataset, data) if table is None else None
    if not searched.complete:
        raise InvalidInputError(f"{excerpt(searched)} measures what it is asked for; expected a table that is complete")
    plan = plan.on(searched)
    folder = None if data is None else str(data)
    specs = [replace(spec, data=folder) for spec in run_specs(plan)]
    for spec in specs[: len(specs) // len(plan.seeds)]:
        check_costs(spec, searched)
    description = manifest(plan, searched)
    planned(plan, description["objectives"])
    for sentence in dict.fromkeys(_notes(plan, searched)):
        note(sentence)
    terms = [Reported.parse(text) for text in plan.report]
    reported_tables(terms, searched, partial(open_table, data=data))
    with open_journal(directory, partial(check_run, space=searched.space)) as journal:
        before = read_comparison(journal.directory) if journal.has_manifest else {}
        check_directions(directory, description["objectives"])
        if kept_studies(specs):
            description[EXPERIMENT] = before.get(EXPERIMENT) or new_experiment()
            specs = [replace(spec, experiment=description[EXPERIMENT]) for spec in specs]
        missing = journal.missing(specs, RUN_KEY, partial(_facts, searched), note, _ADVICE, found)
        for storage in kept_studies(missing):
            open_storage(storage)  # one process lays out its tables, before many use it at once
        journal.write_manifest(description)
        n_done = plan.n_runs - len(missing)
        yield from complete(
            _run,
            missing,
            searched,
            journal.append,
            n_done=n_done,
            executor=runs_on,
            reopen=reopen,
            folder=journal.directory,
        )
        _write_beside(directory, searched, terms, data)


def _notes(plan: Plan, table: Table) -> Iterator[str]:
    """Yield what the user should read before the runs start."""
    for text in plan.objectives:
        yield from scale_notes(text, table)
    for spec in run_specs(plan, plan.seeds[:1]):
        yield from space_notes(spec, table)


def _facts(table: Table, spec: RunSpec) -> dict[str, Any]:
    """Return what the record of a run says of its spec and table."""
    return {
        "dataset": table.dataset,
        DIGESTS: dict(table.space.digests) or None,
        "database_digest": table.digest,
        "budget": spec.budget,
        "name": spec.searcher,
        "parameters": dict(spec.parameters),
        "time": column_of_seconds(spec, table),
        KNOWN: list(map(str, constraints_used(spec, table))) or None,
        "attached_digests": used_digests(spec, table).get("attached_digests"),
        "prior_digests": prior_digests(spec, table) if spec.priors else None,
        SOURCES: spec.sources,
    }


def _write_beside(directory: str | Path, table: Table, terms: Sequence[Reported], data: str | Path | None) -> None:
    """Write what follows from the records; imported here, since workers import this module and need no pandas."""
    from experiments.comparison.expected import write_expected
    from experiments.comparison.fronts import write_fronts
    from experiments.comparison.records import load
    from experiments.comparison.reported import write_reported

    records = load(directory)
    if terms:
        write_reported(directory, records, terms, table, partial(open_table, data=data))
    write_fronts(directory, records, table)
    write_expected(directory, records, table)


def _run(table: Table, spec: RunSpec) -> dict[str, Any]:
    with one_thread():
        return record(spec, table)
