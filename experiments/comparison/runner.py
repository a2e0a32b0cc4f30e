"""Compare search strategies: run what a plan asks for, in parallel, and keep every finished run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from experiments.comparison.manifest import manifest
from experiments.comparison.plan import Plan
from experiments.comparison.run import RunSpec, record
from experiments.journal import Journal, not_the_plan, open_journal
from robustnas.checks import whole_number
from robustnas.objectives import attached_digests
from robustnas.tables.datasets import open_table
from robustnas.tables.table import Table
from robustnas.workers import in_processes, one_thread, processors
from searchers import create


def compare(
    plan: Plan, plan_text: str, directory: str | Path, *, data: str | Path | None = None, jobs: int | None = None
) -> Iterator[tuple[int, dict[str, Any] | None]]:
    """Run what is missing of a plan in a directory, and keep it.

    Finished runs of the same plan are not done again, so that an interrupted experiment goes on where it stopped, and
    a plan may grow by seeds, searchers or objectives.

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
        DataError: The directory holds other records, is being written, or cannot be written.
        WorkerDiedError: A worker process died.
    """
    if jobs is not None:
        whole_number("jobs", jobs, at_least=1)
    table = open_table(plan.dataset, data)
    description = manifest(plan, plan_text, table)
    with open_journal(directory) as journal:
        missing = _missing(plan, table, journal)
        journal.write_manifest(description)
        _open_storages(plan)
        done = plan.n_runs - len(missing)
        yield done, None
        n_jobs = min(jobs or processors(), max(len(missing), 1))
        for run in _alone(missing, table) if n_jobs == 1 else _parallel(missing, plan.dataset, data, n_jobs):
            journal.append(run)
            done += 1
            yield done, run


def run_specs(plan: Plan) -> list[RunSpec]:
    """Return the runs of a plan: seed by seed, so that early results compare all strategies."""
    return [
        RunSpec(objective, searcher.name, searcher.label, searcher.parameters, plan.budget, seed)
        for seed in plan.seeds
        for objective in plan.objectives
        for searcher in plan.searchers
    ]


def _missing(plan: Plan, table: Table, journal: Journal) -> list[RunSpec]:
    wanted = {spec.key: spec for spec in run_specs(plan)}
    for run in journal.runs():
        key = (run["objective"], run["searcher"], run["seed"])
        spec = wanted.pop(key, None)
        if spec is None:
            raise not_the_plan(journal.directory, f"objective {key[0]!r}, searcher {key[1]!r}, seed {key[2]}")
        _check_same(run, spec, table, journal)
    return list(wanted.values())


def _check_same(run: dict[str, Any], spec: RunSpec, table: Table, journal: Journal) -> None:
    facts = {
        "dataset": table.dataset,
        "database_digest": table.digest,
        "budget": spec.budget,
        "name": spec.searcher,
        "parameters": dict(spec.parameters),
        "attached_digests": attached_digests(spec.objectives, table).get("attached_digests"),
    }
    for name, value in facts.items():
        if run.get(name) != value:
            raise not_the_plan(journal.directory, f"{name} {run.get(name)!r} instead of {value!r}")


def _open_storages(plan: Plan) -> None:
    """Let one process lay out the tables of an Optuna storage, before many use it at once."""
    for searcher in plan.searchers:
        if storage := searcher.parameters.get("storage"):
            create(searcher.name, 0, storage=storage, study_name="robustnas")


def _alone(specs: Sequence[RunSpec], table: Table) -> Iterator[dict[str, Any]]:
    for spec in specs:
        with one_thread():
            run = record(spec, table)
        yield run


def _parallel(specs: Sequence[RunSpec], dataset: str, data: str | Path | None, n_jobs: int) -> Iterator[dict[str, Any]]:
    return in_processes(_work, specs, n_jobs, _start_worker, (dataset, data))


_table: Table


def _start_worker(dataset: str, data: str | Path | None) -> None:
    global _table
    _table = open_table(dataset, data)


def _work(spec: RunSpec) -> dict[str, Any]:
    return record(spec, _table)
