"""Searches as Optuna studies: every finished search of a comparison, with every query as a trial.

A study is about one search, and says so in the user attributes that begin with ``robustnas:``. Exporting again adds
what is new. A study of the same name that is about anything else is refused before anything is written.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from hashlib import sha256
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments.comparison.recorded_space import name_of_space, recorded_space
from experiments.comparison.records import Run, finished_runs, target_of
from experiments.comparison.schema import read_comparison
from experiments.comparison.slacks import constraint_names, recorded_slacks
from experiments.journal import RUNS
from robustnas.arrays import FloatArray
from robustnas.errors import DataError, excerpt, listing
from robustnas.objectives import parse_objectives
from robustnas.spaces import SPACES, EnumerableSpace
from searchers.optuna_encoding import ChoiceEncoding
from searchers.optuna_study import is_marked, marks, name_metrics, named, open_storage, open_study, safe, storage_faults
from searchers.optuna_trials import append_missing, n_trials

if TYPE_CHECKING:
    from optuna.storages import BaseStorage
    from optuna.trial import FrozenTrial

_ADVICE = "export to another storage, or delete that study"
_OF_RUN = (
    *("objective", "searcher", "seed", "name", "parameters", "known", "sources", "budget", "time"),
    *("dataset", "space", "space_digests", "training", "database_digest", "attached_digests", "prior_digests"),
)
"""The fields of a record that say what a search was about."""

_FOUND = ("best", "cross", "front", "seconds")
"""The fields of a record that say what it found, and how long it took."""

_MOST_SECONDS = 1e9  # that dates are shifted by


@dataclass(frozen=True)
class ExportedStudies:
    """What an export did to a storage.

    Attributes:
        names: The studies of all searches, in the order that the searches ended.
        n_new: How many of them got trials.
        n_trials: How many trials were added.
    """

    names: tuple[str, ...]
    n_new: int
    n_trials: int


def export_studies(
    directory: str | Path,
    url: str,
    data: str | Path | None = None,
    note: Callable[[str], object] = lambda _: None,
    progress: Callable[[int, int], object] = lambda _, __: None,
) -> ExportedStudies:
    """Write every finished search of a comparison to an Optuna storage, as a study of its own.

    Args:
        directory: The directory of a comparison.
        url: The storage: ``sqlite:///results.db``, ``journal://results.log``, or that of a database server.
        data: The database's folder, for the constraints of what was searched; see `robustnas.tables.open_table`.
        note: Called with sentences that the user should read.
        progress: Called with the searches that are written, and how many there are.

    Raises:
        InvalidInputError: The storage is not a URL.
        DataError: The records are missing, corrupt, of another kind, or of a space that is not there.
        SearchError: The storage cannot be opened or written, or has a study of the same name that is about something
            else; nothing is written then.
    """
    searches = list(_searches(Path(directory), data, note))
    storage = open_storage(url)
    added = []
    with storage_faults(url):
        before = _studies(storage, searches, repr(safe(url)))
        for done, search in enumerate(searches):
            progress(done, len(searches))
            complete = before.get(search.name, 0) >= search.run["n_queries"]
            added.append(0 if complete else _write(storage, search))
        progress(len(searches), len(searches))
    return ExportedStudies(tuple(search.name for search in searches), sum(map(bool, added)), sum(added))


@dataclass(frozen=True)
class _Search:
    """One search as a study.

    Attributes:
        run: Its record.
        manifest: That of its comparison.
        encoding: How architectures are written as parameters.
        slacks: Of its constraints, shape (n_constraints, space.size); None if there are none, or they are not known.
        until: When it ended, or later.
    """

    run: Run
    manifest: Mapping[str, Any]
    encoding: _CachedEncoding
    slacks: FloatArray | None
    until: datetime

    @property
    def name(self) -> str:
        return named(self.manifest["dataset"], self.run["objective"], self.run["searcher"], self.run["seed"])

    @cached_property
    def minimised(self) -> tuple[bool, ...]:
        target = target_of(self.run["objective"], self.manifest["objectives"][self.run["objective"]])
        return target.directions if target.is_multi else (target.minimised,)

    @property
    def metrics(self) -> list[str]:
        return [objective.expression for objective in parse_objectives(self.run["objective"])]

    @cached_property
    def identity(self) -> dict[str, Any]:
        """What it was about, and a digest of its queries: those of one run differ from those of any other."""
        shared = {name: self.manifest.get(name) for name in ("dataset", "space", "source", "database_digest", "budget")}
        own = {name: self.run[name] for name in _OF_RUN if name in self.run}
        asked = {name: self.run["queries"][name] for name in ("index", "score")}
        digest = sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()
        known = {**shared, **own, "constraints": constraint_names(self.run["objective"]), "queries": digest}
        return {name: value for name, value in known.items() if value not in (None, [], {})}

    @property
    def attributes(self) -> dict[str, Any]:
        """What else is known: what was found, and with which versions."""
        found = {name: self.run[name] for name in _FOUND if self.run.get(name) is not None}
        versions = self.manifest.get("versions")
        return {
            name: _without_nan(value) for name, value in (found | ({"versions": versions} if versions else {})).items()
        }

    def trials(self) -> list[FrozenTrial]:
        """Return its queries, in order."""
        queries, n = self.run["queries"], self.run["n_queries"]
        each = {name: _each(queries[name], n) for name in ("cost", "source", "seconds") if name in queries}
        times = self._times(queries.get("seconds"), n)
        return [
            self._trial(
                queries["index"][place],
                queries["score"][place],
                {name: values[place] for name, values in each.items()},
                times[place : place + 2],
            )
            for place in range(n)
        ]

    def _trial(self, index: int, score: Any, known: dict[str, Any], times: Sequence[datetime]) -> FrozenTrial:
        from optuna.trial import TrialState, create_trial

        arch, uid, params = self.encoding.of(index)
        scores = score if isinstance(score, list) else [score]
        slacks = [] if self.slacks is None else self.slacks[:, index].tolist()
        unknown = any(value is None or math.isnan(value) for value in (*scores, *slacks))
        trial = create_trial(
            state=TrialState.FAIL if unknown else TrialState.COMPLETE,
            values=None if unknown else [float(value) for value in scores],
            params=params,
            distributions=self.encoding.distributions,
            user_attrs={"arch": arch, "network": uid, **known},
            constraints=None if unknown else dict(zip(self._constraints, (-slack for slack in slacks), strict=True)),
        )
        trial.datetime_start, trial.datetime_complete = times
        return trial

    @cached_property
    def _constraints(self) -> list[str]:
        return [] if self.slacks is None else constraint_names(self.run["objective"])

    def _times(self, simulated: Sequence[float] | None, n: int) -> list[datetime]:
        """Return when each query began, and when the last one ended: their durations are right, the dates are not.

        Durations are simulated seconds where there are any, else equal parts of the search's own.
        """
        seconds = list(simulated or [float(self.run.get("seconds") or 0.0) / n] * n)
        passed = list(accumulate(seconds, initial=0.0))
        if not all(0 <= second <= passed[-1] <= _MOST_SECONDS for second in passed):
            passed = [0.0] * (n + 1)
        return [self.until - timedelta(seconds=passed[-1] - second) for second in passed]


class _CachedEncoding(ChoiceEncoding):
    """The parameters of architectures by index: most are queried by many searches."""

    def __init__(self, space: EnumerableSpace[Any]) -> None:
        super().__init__(space)
        self._known: dict[int, tuple[str, int, dict[str, Any]]] = {}

    def of(self, index: int) -> tuple[str, int, dict[str, Any]]:
        """Return an architecture, the number of its network, and its parameters."""
        if index not in self._known:
            architecture = self.space.architecture(index)
            self._known[index] = str(architecture), int(self.space.uid(architecture)), self.encode(architecture)
        return self._known[index]


def _searches(folder: Path, data: str | Path | None, note: Callable[[str], object]) -> Iterator[_Search]:
    manifest = read_comparison(folder)
    runs = finished_runs(folder, manifest)
    if not runs:
        raise DataError(f"no search in {str(folder)!r} has finished yet; expected at least one to export")
    space = recorded_space(manifest)
    if space is None:
        raise DataError(
            f"{str(folder)!r} is of the search space {excerpt(name_of_space(manifest))}, which is not there; expected "
            f"one of {listing(SPACES)}, the package that registers it, or the file that it was defined in, unchanged"
        )
    slacks = recorded_slacks(folder, manifest, dict.fromkeys(run["objective"] for run in runs), data, note)
    encoding = _CachedEncoding(space)
    until = datetime.fromtimestamp((folder / RUNS).stat().st_mtime)
    for run in runs:
        yield _Search(run, manifest, encoding, slacks.get(run["objective"]), until)


def _studies(storage: BaseStorage, searches: Sequence[_Search], place: str) -> dict[str, int]:
    """Return how many trials the studies have that are there already; refuse all if one is about something else."""
    there = {study.study_name: study for study in storage.get_all_studies()}
    found = {}
    for search in searches:
        if study := there.get(search.name):
            found[search.name] = n_trials(storage, study._study_id)
            is_marked(
                *(search.name, study.user_attrs, study.directions, found[search.name]),
                *(search.identity, search.minimised, place, _ADVICE),
            )
    return found


def _write(storage: BaseStorage, search: _Search) -> int:
    """Make the study of a search, or go on with it; return how many trials were added."""
    from optuna.samplers import RandomSampler

    study = open_study(storage, search.name, RandomSampler(), search.minimised)
    if study.metric_names is None:
        name_metrics(study, search.metrics)
    return append_missing(storage, study._study_id, search.trials(), marks(search.identity) | search.attributes)


def _each(values: Any, n: int) -> list[Any]:
    return values if isinstance(values, list) else [values] * n


def _without_nan(value: Any) -> Any:
    """Return plain data with None for NaN, which is not JSON: browsers refuse it."""
    if isinstance(value, dict):
        return {name: _without_nan(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_without_nan(part) for part in value]
    return None if isinstance(value, float) and math.isnan(value) else value
