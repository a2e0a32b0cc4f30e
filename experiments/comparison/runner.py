"""Compare search strategies: run what a plan asks for, in parallel, and keep every finished run."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from experiments.comparison.manifest import manifest
from experiments.comparison.plan import Plan
from experiments.comparison.run import RunSpec, record
from experiments.journal import open_journal
from robustnas.checks import whole_number
from robustnas.objectives import attached_digests
from robustnas.tables.datasets import open_table
from robustnas.tables.table import Table
from robustnas.workers import complete, one_thread
from searchers import create


def compare(
    plan: Plan, plan_text: str, directory: str | Path, *, data: str | Path | None = None, jobs: int | None = None
) -> Iterator[tuple[int, dict[str, Any] | None]]:
    """Run what is missing of a plan in a directory, and keep it.

    Finished runs of the same plan are not done again, so that an interrupted experiment resumes, and a plan may
    grow by seeds, searchers or objectives.

    Args:
        plan: What to run.
        plan_text: The plan as it was written, for the record.
        directory: Where records go; made if missing.
        data: The database's folder; see `robustnas.tables.datasets.open_table`.
        jobs: Processes; as many as processors if None.

    Yields:
        Runs finished so far and the newest one's record; first those found in the directory, with None.

    Raises:
        ObjectiveError: The table lacks a metric of an objective.
        DataError: The directory holds other records, is being written by another process, or cannot be written.
        WorkerDiedError: A worker process died.
    """
    if jobs is not None:
        whole_number("jobs", jobs, at_least=1)
    table = open_table(plan.dataset, data)
    description = manifest(plan, plan_text, table)
    with open_journal(directory) as journal:
        missing = journal.missing(run_specs(plan), ("objective", "searcher", "seed"), partial(_facts, table))
        journal.write_manifest(description)
        _open_storages(plan)
        reopen = partial(open_table, plan.dataset, data)
        n_done = plan.n_runs - len(missing)
        yield from complete(_run, missing, table, journal.append, n_done=n_done, jobs=jobs, reopen=reopen)


def run_specs(plan: Plan) -> list[RunSpec]:
    """Return the runs of a plan: seed by seed, so that early results compare all strategies."""
    return [
        RunSpec(objective, searcher.name, searcher.label, searcher.parameters, plan.budget, seed)
        for seed in plan.seeds
        for objective in plan.objectives
        for searcher in plan.searchers
    ]


def _facts(table: Table, spec: RunSpec) -> dict[str, Any]:
    """Return what the record of a run says of its spec and table."""
    return {
        "dataset": table.dataset,
        "database_digest": table.digest,
        "budget": spec.budget,
        "name": spec.searcher,
        "parameters": dict(spec.parameters),
        "attached_digests": attached_digests(spec.objectives, table).get("attached_digests"),
    }


def _open_storages(plan: Plan) -> None:
    """Let one process lay out the tables of an Optuna storage, before many use it at once."""
    for searcher in plan.searchers:
        if storage := searcher.parameters.get("storage"):
            create(searcher.name, 0, storage=storage, study_name="robustnas")


def _run(table: Table, spec: RunSpec) -> dict[str, Any]:
    with one_thread():
        return record(spec, table)
