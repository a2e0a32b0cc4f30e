"""What is reported of the networks found besides the objectives: computed from records and tables, kept beside them.

``reported.json`` holds, for every run, when its incumbent changed and what each one scores on each term. It follows
from the records and the tables alone: no run depends on it, and it can be made anew for other terms at any time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from experiments.comparison import analysis
from experiments.comparison.beside import is_of, key_of, named, queried, read_beside, write_beside
from experiments.comparison.incumbents import incumbents, reported_tables, reported_values
from experiments.comparison.records import Records, Target, load, target_of
from experiments.comparison.schema import RunKey
from experiments.comparison.searched_table import searched_table
from experiments.comparison.simulated_time import hours_grid, hours_passed
from experiments.comparison.spread import spread, stepped
from robustnas.arrays import FloatArray
from robustnas.errors import ObjectiveError
from robustnas.objectives import Reported, facts, parse_objectives
from robustnas.tables.datasets import open_table
from robustnas.tables.table import Table

REPORTED = "reported.json"

_ADVICE = "delete it, or write it anew with report --report TERMS"


@dataclass(frozen=True)
class ReportedRun:
    """What is reported of one run.

    Attributes:
        n_queries: The queries at which its incumbent changed, from 1, ascending, shape (n,).
        scores: What the incumbents score, by term, shape (n,); NaN where unknown.
    """

    n_queries: FloatArray
    scores: Mapping[str, FloatArray]


@dataclass(frozen=True)
class ReportedValues:
    """What is reported of the runs of some records.

    Attributes:
        terms: Title, best and noise of each term, by its name.
        runs: By (objective, searcher, seed): of runs that are in the records.
    """

    terms: Mapping[str, Target] = field(default_factory=dict)
    runs: Mapping[RunKey, ReportedRun] = field(default_factory=dict)


def write_reported(
    directory: str | Path,
    records: Records,
    terms: Sequence[Reported],
    table: Table,
    opener: Callable[[str], Table],
) -> None:
    """Compute what the incumbents of all runs score on some terms, and keep it beside the records.

    Args:
        directory: The directory of the records.
        records: What was run.
        terms: What to report.
        table: The table that was searched on.
        opener: Opens another dataset by name.

    Raises:
        InvalidInputError: A dataset is unknown or over another space, or a table lacks a term.
        DataError: The file cannot be written.
    """
    tables = reported_tables(terms, table, opener)
    described = {
        str(term): {
            **facts(term.objective, found),
            "title": term.title,
            "dataset": found.dataset,
            "digest": found.digest,
        }
        for term, found in tables.items()
    }
    write_beside(Path(directory) / REPORTED, {"terms": described, "runs": list(_computed(records, tables, table))})


def report_terms(directory: str | Path, terms: Sequence[str], data: str | Path | None = None) -> None:
    """Report on other terms of records that are there, whatever their plan says; see `write_reported`.

    Args:
        directory: The directory of the records.
        terms: What to report, such as ``cifar100:pgd@1``.
        data: The database's folder; see `robustnas.tables.open_table`.

    Raises:
        ObjectiveError: A term is none, or a table lacks it; or no term is given.
        InvalidInputError: A dataset is unknown, or over another space.
        DataError: The records are of another version of their dataset.
    """
    parsed = [Reported.parse(term) for term in terms]
    if not parsed:
        raise ObjectiveError("nothing to report; expected terms such as 'clean, cifar100:pgd@1'")
    records = load(directory)
    table = searched_table(directory, records.manifest, data)
    write_reported(directory, records, parsed, table, partial(open_table, data=data))


def load_reported(directory: str | Path, records: Records) -> ReportedValues:
    """Read what is reported of the runs of some records; nothing if there is no such file.

    A run that is not as it is in the records, since it was run again, is left out.

    Raises:
        DataError: The file is damaged.
    """

    def read(content: dict[str, Any]) -> ReportedValues:
        terms = {str(name): target_of(str(name), known) for name, known in content["terms"].items()}
        return ReportedValues(terms, dict(_matching(content["runs"], tuple(terms), records)))

    return read_beside(Path(directory) / REPORTED, read, ReportedValues(), _ADVICE)


def reported_curves(records: Records, reported: ReportedValues) -> pd.DataFrame:
    """Return what the incumbent scores on each term after each query, over seeds.

    Returns:
        Columns objective, searcher, term, n_queries (1 to the budget), mean, ci_low, ci_high (95 % t interval of the
        mean), std, median, q25, q75, n_seeds (whose value is known). A run that ended early keeps its last incumbent.
    """
    grid = np.arange(1.0, records.budget + 1)
    return _curves(records, reported, "n_queries", grid, lambda _, run: run.n_queries)


def reported_hours(records: Records, reported: ReportedValues, hours: Sequence[float] | None = None) -> pd.DataFrame:
    """Return the same after simulated hours: column hours instead of n_queries; empty without a clock.

    Args:
        records: What was run.
        reported: What is reported of it.
        hours: When; None for `hours_grid`.
    """
    grid = hours_grid(records) if hours is None else np.asarray(hours, dtype=np.float64)
    spent = queried(records, "seconds") if len(grid) else {}
    passed = {key: hours_passed(seconds) for key, seconds in spent.items()}
    return _curves(records, reported, "hours", grid, lambda key, run: passed[key][run.n_queries.astype(int) - 1])


def _curves(
    records: Records,
    reported: ReportedValues,
    column: str,
    grid: FloatArray,
    when: Callable[[RunKey, ReportedRun], FloatArray],
) -> pd.DataFrame:
    moments = ["mean", "ci_low", "ci_high", "std", "median", "q25", "q75", "n_seeds"]
    names = ["objective", "searcher", "term", column, *moments]
    frames = []
    pairs = [(o, s) for o in records.targets for s in records.searchers] if len(grid) else []
    for objective, searcher in pairs:
        runs = {key: run for key, run in reported.runs.items() if key[:2] == (objective, searcher)}
        for term in reported.terms if runs else ():
            values = np.array([stepped(when(key, run), run.scores[term], grid) for key, run in runs.items()])
            at = grid.astype(np.int64) if column == "n_queries" else grid
            keys = {"objective": objective, "searcher": searcher, "term": term, column: at}
            frames.append(pd.DataFrame({**keys, **spread(values)})[names])
    frame = analysis.typed(pd.concat(frames) if frames else pd.DataFrame(columns=names), records)
    frame["term"] = pd.Categorical(frame["term"], categories=list(reported.terms), ordered=True)
    return frame


def _computed(records: Records, tables: Mapping[Reported, Table], table: Table) -> Iterator[dict[str, Any]]:
    for key, indices in queried(records).items():
        found = incumbents(indices, parse_objectives(key[0]), table)
        scores = {
            term: [None if math.isnan(value) else value for value in column.tolist()]
            for term, column in reported_values(found, tables).items()
        }
        yield {
            **named(key),
            "n_queries": found.n_queries.tolist(),
            "index": found.indices.tolist(),
            "scores": scores,
        }


def _matching(
    runs: Sequence[Mapping[str, Any]], terms: Sequence[str], records: Records
) -> Iterator[tuple[RunKey, ReportedRun]]:
    """Yield what was kept of runs, by key, of those that queried the same networks in the records."""
    asked = queried(records)
    for run in runs:
        key = key_of(run)
        at, indices = np.array(run["n_queries"], dtype=np.int64), np.array(run["index"], dtype=np.int64)
        scores = {term: _numbers(run["scores"][term], len(at)) for term in terms}
        if is_of(at, indices, asked.get(key)):
            yield key, ReportedRun(at.astype(np.float64), scores)


def _numbers(values: Sequence[float | None], n: int) -> FloatArray:
    found = np.array([math.nan if value is None else value for value in values], dtype=np.float64)
    if found.shape != (n,):
        raise ValueError(f"{len(found)} values of {n} networks")
    return found
