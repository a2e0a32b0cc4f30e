"""Fronts against that of the table: hypervolume, IGD+ and the share of its points that were found, over queries.

``fronts.json`` holds, for every search for several objectives, the front of the whole table, and when each run came
nearer to it. It follows from the records and the table alone: no run depends on it, and it can be made anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from experiments.comparison import analysis
from experiments.comparison.beside import is_of, key_of, named, queried, read_beside, write_beside
from experiments.comparison.records import Records, load
from experiments.comparison.schema import RunKey
from experiments.comparison.searched_table import searched_table
from experiments.comparison.spread import spread, stepped
from experiments.comparison.trajectory import hypervolume_scale
from robustnas.arrays import FloatArray, IntArray
from robustnas.errors import RobustNASError
from robustnas.objectives import parse_objectives, score_columns, utility_columns
from robustnas.pareto import non_dominated
from robustnas.tables.table import Table

FRONTS = "fronts.json"
MEASURES = ("hypervolume", "igd_plus", "share")
"""Normalised hypervolume, IGD+ to the table's front, and the share of the table's front that was found."""


@dataclass(frozen=True)
class FrontRun:
    """How near one run came to the front of the table.

    Attributes:
        n_queries: The queries at which it came nearer, from 1, ascending, shape (n,); the first is 1.
        igd_plus: IGD+ from there on, shape (n,).
        share: The share of the points of the table's front from there on, shape (n,).
    """

    n_queries: FloatArray
    igd_plus: FloatArray
    share: FloatArray


@dataclass(frozen=True)
class Fronts:
    """The fronts of a table, and how near the runs of some records came.

    Attributes:
        tables: By objectives, the scores of the networks on the table's front, shape (n, n_objectives), natural units.
        runs: By (objective, searcher, seed): of runs that are in the records.
    """

    tables: Mapping[str, FloatArray] = field(default_factory=dict)
    runs: Mapping[RunKey, FrontRun] = field(default_factory=dict)


def write_fronts(directory: str | Path, records: Records, table: Table) -> None:
    """Compare the fronts of all runs with those of the table, and keep the result beside the records.

    Nothing is written if no search was for several objectives.

    Args:
        directory: The directory of the records.
        records: What was run.
        table: The table that was searched on.

    Raises:
        ObjectiveError: The table lacks a metric or a column.
        DataError: The file cannot be written.
    """
    names = [name for name, target in records.targets.items() if target.is_multi]
    if not names:
        return
    fronts = {name: _table_front(name, table).tolist() for name in names}
    write_beside(Path(directory) / FRONTS, {"fronts": fronts, "runs": list(_computed(records, table))})


def complete_fronts(directory: str | Path, data: str | Path | None = None) -> str:
    """Compare with the table what has not been compared yet, as in records of earlier versions, if the data is at hand.

    Args:
        directory: The directory of the records.
        data: The database's folder; see `robustnas.tables.open_table`.

    Returns:
        Why it could not be done; empty if nothing is lacking.

    Raises:
        DataError: The records are missing or corrupt.
    """
    records = load(directory)
    if not lacking(records, load_fronts(directory, records)):
        return ""
    try:
        write_fronts(directory, records, searched_table(directory, records.manifest, data))
    except RobustNASError as error:
        return str(error)
    return ""


def load_fronts(directory: str | Path, records: Records) -> Fronts:
    """Read how near the runs of some records came to the fronts of the table; nothing if there is no such file.

    A run that is not as it is in the records, since it was run again, is left out.

    Raises:
        DataError: The file is damaged.
    """

    def read(content: dict[str, Any]) -> Fronts:
        known = {name: target for name, target in records.targets.items() if target.is_multi}
        tables = {
            name: _numbers(scores, len(scores), len(known[name].directions))
            for name, scores in content["fronts"].items()
            if name in known
        }
        return Fronts(tables, dict(_matching(content["runs"], records)))

    return read_beside(Path(directory) / FRONTS, read, Fronts())


def lacking(records: Records, fronts: Fronts) -> int:
    """Return how many runs for several objectives have not been compared with the table's front."""
    several = {name for name, target in records.targets.items() if target.is_multi}
    return int(records.runs["objective"].isin(several).sum()) - len(fronts.runs)


