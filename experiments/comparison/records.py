"""Records: what an experiment wrote, read back as DataFrames.

A directory holds ``manifest.json`` (what was run, on what) and ``runs.jsonl`` (one line per finished run). Everything
in the report is computed from these two files; the database is not needed again.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from experiments.comparison.directions import recorded_directions
from experiments.comparison.recorded_space import name_of_space, recorded_space
from experiments.comparison.schema import RUN_KEY, RunKey, check_labels, check_run, read_comparison
from experiments.journal import SOURCES, edited_sources, read_runs
from experiments.pages.notebook import Drawing, Report, tables_html
from robustnas.arrays import FloatArray, IntArray, read_only
from robustnas.display import card
from robustnas.duration import parse_duration
from robustnas.errors import InvalidInputError, listing
from robustnas.objectives import parse_objectives, scale_of
from robustnas.spaces import EnumerableSpace
from robustnas.tables.network import Networks

CROSS_PREFIX = "cross:"

_ROUNDING = 1e-13

Run: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Target:
    """What is known of an objective or a metric: its scale, the best of the table and the noise of one number.

    Attributes:
        name: As in the plan, such as ``pgd@1``.
        title: As in papers, such as ``PGD, eps 1/255``.
        best: The best score in the table, in natural units; NaN if unknown.
        minimised: Whether smaller is better.
        noise_floor: Standard deviation between trainings of one function, near the best of the table; in records of
            earlier versions, of all networks. 0 for costs, NaN if unknown.
        n_within_noise: Networks of the table within one noise floor of the best; None if unknown.
        scale: ``accuracy`` ([0, 1], written in percent), ``count`` (as it is) or ``hypervolume`` (normalised, [0, 1]).
        scales: The scale of each of several objectives.
        directions: Whether each of several objectives is minimised.
        expected: Whether scores are expected ones (`experiments.comparison.expected`): the noise floor is then what is
            not known of the best one.
    """

    name: str
    title: str
    best: float = float("nan")
    minimised: bool = False
    noise_floor: float = float("nan")
    n_within_noise: int | None = None
    scale: str = "accuracy"
    scales: tuple[str, ...] = ()
    directions: tuple[bool, ...] = ()
    expected: bool = False

    @property
    def sign(self) -> float:
        """The factor that makes larger better: -1.0 if minimised, else 1.0."""
        return -1.0 if self.minimised else 1.0

    @property
    def floor(self) -> str:
        """What the noise floor is called: on the scale of expected scores, it is their uncertainty."""
        return "uncertainty" if self.expected else "noise floor"

    @property
    def is_multi(self) -> bool:
        """Whether several objectives were searched at once, so that scores are hypervolumes."""
        return self.scale == "hypervolume"


@dataclass(frozen=True, eq=False)
class Records:
    """The records of one experiment.

    Attributes:
        manifest: What was run, on what data, with what versions.
        runs: One row per finished run: objective, searcher, seed, n_queries, seconds, best_arch, best_uid, best_score,
            front (a list for multi-objective runs, else None) and one column ``cross:<metric>`` per metric with the
            score of the network found.
        queries: One row per distinct query: objective, searcher, seed, n_queries (1-based), index (of the space), arch,
            uid, score (or score_1, score_2, ... for multi-objective runs), best (so far, natural units), cost, seconds
            (simulated; NaN without a clock), source.
        directory: Where they were read from; None if they were not.
    """

    manifest: dict[str, Any]
    runs: pd.DataFrame
    queries: pd.DataFrame
    directory: Path | None = None

    def summary(self, n_queries: Sequence[int] | None = None) -> pd.DataFrame:
        """Return the best so far after numbers of queries, over seeds; see `analysis.summary`."""
        from experiments.comparison.analysis import summary  # reads records itself, as all that follow

        return summary(self, n_queries)

    def regret(self) -> pd.DataFrame:
        """Return the regret after each query, over seeds; see `analysis.regret_curves`."""
        from experiments.comparison.analysis import regret_curves

        return regret_curves(self)

    def best(self) -> pd.DataFrame:
        """Return the best network of each searcher; see `analysis.found_networks`."""
        from experiments.comparison.analysis import found_networks

        return found_networks(self)

    def front(self, objectives: str | None = None, searcher: str | None = None) -> Networks:
        """Return the networks that no other one found is better than on all of several objectives.

        Args:
            objectives: As in the plan; the only ones of a plan with a single search for several if None.
            searcher: Whose runs count; those of all if None.

        Raises:
            InvalidInputError: The records have no such search.
        """
        from experiments.comparison.found_front import found_front

        return found_front(self, objectives, searcher)

    def plot(self) -> Drawing:
        """Return a figure of regret against queries; of searches for several objectives, of the hypervolume lacking."""
        from experiments.comparison.figures import hypervolume_figure, regret_figure

        figure = regret_figure(self) or hypervolume_figure(self)
        if figure is None:
            raise InvalidInputError("no run has finished yet; expected at least one to draw")
        return Drawing(figure)

    def report(self) -> Report:
        """Write the report beside the records, and return it: a notebook shows it in a frame.

        Raises:
            InvalidInputError: These are not the records of a folder, but a part of them.
            DataError: The folder cannot be read or written, or no run has finished.
        """
        from experiments.comparison.report import write_report

        if self.directory is None:
            raise InvalidInputError("these records are not those of a folder; load(folder) reads one that reports")
        return Report.read(write_report(self.directory))

    def __repr__(self) -> str:
        n, dataset = len(self.runs), self.manifest["dataset"]
        finished = f"{n} run{'' if n == 1 else 's'}"
        if n < self.n_planned:
            finished = f"{n} of {self.n_planned} runs"
        what = f"{listing(self.searchers, 6)} on {listing(self.targets, 6)}"
        return f"<{finished} of {self.budget_text} on {dataset}: {what}>"

    def _repr_html_(self) -> str:
        from experiments.comparison.tables import marked, summary_table

        title = repr(self).strip("<>")
        table = tables_html([marked(summary_table(self), self)]) if len(self.runs) else ""
        return card(title, table)

    @property
    def space(self) -> str:
        """The name of the search space."""
        return name_of_space(self.manifest)

    @property
    def budget(self) -> int:
        """Distinct networks that each run could query; of a budget of simulated time, the most that any run did."""
        if self.deadline is None:
            return int(self.manifest["budget"])
        return int(self.runs["n_queries"].max()) if len(self.runs) else 1

    @property
    def deadline(self) -> float | None:
        """The budget in simulated seconds; None if it is one of networks."""
        budget = self.manifest["budget"]
        return parse_duration(budget) if isinstance(budget, str) else None

    @property
    def budget_text(self) -> str:
        """The budget in words, such as ``300 distinct networks`` or ``20 h of simulated time``."""
        of_time = self.deadline is not None
        return f"{self.manifest['budget']} of simulated time" if of_time else f"{self.budget} distinct networks"

    @property
    def is_timed(self) -> bool:
        """Whether every run kept the simulated seconds of its queries."""
        return len(self.queries) > 0 and bool(self.queries["seconds"].notna().all())

    @property
    def searchers(self) -> tuple[str, ...]:
        """The labels of the searchers, in plan order."""
        return tuple(self.manifest["searchers"])

    @cached_property
    def targets(self) -> dict[str, Target]:
        """The objectives by name, in plan order."""
        return {name: target_of(name, facts) for name, facts in self.manifest["objectives"].items()}

    @cached_property
    def metrics(self) -> dict[str, Target]:
        """The metrics of the cross-evaluation by name, in the manifest's order."""
        return {name: target_of(name, facts) for name, facts in (self.manifest.get("cross_metrics") or {}).items()}

    @property
    def n_planned(self) -> int:
        """Runs that the plan asks for."""
        return len(self.targets) * len(self.searchers) * len(self.manifest["seeds"])

    @cached_property
    def curves(self) -> dict[tuple[str, str], tuple[IntArray, FloatArray]]:
        """Seeds, shape (n,) ascending, and best so far after 1 to `budget` queries, shape (n, budget).

        By (objective, searcher), in plan order, those with finished runs only; natural units. A run that ended before
        its budget carries its last best forward.
        """
        best, runs = _best_matrix(self.queries, self.budget)
        curves = {}
        for key in ((objective, searcher) for objective in self.targets for searcher in self.searchers):
            rows = np.flatnonzero((runs["objective"] == key[0]) & (runs["searcher"] == key[1]))
            if len(rows):
                seeds = runs["seed"].to_numpy()[rows]
                order = np.argsort(seeds, kind="stable")
                curves[key] = (read_only(seeds[order].astype(np.int64)), read_only(best[rows[order]]))
        return curves


