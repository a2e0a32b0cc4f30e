"""What the networks found are expected to score if they were trained again: computed from records and a table.

A search's incumbent is chosen by what the search saw; its worth is its expected score, and the reference is the best
expected score of the table (`surrogates.expected`). ``expected.json``, beside the records, holds for every run when its
incumbent changed and what each one is worth. It follows from the records and the table alone, as ``reported.json``.

`on_expected_scale` puts records on that scale, so that whatever is computed of records can be computed there too.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from experiments.comparison.beside import is_of, key_of, named, queried, read_beside, write_beside
from experiments.comparison.incumbents import incumbents
from experiments.comparison.leading import part_of
from experiments.comparison.records import Records, load
from experiments.comparison.schema import RUN_KEY, RunKey
from experiments.comparison.searched_table import searched_table
from experiments.comparison.spread import stepped
from robustnas.arrays import FloatArray, IntArray
from robustnas.errors import DataError, RobustNASError, excerpt
from robustnas.objectives import parse_objectives, utility_columns
from robustnas.reference import is_reference
from robustnas.tables.table import Table

EXPECTED = "expected.json"

_SEVERAL = "several objectives at once have no single score"
_NOT_COMPUTED = "they have not been computed: robustnas report does it where {} is at hand"


@dataclass(frozen=True)
class ExpectedObjective:
    """What is known of one objective.

    Attributes:
        best: The best expected score of the table, in natural units; NaN without expected scores.
        std: The standard deviation of what is not known of it.
        n_within: Networks whose expected score is within that of the best.
        reason: Why there are no expected scores; empty if there are.
        is_exact: Whether that is because scores have no noise.
    """

    best: float = math.nan
    std: float = math.nan
    n_within: int = 0
    reason: str = ""
    is_exact: bool = False


@dataclass(frozen=True)
class ExpectedRun:
    """The incumbents of one run.

    Attributes:
        n_queries: The queries that found them, from 1, ascending, shape (n,).
        mean: Their expected scores.
        std: The standard deviations of what is not known of these.
    """

    n_queries: FloatArray
    mean: FloatArray
    std: FloatArray


@dataclass(frozen=True)
class ExpectedValues:
    """What is expected of the runs of some records.

    Attributes:
        objectives: By name, as in the records.
        runs: By (objective, searcher, seed), of objectives with expected scores.
    """

    objectives: Mapping[str, ExpectedObjective] = field(default_factory=dict)
    runs: Mapping[RunKey, ExpectedRun] = field(default_factory=dict)

    @property
    def available(self) -> list[str]:
        """The objectives with expected scores."""
        return [name for name, known in self.objectives.items() if not known.reason]


def write_expected(directory: str | Path, records: Records, table: Table) -> None:
    """Compute what the incumbents of all runs are expected to score, and keep it beside the records.

    Args:
        directory: The directory of the records.
        records: What was run.
        table: The table that was searched on.

    Raises:
        DataError: The file cannot be written.
    """
    found = {name: best_expected(name, table) for name in records.targets}
    runs = [run for name in records.targets if not found[name].reason for run in _computed(name, records, table)]
    objectives = {name: _plain(known) for name, known in found.items()}
    write_beside(Path(directory) / EXPECTED, {"objectives": objectives, "runs": runs})


def complete_expected(directory: str | Path, data: str | Path | None = None) -> str:
    """Compute what is missing of expected scores, as in records of earlier versions, if the data is at hand.

    Args:
        directory: The directory of the records.
        data: The database's folder; see `robustnas.tables.open_table`.

    Returns:
        Why it could not be done; empty if nothing is missing.

    Raises:
        DataError: The records are missing or corrupt.
    """
    records = load(directory)
    if _is_whole(directory, records):
        return ""
    if is_reference(dataset := str(records.manifest["dataset"])):
        return f"{excerpt(dataset)} is code, which compare runs and report does not"
    try:
        write_expected(directory, records, searched_table(directory, records.manifest, data))
    except RobustNASError as error:
        return str(error)
    return ""


def load_expected(directory: str | Path, records: Records) -> ExpectedValues:
    """Read what the runs of some records are expected to be worth; each objective without it says why.

    Raises:
        DataError: The file is damaged.
    """
    objectives, runs = _read(Path(directory) / EXPECTED)
    absent = _NOT_COMPUTED.format(records.manifest["dataset"])
    kept: dict[RunKey, ExpectedRun] = {}
    lacking = set()
    for key, asked in queried(records).items():
        run = runs.get(key)
        if run is not None and is_of(run.n_queries.astype(np.int64), run.index, asked):
            kept[key] = ExpectedRun(run.n_queries, run.mean, run.std)
        else:
            lacking.add(key[0])
    found = {}
    for name, target in records.targets.items():
        known = objectives.get(name, ExpectedObjective(reason=absent))
        known = ExpectedObjective(reason=_SEVERAL) if target.is_multi else known
        found[name] = ExpectedObjective(reason=absent) if not known.reason and name in lacking else known
    return ExpectedValues(found, {key: run for key, run in kept.items() if not found[key[0]].reason})


def on_expected_scale(records: Records, expected: ExpectedValues) -> Records:
    """Return records whose scores are expected ones, of the objectives that have them; the others stay as they are.

    The best so far is what the incumbent is worth, which may fall when a search takes a lucky network for a better one;
    the best of the table is the best expected score, and the noise floor what is not known of that.
    """
    facts = dict(records.manifest["objectives"])
    for name in expected.available:
        known = expected.objectives[name]
        level = {"noise_floor": known.std, "n_within_noise": known.n_within}
        near = {"noise_near_best": known.std, "n_within_noise_near_best": known.n_within}
        facts[name] = {**facts[name], "best": known.best, **level, **near, "expected": True}
    queries, runs = records.queries.copy(), records.runs.copy()
    groups = queries.groupby(list(RUN_KEY), observed=True).indices
    best, at = queries["best"].to_numpy(copy=True), queries["n_queries"].to_numpy()
    final = dict(zip(zip(*(runs[name] for name in RUN_KEY), strict=True), runs["best_score"], strict=True))
    for key, run in expected.runs.items():
        rows = groups[key]
        best[rows] = stepped(run.n_queries, run.mean, at[rows])
        final[key] = run.mean[-1] if len(run.mean) else math.nan
    queries["best"], runs["best_score"] = best, list(final.values())
    return replace(records, manifest={**records.manifest, "objectives": facts}, queries=queries, runs=runs)


def expected_part(records: Records, expected: ExpectedValues) -> Records:
    """Return the records of the objectives with expected scores, on the scale of these."""
    part = part_of(records, [name for name in records.targets if name in expected.available], records.searchers)
    return on_expected_scale(part, expected)


def best_expected(name: str, table: Table) -> ExpectedObjective:
    """Return the best expected score of a table, among feasible networks; or why there are none.

    Raises:
        ObjectiveError: Nothing is feasible, or the table lacks a metric or a column.
    """
    from surrogates.expected import expected  # loads scikit-learn and XGBoost

    objectives = parse_objectives(name)
    if len(objectives) > 1:
        return ExpectedObjective(reason=_SEVERAL)
    found = expected(objectives[0], table)
    if found.reason:
        return ExpectedObjective(reason=found.reason, is_exact=bool((found.std == 0).any()))
    feasible = np.isfinite(utility_columns(objectives, table)[0])
    utilities = np.where(feasible, objectives[0].sign * found.mean, -np.inf)
    best = int(np.argmax(utilities))
    near = np.unique(table.space.network_of_index()[utilities >= utilities[best] - found.std[best]])
    return ExpectedObjective(float(found.mean[best]), float(found.std[best]), len(near))


def _computed(name: str, records: Records, table: Table) -> Iterator[dict[str, Any]]:
    from surrogates.expected import expected

    objectives = parse_objectives(name)
    worth = expected(objectives[0], table)
    for key, indices in queried(records).items():
        if key[0] != name:
            continue
        found = incumbents(indices, objectives, table)
        yield {
            **named(key),
            "n_queries": found.n_queries.tolist(),
            "index": found.indices.tolist(),
            "mean": worth.mean[found.indices].tolist(),
            "std": worth.std[found.indices].tolist(),
        }


def _plain(known: ExpectedObjective) -> dict[str, Any]:
    if known.reason:
        return {"reason": known.reason, "is_exact": known.is_exact}
    return {"best": known.best, "std": known.std, "n_within": known.n_within}


@dataclass(frozen=True)
class _KeptRun(ExpectedRun):
    """A run as the file has it, with the indices of its incumbents."""

    index: IntArray = field(default_factory=lambda: np.empty(0, dtype=np.int64))


_Kept = tuple[dict[str, ExpectedObjective], dict[RunKey, _KeptRun]]


def _read(path: Path) -> _Kept:
    def read(content: dict[str, Any]) -> _Kept:
        objectives = {str(name): _objective(known) for name, known in content["objectives"].items()}
        return objectives, dict(_kept_run(run) for run in content["runs"])

    nothing: _Kept = {}, {}
    return read_beside(path, read, nothing)


def _objective(known: Mapping[str, Any]) -> ExpectedObjective:
    if known.get("reason"):
        return ExpectedObjective(reason=str(known["reason"]), is_exact=known.get("is_exact") is True)
    found = ExpectedObjective(float(known["best"]), float(known["std"]), int(known["n_within"]))
    if not (math.isfinite(found.best) and 0 <= found.std < math.inf):
        raise ValueError(f"best {found.best}, std {found.std}")
    return found


def _kept_run(run: Mapping[str, Any]) -> tuple[RunKey, _KeptRun]:
    index = np.array([int(value) for value in run["index"]], dtype=np.int64)
    at, mean, std = (np.array(run[name], dtype=np.float64) for name in ("n_queries", "mean", "std"))
    if not at.shape == mean.shape == std.shape == (len(index),):
        raise ValueError(f"{at.size}, {mean.size} and {std.size} values of {len(index)} networks")
    return key_of(run), _KeptRun(n_queries=at, mean=mean, std=std, index=index)


def _is_whole(directory: str | Path, records: Records) -> bool:
    """Return whether every objective has expected scores of all runs, or a reason of the table's."""
    names = [name for name, target in records.targets.items() if not target.is_multi]
    try:
        objectives, _ = _read(Path(directory) / EXPECTED)
    except DataError:
        return False
    found = load_expected(directory, records).objectives
    return all(name in objectives and found[name].reason == objectives[name].reason for name in names)
