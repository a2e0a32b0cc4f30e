"""The benchmark of surrogates: how well predictors rank networks that they have not seen.

Every surrogate on every encoding learns from the same training sets of canonical networks and is tested on all the
others: rank correlations, errors, how many of the best it finds, whether its deviations are honest, and seconds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from experiments.comparison.manifest import facts, versions
from experiments.comparison.run import objective_column
from experiments.journal import Journal, not_the_plan, open_journal
from experiments.surrogate_benchmark.fit import FitSpec, fit_record
from experiments.surrogate_benchmark.noise_ceiling import noise_ceiling
from experiments.surrogate_benchmark.plan import BenchmarkPlan
from robustnas.checks import whole_number
from robustnas.errors import InvalidInputError
from robustnas.objectives.objective import Objective
from robustnas.spaces.nasbench201 import space
from robustnas.spaces.nasbench201.encodings import encoding
from robustnas.tables.datasets import open_table
from robustnas.tables.table import Table
from robustnas.workers import in_processes, processors

KIND = "surrogates"
"""What a manifest calls a benchmark of surrogates."""

_OF_THE_RECORD = ("importances", "n_test", "seed", "database_digest", "attached_digests")


def benchmark(
    plan: BenchmarkPlan,
    directory: str | Path | None = None,
    *,
    data: str | Path | None = None,
    jobs: int | None = None,
    table: Table | None = None,
) -> Iterator[tuple[int, dict[str, Any] | None]]:
    """Run what is missing of a benchmark, and keep it in a directory if there is one.

    Finished fits of the same benchmark are not done again, so that an interrupted one goes on where it stopped, and a
    plan may grow by trials, train sizes, surrogates, encodings or objectives.

    Args:
        plan: What to fit.
        directory: Where records go, made if missing; None keeps nothing.
        data: The database's folder; see `robustnas.tables.datasets.open_table`.
        jobs: Processes; as many as processors if None.
        table: The plan's dataset, where it is open already; worker processes open it again.

    Yields:
        Fits finished so far and the newest one's record (`surrogate_fit.fit_record`); first those found in the
        directory, one by one, then the number of them with None.

    Raises:
        ObjectiveError: The table lacks a metric of an objective.
        InvalidInputError: Networks with a known score are fewer than a training set needs.
        DataError: The directory holds other records, is being written, or cannot be written.
        WorkerDiedError: A worker process died.
    """
    if jobs is not None:
        whole_number("jobs", jobs, at_least=1)
    table = open_table(plan.dataset, data) if table is None else table
    description = manifest(plan, table)
    _check_sizes(plan, table)
    for name in plan.encodings:
        encoding(name, table)  # refuses columns that are not attached
    with nullcontext() if directory is None else open_journal(directory) as journal:
        found, missing = _sorted_out(plan, table, journal)
        if journal is not None:
            journal.write_manifest(description)
        yield from enumerate(found, start=1)
        yield len(found), None
        for done, record in enumerate(_fits(missing, table, (plan.dataset, data), jobs), start=len(found) + 1):
            if journal is not None:
                journal.append(record)
            yield done, record


def row(record: dict[str, Any]) -> dict[str, Any]:
    """Return what a record says in one row of a table: what was fitted, the measures and the seconds."""
    return {name: value for name, value in record.items() if name not in _OF_THE_RECORD}


def manifest(plan: BenchmarkPlan, table: Table) -> dict[str, Any]:
    """Return everything that the report needs to know besides the fits, as plain data."""
    return {
        "format": 1,
        "kind": KIND,
        "dataset": table.dataset,
        "source": table.source,
        "database_digest": table.digest,
        "versions": versions(plan.surrogates),
        "surrogates": list(plan.surrogates),
        "encodings": list(plan.encodings),
        "train_sizes": list(plan.train_sizes),
        "n_trials": plan.n_trials,
        "seed": plan.seed,
        "objectives": {text: facts(text, table) | {"ceiling": ceiling(text, table)} for text in plan.objectives},
    }


def ceiling(text: str, table: Table) -> float | None:
    """Return the noise ceiling of one objective on a table; 1 for costs, which have no noise, None if unknown."""
    if Objective(text).minimised:
        return 1.0
    value = noise_ceiling(objective_column(text, table)[space.network_indices()])
    return None if np.isnan(value) else value


def _check_sizes(plan: BenchmarkPlan, table: Table) -> None:
    largest = max(plan.train_sizes)
    for text in plan.objectives:
        known = int(np.isfinite(objective_column(text, table)[space.network_indices()]).sum())
        if known <= largest:
            raise InvalidInputError(
                f"train size is {largest}, but {known} networks of {table.dataset} have a score for {text!r}; "
                f"expected at most {known - 1}"
            )


def _sorted_out(
    plan: BenchmarkPlan, table: Table, journal: Journal | None
) -> tuple[list[dict[str, Any]], list[FitSpec]]:
    """Return the records of a plan that are there, and the fits that are missing."""
    wanted = {spec.key: spec for spec in plan.specs}
    found = []
    for record in journal.runs() if journal is not None else ():
        assert journal is not None
        spec = wanted.pop(_key(record, journal), None)
        if spec is None:
            raise not_the_plan(journal.directory, _described(record))
        for name, value in (("dataset", table.dataset), ("database_digest", table.digest), ("seed", plan.seed)):
            if record[name] != value:
                raise not_the_plan(journal.directory, f"{name} {record[name]!r} instead of {value!r}")
        found.append(record)
    return found, list(wanted.values())


def _key(record: dict[str, Any], journal: Journal) -> tuple[Any, ...]:
    try:
        return tuple(record[name] for name in ("objective", "surrogate", "encoding", "train_size", "trial"))
    except KeyError:
        raise not_the_plan(journal.directory, "no benchmark of surrogates") from None


def _described(record: dict[str, Any]) -> str:
    names = ("objective", "surrogate", "encoding", "train_size", "trial")
    return ", ".join(f"{name.replace('_', ' ')} {record[name]!r}" for name in names)


def _fits(
    specs: Sequence[FitSpec], table: Table, source: tuple[str, str | Path | None], jobs: int | None
) -> Iterator[dict[str, Any]]:
    n_jobs = min(jobs or processors(), max(len(specs), 1))
    if n_jobs == 1:
        return (fit_record(spec, table) for spec in specs)
    return in_processes(_work, specs, n_jobs, _start_worker, source)


_table: Table


def _start_worker(dataset: str, data: str | Path | None) -> None:
    global _table
    _table = open_table(dataset, data)


def _work(spec: FitSpec) -> dict[str, Any]:
    return fit_record(spec, _table)