def load(directory: str | Path) -> Records:
    """Read the records in a directory.

    A last line that a killed writer left unfinished is ignored; of a run recorded twice the first counts.

    Raises:
        DataError: A file is missing, corrupt, or not one that an experiment wrote; the message names it.
    """
    folder = Path(directory)
    manifest = read_comparison(folder)
    runs = finished_runs(folder, manifest)
    return Records(manifest, _runs_frame(runs, manifest), _queries_frame(runs, manifest), folder)


def finished_runs(folder: Path, manifest: Mapping[str, Any]) -> list[Run]:
    """Read the finished runs in a directory, as they were written, in the order they ended; see `load`.

    Raises:
        DataError: They are missing, corrupt, or of another experiment.
    """
    runs: dict[RunKey, Run] = {}
    space = recorded_space(manifest)
    for where, content in read_runs(folder):
        run = check_run(content, where, space)
        check_labels(run, manifest, where)
        if edited_sources(run, manifest.get(SOURCES) or {}):
            continue  # of a searcher that was edited since, and is run again
        runs.setdefault((run["objective"], run["searcher"], run["seed"]), run)
    return list(runs.values())


def target_of(name: str, facts: Mapping[str, Any]) -> Target:
    """Return what a manifest says of an objective or a metric."""
    keys = ("best", "minimised", "noise_floor", "n_within_noise", "scale")
    known: dict[str, Any] = {key: facts[key] for key in keys if facts.get(key) is not None}
    if facts.get("noise_near_best") is not None:
        known |= {"noise_floor": facts["noise_near_best"], "n_within_noise": facts.get("n_within_noise_near_best")}
    if known.get("noise_floor", math.nan) < _ROUNDING:
        known["noise_floor"] = 0.0  # of equal scores whose mean was rounded, in records of earlier versions
    known["expected"] = facts.get("expected") is True
    if known.get("scale") == "hypervolume":
        known["directions"] = recorded_directions(name, facts)
        each = facts.get("each") or [{"scale": scale_of(objective)} for objective in parse_objectives(name)]
        known["scales"] = tuple(str(one["scale"]) for one in each)
    return Target(name, str(facts.get("title") or name), **known)


