"""The benchmark of surrogates: how well predictors rank networks that they have not seen.

Every surrogate on every encoding learns from the same training sets of canonical networks and is tested on all the
others: rank correlations, errors, how many of the best it finds, calibration, and seconds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from experiments.comparison.directions import check_directions
from experiments.comparison.manifest import versions
from experiments.comparison.recorded_space import DIGESTS, space_facts
from experiments.journal import MANIFEST, SOURCES, open_journal, read_manifest
from experiments.surrogate_benchmark.fit import FitSpec, fit_record
from experiments.surrogate_benchmark.noise_ceiling import noise_ceiling
from experiments.surrogate_benchmark.plan import BenchmarkPlan
from experiments.surrogate_benchmark.schema import KIND, OF_THE_RECORD, check_benchmark, check_fit
from robustnas.errors import InvalidInputError, excerpt
from robustnas.executors import ExecutorSpec, chosen_executor, complete
from robustnas.objectives import facts, objective_column, scale_notes, training_of
from robustnas.objectives.objective import Objective
from robustnas.spaces import encoding
from robustnas.tables.datasets import check_table, open_table
from robustnas.tables.named import NamedTable
from robustnas.tables.table import Table

KEY = ("objective", "surrogate", "encoding", "train_size", "trial")
"""The fields of a record that tell its fit apart, as in `FitSpec.key`."""


def benchmark(
    plan: BenchmarkPlan,
    directory: str | Path | None = None,
    *,
    table: Table | None = None,
    reopen: Callable[[], Table] | None = None,
    data: str | Path | None = None,
    jobs: int | None = None,
    executor: str | Mapping[str, Any] | ExecutorSpec | None = None,
    note: Callable[[str], object] = lambda _: None,
) -> Iterator[tuple[int, dict[str, Any] | None]]:
    """Run what is missing of a benchmark, and keep it in a directory if there is one.

    Finished fits of the same benchmark are not done again, so that an interrupted one resumes, and a plan may
    grow by trials, train sizes, surrogates, encodings or objectives.

    Args:
        plan: What to fit.
        directory: Where records go, made if missing; None keeps nothing.
        table: The table to learn from, instead of the plan's dataset; workers get a copy of it.
        reopen: Opens that table in a worker, where that is cheaper than to send a copy.
        data: The database's folder; see `robustnas.tables.open_table`.
        jobs: Workers; as many as the executor has by itself if None.
        executor: What runs the fits: a name, a table or a spec, see `robustnas.executors`; processes if None.
        note: Called with sentences that the user should read.

    Yields:
        Fits finished so far and the newest one's record (`surrogate_fit.fit_record`); first those found in the
        directory, one by one, then the number of them with None.

    Raises:
        ObjectiveError: The table lacks a metric of an objective.
        InvalidInputError: Networks with a known score are fewer than a training set needs.
        DataError: The directory holds other records, is being written by another process, or cannot be written.
        WorkerDiedError: A worker process died.
    """
    spec = chosen_executor(executor, workers=jobs)
    if table is None:
        table = open_table(plan.dataset, data)
        reopen = NamedTable.of(table, plan.dataset, data)
    check_table("table", table)
    plan = plan.on(table)
    for sentence in dict.fromkeys(sentence for text in plan.objectives for sentence in scale_notes(text, table)):
        note(sentence)
    description = manifest(plan, table)
    _check_sizes(plan, table)
    for name in plan.encodings:
        encoding(name, table)  # refuses columns that are not attached
    with nullcontext() if directory is None else open_journal(directory, check_fit) as journal:
        missing, found = plan.specs, list[dict[str, Any]]()
        if journal is not None:
            if journal.has_manifest:
                check_benchmark(read_manifest(journal.directory, KIND), str(journal.directory / MANIFEST))
                check_directions(journal.directory, description["objectives"])
            missing = journal.missing(plan.specs, KEY, partial(_facts, table), note, found=found.append)
            journal.write_manifest(description)
        yield from enumerate(found, start=1)
        keep = (lambda _: None) if journal is None else journal.append
        folder = None if journal is None else journal.directory
        yield from complete(_fit, missing, table, keep, n_done=len(found), executor=spec, reopen=reopen, folder=folder)


def row(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record as one row of a table: what was fitted, the measures and the seconds."""
    return {name: value for name, value in record.items() if name not in OF_THE_RECORD}


def manifest(plan: BenchmarkPlan, table: Table) -> dict[str, Any]:
    """Return everything that the report needs to know besides the fits, as plain data."""
    sources = {name: digest for spec in plan.specs for name, digest in spec.sources.items()}
    return {
        "format": 1,
        "kind": KIND,
        "dataset": table.dataset,
        **space_facts(table.space),
        "source": table.source,
        **training_of(table),
        "database_digest": table.digest,
        **({SOURCES: sources} if sources else {}),
        "versions": versions(plan.surrogates),
        "surrogates": list(plan.surrogates),
        "encodings": list(plan.encodings),
        "train_sizes": list(plan.train_sizes),
        "n_trials": plan.n_trials,
        "seed": plan.seed,
        "objectives": {text: facts(text, table) | ceiling(text, table) for text in plan.objectives},
    }


def ceiling(text: str, table: Table) -> dict[str, Any]:
    """Return what a manifest says of the noise ceiling of one objective: a number or None for each, and why if None.

    Of costs alone, which have no noise, the ceiling is 1.
    """
    if not any(term.metrics or term.attached for term in Objective(text).terms):
        return {"ceiling": 1.0, "ceiling_error": 0.0, "ceiling_r2": 1.0, "no_ceiling": ""}
    found = noise_ceiling(objective_column(text, table)[table.space.network_indices()], table.space)
    values = {"ceiling": found.kendall_tau, "ceiling_error": found.tau_error, "ceiling_r2": found.r2}
    known = {name: value if math.isfinite(value) else None for name, value in values.items()}
    return {**known, "no_ceiling": found.reason}


def _check_sizes(plan: BenchmarkPlan, table: Table) -> None:
    largest = max(plan.train_sizes)
    for text in plan.objectives:
        known = int(np.isfinite(objective_column(text, table)[table.space.network_indices()]).sum())
        if known <= largest:
            raise InvalidInputError(
                f"train size is {largest}, but {known} networks of {table.dataset} have a score for {excerpt(text)}; "
                f"expected at most {known - 1}"
            )


def _facts(table: Table, spec: FitSpec) -> dict[str, Any]:
    """Return what the record of a fit says of its spec and table."""
    return {
        "dataset": table.dataset,
        DIGESTS: dict(table.space.digests) or None,
        "database_digest": table.digest,
        "seed": spec.seed,
        SOURCES: spec.sources,
    }


def _fit(table: Table, spec: FitSpec) -> dict[str, Any]:
    return fit_record(spec, table)