def front_curves(records: Records, fronts: Fronts) -> pd.DataFrame:
    """Return every measure after each query, over the seeds that were compared with the table's front.

    Returns:
        Columns objective, searcher, measure (of `MEASURES`), n_queries (1 to the budget), mean, std, ci_low, ci_high
        (95 % t interval of the mean), median, q25, q75, n_seeds. A run that ended early keeps its last front.
    """
    moments = ["mean", "std", "ci_low", "ci_high", "median", "q25", "q75", "n_seeds"]
    columns = ["objective", "searcher", "measure", "n_queries", *moments]
    n = np.arange(1, records.budget + 1)
    frames = []
    for (objective, searcher), (seeds, best) in records.curves.items():
        runs = [fronts.runs.get((objective, searcher, seed)) for seed in seeds.tolist()]
        found = [(run, row) for run, row in zip(runs, best, strict=True) if run is not None]
        for measure in MEASURES if found else ():
            values = np.array([_values(measure, run, row, n) for run, row in found])
            keys = {"objective": objective, "searcher": searcher, "measure": measure, "n_queries": n}
            moments_of = spread(values)
            most = np.inf if measure == "igd_plus" else 1.0  # the others are shares
            bounds = {name: np.clip(moments_of[name], 0.0, most) for name in ("ci_low", "ci_high")}
            frames.append(pd.DataFrame({**keys, **moments_of, **bounds})[columns])
    frame = analysis.typed(pd.concat(frames) if frames else pd.DataFrame(columns=columns), records)
    frame["measure"] = pd.Categorical(frame["measure"], categories=list(MEASURES), ordered=True)
    return frame


def _values(measure: str, run: FrontRun, hypervolume: FloatArray, n_queries: IntArray) -> FloatArray:
    """Return a measure of a run after numbers of queries."""
    if measure == "hypervolume":
        return hypervolume
    return stepped(run.n_queries, run.igd_plus if measure == "igd_plus" else run.share, n_queries.astype(np.float64))


def _table_front(name: str, table: Table) -> FloatArray:
    """Return the distinct scores of the networks on a table's front, shape (n, n_objectives), natural units."""
    objectives = parse_objectives(name)
    mask = non_dominated(utility_columns(objectives, table).T)
    return np.unique(score_columns(objectives, table).T[mask], axis=0)


def _computed(records: Records, table: Table) -> Iterator[dict[str, Any]]:
    for key, indices in queried(records).items():
        if not records.targets[key[0]].is_multi:
            continue
        objectives = parse_objectives(key[0])
        utilities = utility_columns(objectives, table)[:, indices].T
        progress = hypervolume_scale(objectives, table).progress(utilities)
        at = np.flatnonzero(np.diff(progress.igd_plus, prepend=np.inf))
        yield {
            **named(key),
            "n_queries": (at + 1).tolist(),
            "index": indices[at].tolist(),
            "igd_plus": progress.igd_plus[at].tolist(),
            "share": progress.share[at].tolist(),
        }


def _matching(runs: list[Mapping[str, Any]], records: Records) -> Iterator[tuple[RunKey, FrontRun]]:
    """Yield what was kept of runs, by key, of those that queried the same networks in the records."""
    asked = queried(records)
    for run in runs:
        key = key_of(run)
        at, indices = np.array(run["n_queries"], dtype=np.int64), np.array(run["index"], dtype=np.int64)
        measures = [_numbers(run[name], len(at)) for name in ("igd_plus", "share")]
        if len(at) and is_of(at, indices, asked.get(key)):
            yield key, FrontRun(at.astype(np.float64), *measures)


def _numbers(values: Any, *shape: int) -> FloatArray:
    found = np.array(values, dtype=np.float64)
    if found.shape != shape or not np.isfinite(found).all():
        raise ValueError(f"numbers of shape {found.shape}, expected finite ones of shape {shape}")
    return found