def _runs_frame(runs: Sequence[Run], manifest: Mapping[str, Any]) -> pd.DataFrame:
    found = [run.get("best") or {} for run in runs]
    columns: dict[str, Any] = {
        **_keys(runs, manifest),
        "n_queries": np.array([run["n_queries"] for run in runs], dtype=np.int64),
        "seconds": _floats(run.get("seconds") for run in runs),
        "best_arch": pd.array([best.get("arch") for best in found], dtype="str"),
        "best_uid": pd.array([best.get("uid") for best in found], dtype="Int64"),
        "best_score": _floats(_single(best.get("score")) for best in found),
        "front": pd.Series([run.get("front") for run in runs], dtype=object),
    }
    cross = [run.get("cross") or {} for run in runs]
    for metric in dict.fromkeys(chain(manifest.get("cross_metrics") or (), *cross)):
        columns[f"{CROSS_PREFIX}{metric}"] = _floats(scores.get(metric) for scores in cross)
    return pd.DataFrame(columns)


def _queries_frame(runs: Sequence[Run], manifest: Mapping[str, Any]) -> pd.DataFrame:
    lengths = np.array([run["n_queries"] for run in runs], dtype=np.int64)
    row = np.repeat(np.arange(len(runs)), lengths)
    start = np.repeat(np.cumsum(lengths) - lengths, lengths)
    columns: dict[str, Any] = {name: values[row] for name, values in _keys(runs, manifest).items()}
    columns["n_queries"] = np.arange(lengths.sum()) - start + 1
    columns["index"] = _joined([run["queries"]["index"] for run in runs], np.int64)
    columns |= _networks(columns["index"], recorded_space(manifest))
    columns |= _score_columns([run["queries"]["score"] for run in runs], lengths)
    columns["best"] = _joined([run["queries"]["best"] for run in runs], np.float64)
    columns["cost"] = _joined([_cost(run) for run in runs], np.float64)
    columns["seconds"] = _joined([_seconds(run) for run in runs], np.float64)
    columns["source"] = pd.Categorical(list(chain.from_iterable(_sources(run) for run in runs)))
    return pd.DataFrame(columns)


