"""Records as one tidy table: a row per query and objective, a column per variable."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from experiments.comparison.records import Records, load
from experiments.comparison.slacks import constraint_names, recorded_slacks
from robustnas.arrays import FloatArray, IntArray
from robustnas.errors import DataError
from robustnas.objectives import parse_objectives

COLUMNS = {
    "dataset": "table that was searched",
    "space": "search space",
    "searched_for": "what was searched for: one objective, or several",
    "searcher": "label of the searcher",
    "seed": "seed of the search",
    "n_queries": "distinct networks queried so far, this one included; from 1",
    "index": "index of the architecture in the space",
    "arch": "architecture",
    "network": "number of the network, the same for all architectures of one network",
    "objective": "objective that the score is of",
    "minimised": "whether smaller scores are better",
    "score": "score, in natural units: accuracies in [0, 1], parameters, FLOPs, an attached column's own unit",
    "best": "best so far, unknown before the first feasible network: a score in natural units; of several objectives "
    "the normalised hypervolume, in [0, 1]",
    "feasible": "whether the network satisfies the constraints; unknown where these were not at hand",
    "cost": "forward and backward passes per test image that measuring the network takes",
    "seconds": "simulated seconds that the query took; unknown without a clock",
    "source": "where the score comes from: table, surrogate, store, measured",
}
"""The columns and what they hold."""


def tidy_queries(
    directory: str | Path, data: str | Path | None = None, note: Callable[[str], object] = lambda _: None
) -> tuple[pd.DataFrame, Records]:
    """Return every query of every finished search of a comparison, with the records that they are from.

    Args:
        directory: The directory of the comparison.
        data: The database's folder, for the constraints of what was searched; see `robustnas.tables.open_table`.
        note: Called with sentences that the user should read.

    Returns:
        A row per query and objective, in the order of the plan, seeds ascending; columns as `COLUMNS`.

    Raises:
        DataError: The records are missing, corrupt, of another kind, or no search has finished.
    """
    records = load(directory)
    if records.queries.empty:
        raise DataError(f"no search in {str(directory)!r} has finished yet; expected at least one to export")
    slacks = recorded_slacks(directory, records.manifest, records.targets, data, note)
    queries = records.queries.rename(columns={"objective": "searched_for", "uid": "network"})
    queries = queries.assign(dataset=str(records.manifest["dataset"]), space=records.space)
    for absent in {"arch", "network"} - set(queries):  # the space is not there
        queries[absent] = pd.NA
    parts = [
        _of_objectives(part.copy(), str(name), records, slacks.get(str(name)))
        for name, part in queries.groupby("searched_for", observed=True, sort=True)
    ]
    frame = pd.concat(parts, ignore_index=True)
    for name in ("dataset", "space", "objective"):
        frame[name] = frame[name].astype("category")
    return frame[list(COLUMNS)], records


def _of_objectives(queries: pd.DataFrame, text: str, records: Records, slacks: FloatArray | None) -> pd.DataFrame:
    """Return a row for each of the objectives that were searched for together, those of one query in a row."""
    objectives, target = parse_objectives(text), records.targets[text]
    queries["feasible"] = _feasible(queries["index"].to_numpy(), text, slacks)
    queries = queries.sort_values(["searcher", "seed", "n_queries"], kind="stable")
    n, width = len(queries), len(objectives)
    columns = [f"score_{place}" for place in range(1, width + 1)] if target.is_multi else ["score"]
    scores = queries[columns].to_numpy(dtype=np.float64).reshape(-1)
    rows = queries.drop(columns=[name for name in queries if str(name).startswith("score")])
    rows = rows.iloc[np.repeat(np.arange(n), width)].reset_index(drop=True)
    directions = target.directions if target.is_multi else (target.minimised,)
    return rows.assign(
        objective=np.tile([objective.expression for objective in objectives], n),
        minimised=np.tile(directions, n),
        score=scores,
    )


def _feasible(indices: IntArray, text: str, slacks: FloatArray | None) -> Any:
    if not constraint_names(text):
        return pd.array([True] * len(indices), dtype="boolean")
    if slacks is None:
        return pd.array([pd.NA] * len(indices), dtype="boolean")
    satisfied = np.asarray((slacks[:, indices] >= 0).all(axis=0), dtype=np.bool_)
    return pd.array(satisfied, dtype="boolean")