def _networks(indices: IntArray, space: EnumerableSpace[Any] | None) -> dict[str, Any]:
    """Return the columns ``arch`` and ``uid`` of architectures by index; nothing for a space that is not there."""
    if space is None:
        return {}
    distinct, codes = np.unique(indices, return_inverse=True)
    archs = [str(space.architecture(index)) for index in distinct.tolist()]
    return {"arch": pd.Categorical.from_codes(codes.tolist(), pd.Index(archs)), "uid": space.uids()[indices]}


def _keys(runs: Sequence[Run], manifest: Mapping[str, Any]) -> dict[str, Any]:
    columns: dict[str, Any] = {}
    for name, categories in (("objective", manifest["objectives"]), ("searcher", manifest["searchers"])):
        columns[name] = pd.Categorical([run[name] for run in runs], categories=list(categories), ordered=True)
    columns["seed"] = np.array([run["seed"] for run in runs], dtype=np.int64)
    return columns


def _score_columns(scores: Sequence[Sequence[Any]], lengths: IntArray) -> dict[str, FloatArray]:
    """Return ``score`` for plain numbers and ``score_1``, ``score_2``, ... for lists, NaN where a run has the other."""
    widths = [len(values[0]) if isinstance(values[0], list) else 0 for values in scores]
    width = max(widths, default=0)
    names = ["score", *(f"score_{i}" for i in range(1, width + 1))] if 0 in widths or not widths else None
    names = names or [f"score_{i}" for i in range(1, width + 1)]
    table = {name: np.full(int(lengths.sum()), np.nan) for name in names}
    stops = np.cumsum(lengths)
    for values, n, stop in zip(scores, widths, stops, strict=True):
        block = _array(values)
        for i, name in enumerate([f"score_{i}" for i in range(1, n + 1)] or ["score"]):
            table[name][stop - len(values) : stop] = block[:, i] if n else block
    return table


def _cost(run: Run) -> Sequence[float]:
    cost = run["queries"].get("cost", float("nan"))
    return cost if isinstance(cost, list) else [cost] * run["n_queries"]


def _seconds(run: Run) -> Sequence[float]:
    seconds = run["queries"].get("seconds")
    return seconds if isinstance(seconds, list) else [float("nan")] * run["n_queries"]


def _sources(run: Run) -> Iterable[str]:
    source = run["queries"].get("source", "unknown")
    return source if isinstance(source, list) else [source] * run["n_queries"]


def _joined(parts: Sequence[Sequence[Any]], dtype: type) -> Any:
    return _array(list(chain.from_iterable(parts)), dtype)


def _array(values: Sequence[Any], dtype: type = np.float64) -> Any:
    return np.array(values, dtype=dtype)


def _floats(values: Iterable[Any]) -> FloatArray:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def _single(score: Any) -> Any:
    return None if isinstance(score, list) else score


def _best_matrix(queries: pd.DataFrame, budget: int) -> tuple[FloatArray, pd.DataFrame]:
    """Return best so far by run and query, shape (n_runs, budget), and the runs' keys, one row each."""
    groups = queries.groupby(list(RUN_KEY), observed=True, sort=True)
    row = groups.ngroup().to_numpy()
    query = queries["n_queries"].to_numpy()
    best = np.full((groups.ngroups, budget), np.nan)
    asked = query <= budget
    best[row[asked], query[asked] - 1] = queries["best"].to_numpy()[asked]
    return _carried_forward(best), groups.size().index.to_frame(index=False)


def _carried_forward(best: FloatArray) -> FloatArray:
    last = np.maximum.accumulate(np.where(np.isnan(best), 0, np.arange(best.shape[1])), axis=1)
    return np.take_along_axis(best, last, axis=1)
