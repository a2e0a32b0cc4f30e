"""One run: one searcher, one objective, one seed; and what is recorded of it."""

from __future__ import annotations

import math
import re
import time
import uuid
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import numpy as np

from experiments.comparison.priors import (
    PRIOR,
    names_of,
    open_priors,
    prior_columns,
    prior_notes,
    without_prior,
)
from robustnas.arrays import FloatArray
from robustnas.errors import SearchError, excerpt
from robustnas.objectives import (
    Constraint,
    Objective,
    asked_text,
    attached_digests,
    constraints_of,
    cross_objectives,
    declared,
    default_seconds,
    digests_of,
    known_constraints,
    known_space,
    known_utilities,
    meanings,
    needed_metrics,
    objective_column,
    objectives_text,
    parse_objectives,
    seconds_terms,
    training_of,
    utility_columns,
)
from robustnas.oracle import Oracle, Outcome
from robustnas.pareto import HypervolumeScale, non_dominated
from robustnas.reference import is_reference, source_digests, user_code
from robustnas.spaces import EnumerableSpace
from robustnas.tables.array_table import ArrayTable
from robustnas.tables.table import Table, skeleton_of
from searchers import create, search
from searchers.base import GlancingSearcher, History, comparable
from searchers.optuna_sampler import sampler_reference
from searchers.optuna_search import OptunaSearcher
from searchers.optuna_study import EXPERIMENT, forget_study, named
from searchers.prior import Prior
from searchers.provenance import Provenance
from searchers.registry import searcher_class, takes_space
from searchers.violation import nearest_to_feasible


@dataclass(frozen=True)
class RunSpec:
    """What fixes a run, besides the table.

    Attributes:
        objective: One objective, or several separated by commas or by their name in the suite, which is kept.
        searcher: A name in `searchers.SEARCHERS`.
        label: What the records call the searcher.
        parameters: The searcher's own parameters.
        budget: Distinct networks, or simulated time such as ``20 h``.
        seed: Fixes the trajectory.
        time: The column of seconds, or a sum of columns, that a query takes; None for the table's only one, if the
            budget is one of time.
        experiment: What tells the experiment that it is a run of apart from all others; "" if it is of none.
        known: Whether constraints that are known before any query narrow what is searched.
        data: The database's folder, for the datasets of priors; None for the default.
        objectives: The objectives, parsed.

    Raises:
        ObjectiveError: The objective does not parse.
    """

    objective: str
    searcher: str
    label: str
    parameters: Mapping[str, Any]
    budget: int | str
    seed: int
    time: str | None = None
    experiment: str = ""
    known: bool = True
    data: str | None = field(default=None, compare=False)
    objectives: tuple[Objective, ...] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "objectives", parse_objectives(self.objective))
        object.__setattr__(self, "objective", asked_text(self.objective))

    def on(self, table: Table) -> RunSpec:
        """Return the run with the directions that a table declares, explicitly; see `declared`."""
        objectives = declared(self.objectives, table)
        return self if objectives == self.objectives else replace(self, objective=objectives_text(objectives))

    @property
    def sources(self) -> dict[str, str]:
        """Digests of the sources of the user's own code that it uses; see `method_sources`."""
        return method_sources(self.searcher, self.parameters)

    @property
    def priors(self) -> tuple[str, ...]:
        """The names of what its searcher knows before."""
        return names_of(self.searcher, self.parameters)

    @property
    def key(self) -> tuple[str, str, int]:
        """What tells the run apart in an experiment: objective, label, seed."""
        return self.objective, self.label, self.seed


def method_sources(searcher: str, parameters: Mapping[str, Any]) -> dict[str, str]:
    """Return the digests of the sources of the user's own code that a searcher is made of, by reference.

    Raises:
        InvalidInputError: One cannot be loaded.
    """
    encodings = re.split(r"[+,]", str(parameters.get("encoding", "")))
    used = [searcher, sampler_reference(searcher), parameters.get("surrogate"), *map(str.strip, encodings)]
    return source_digests([*used, *names_of(searcher, parameters)])


def column_of_seconds(spec: RunSpec, table: Table) -> str | None:
    """Return what pays for the queries of a run in simulated time; None where there is no clock.

    Raises:
        ObjectiveError: The budget is one of time, and no column or several could pay.
    """
    return spec.time or (default_seconds(table) if isinstance(spec.budget, str) else None)


def used_digests(spec: RunSpec, table: Table) -> dict[str, dict[str, str]]:
    """Return the digests of the attached tables that a run depends on, as `attached_digests` does.

    Without a clock and a cost of glances, as in all records before there were any, those of its objectives.
    """
    seconds = column_of_seconds(spec, table)
    cost = spec.parameters.get("cheap_cost")
    used = [column for objective in spec.objectives for column in objective.attached]
    used += prior_columns(spec.priors, table)
    used += [term.attached for text in (seconds, cost) if isinstance(text, str) for term in seconds_terms(text)]
    if seconds or cost is not None:
        glanced = searcher_class(spec.searcher).needed_objectives(spec.parameters)
        used += [column for text in glanced for part in parse_objectives(text) for column in part.attached]
    return digests_of(filter(None, used), table)


def constraints_used(spec: RunSpec, table: Table) -> tuple[Constraint, ...]:
    """Return the constraints, known before any query, that narrow what a run searches."""
    if not spec.known or not takes_space(spec.searcher) or known_space(spec.objectives, table) is table.space:
        return ()
    return known_constraints(spec.objectives, table)


def searched_space(spec: RunSpec, table: Table) -> EnumerableSpace[Any]:
    """Return the space that a run searches: the table's, or what constraints leave of it that are known before."""
    return known_space(spec.objectives, table) if constraints_used(spec, table) else table.space


def priors_of(spec: RunSpec, table: Table) -> tuple[Prior, ...]:
    """Return what the searcher of a run knows before, opened once per process."""
    return open_priors(spec.priors, spec.objectives, table, searched_space(spec, table), spec.data)


def prior_digests(spec: RunSpec, table: Table) -> dict[str, str]:
    """Return the digests of the tables that the priors of a run were read from, by name."""
    return {prior.name: prior.digest for prior in priors_of(spec, table) if prior.digest}


def space_notes(spec: RunSpec, table: Table) -> list[str]:
    """Return what the user should read of a prior, and of a searcher that constraints cannot keep within bounds."""
    notes = prior_notes(spec.priors, table)
    known = known_constraints(spec.objectives, table)
    if not spec.known or takes_space(spec.searcher) or known_space(spec.objectives, table) is table.space:
        return notes
    clause = " and ".join(map(str, known))
    return [
        *notes,
        f"searcher {excerpt(spec.searcher)} takes no space, so it spends queries on networks that violate {clause}: "
        "its __init__ has to take **problem and pass it on to Searcher.__init__",
    ]


def methods(searcher: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the classes that a searcher is made of, by what messages call them.

    Raises:
        InvalidInputError: One is unknown or cannot be loaded.
    """
    found: dict[str, Any] = {f"searcher {excerpt(searcher)}": searcher_class(searcher)}
    surrogate = parameters.get("surrogate")
    if isinstance(surrogate, str):
        from surrogates import SURROGATES, surrogate_class  # loads scikit-learn and XGBoost

        if is_reference(surrogate) or surrogate in SURROGATES:
            found[f"surrogate {excerpt(surrogate)}"] = surrogate_class(surrogate)
    return found


class Trajectory:
    """The distinct queries of a run, and the best so far of them and of what was known before.

    For one objective, the best is a score, NaN until a feasible one of a known score is found; for several, the
    normalised hypervolume of the front so far.

    Args:
        objectives: What is searched for.
        table: What is searched on.
        history: What the searcher knew before.

    Attributes:
        outcomes: One per distinct query.
        known: Those of the history, then those of the queries.
        best: The best so far after each of them.
        best_before: The best before the first; NaN if nothing was known.
    """

    def __init__(self, objectives: tuple[Objective, ...], table: Table, history: History | None = None) -> None:
        self.objectives = objectives
        self.history = history
        self.outcomes: list[Outcome] = []
        self.best: list[float] = []
        self._scale = hypervolume_scale(objectives, table) if len(objectives) > 1 else None
        self._leader: Outcome | None = None
        self._front = np.empty((0, len(objectives)))
        self.known = list(history.outcomes) if history else []
        before = [self._found(outcome) for outcome in self.known]
        self.best_before = before[-1] if before else math.nan

    def add(self, outcome: Outcome) -> None:
        """Take in an outcome; repeats are left out."""
        if outcome.repeat:
            return
        self.outcomes.append(outcome)
        self.known.append(outcome)
        self.best.append(self._found(outcome))

    @property
    def best_cell(self) -> Any:
        """The first best network; for several objectives, the most balanced one of the front.

        If no network so far is feasible, it is the one that violates the constraints least; the first without any.
        """
        if not any(outcome.feasible for outcome in self.known):
            return nearest_to_feasible(self.known).cell
        if self._scale is None:
            assert self._leader is not None
            return self._leader.cell
        utilities = np.array([outcome.utilities for outcome in self.known])
        worst = self._scale.scaled(utilities).min(axis=1)
        return self.known[int(np.argmax(np.where(np.isnan(worst), -np.inf, worst)))].cell

    def front(self) -> list[dict[str, Any]]:
        """The non-dominated networks among all that are known, each with its arch and scores."""
        mask = non_dominated(np.array([outcome.utilities for outcome in self.known]))
        chosen = (outcome for outcome, kept in zip(self.known, mask, strict=True) if kept)
        return [{"arch": str(outcome.cell), "scores": list(outcome.scores)} for outcome in chosen]

    def _found(self, outcome: Outcome) -> float:
        return self._advance(outcome) if self._scale is None else self._extend(self._scale, outcome)

    def _advance(self, outcome: Outcome) -> float:
        if self._leader is None or comparable(outcome.utility) > comparable(self._leader.utility):
            self._leader = outcome
        return math.nan if math.isnan(self._leader.utility) else self._leader.score

    def _extend(self, scale: HypervolumeScale, outcome: Outcome) -> float:
        front = np.vstack([self._front, outcome.utilities])
        self._front = front[non_dominated(front)]
        return scale(self._front)


def steps(spec: RunSpec, table: Table) -> Iterator[Trajectory]:
    """Run a search and yield its growing trajectory after every distinct query, for progress displays.

    Raises:
        UserCodeError: The searcher, or what it uses, is the user's own and raised an error.
        SearchError: It proposed nothing.
    """
    with user_code(methods(spec.searcher, spec.parameters)):
        yield from _steps(spec, table)


def _steps(spec: RunSpec, table: Table) -> Iterator[Trajectory]:
    objectives = spec.objectives
    oracle = Oracle(objectives, table, budget=spec.budget, time=spec.time)
    priors = priors_of(spec, table)
    searcher = create(
        spec.searcher,
        spec.seed,
        n_objectives=len(objectives),
        space=searched_space(spec, table),
        provenance=provenance(spec, table),
        known_utilities=known_utilities(objectives, table) if spec.known else None,
        **(study_parameters(spec) | ({PRIOR: priors} if priors else {})),
    )
    trajectory = Trajectory(objectives, table, searcher.history)
    for outcome in search(searcher, oracle):
        if not outcome.repeat:
            trajectory.add(outcome)
            yield trajectory
    if not trajectory.outcomes:
        if trajectory.history and trajectory.history.outcomes:
            known = f"study {excerpt(trajectory.history.name)} knows {len(trajectory.history.outcomes)} networks"
            raise SearchError(f"{known}, and searcher {excerpt(spec.label)} proposed no other")
        raise SearchError(f"searcher {excerpt(spec.label)} proposed nothing on {spec.objective}, seed {spec.seed}")


def finished(trajectories: Iterable[Trajectory]) -> Trajectory:
    """Run a search's steps to their end and return the whole trajectory."""
    return deque(trajectories, maxlen=1)[0]


def check_costs(spec: RunSpec, table: Table) -> None:
    """Refuse a run whose budget, column of seconds, cost of glances or prior does not fit the table.

    Raises:
        InvalidInputError: Says what does not.
    """
    oracle = Oracle(spec.objectives, table, budget=spec.budget, time=spec.time)
    if issubclass(searcher_class(spec.searcher), GlancingSearcher):
        parameters = {key: value for key, value in without_prior(spec.parameters).items() if key != "storage"}
        searcher = create(spec.searcher, 0, n_objectives=len(spec.objectives), space=table.space, **parameters)
        assert isinstance(searcher, GlancingSearcher)
        oracle.cheaper(searcher.cheap, searcher.cheap_cost)
    priors_of(spec, table)


def record(spec: RunSpec, table: Table) -> dict[str, Any]:
    """Run a search to its end and return its record: plain data, one line of ``runs.jsonl``."""
    _prepare(spec, table)
    spec = start_afresh(spec)
    start = time.perf_counter()
    trajectory = finished(steps(spec, table))
    seconds = time.perf_counter() - start
    sources = spec.sources
    return {
        "objective": spec.objective,
        "searcher": spec.label,
        "seed": spec.seed,
        "name": spec.searcher,
        "parameters": dict(spec.parameters),
        "dataset": table.dataset,
        "space": table.space.name,
        "database_digest": table.digest,
        **training_of(table),
        **meanings(spec.objectives, table),
        **used_digests(spec, table),
        **({"known": list(map(str, known))} if (known := constraints_used(spec, table)) else {}),
        **({"prior_digests": prior_digests(spec, table)} if spec.priors else {}),
        **({"sources": sources} if sources else {}),
        "budget": spec.budget,
        **({"time": seconds_of} if (seconds_of := column_of_seconds(spec, table)) else {}),
        "n_queries": len(trajectory.outcomes),
        "seconds": round(seconds, 6),
        **_findings(trajectory, table),
        "queries": _queries(trajectory, table, timed=bool(seconds_of)),
    }


@lru_cache(maxsize=64)
def hypervolume_scale(objectives: tuple[Objective, ...], table: Table) -> HypervolumeScale:
    """Return the scale of the hypervolume of several objectives on a table.

    Of a growing table, whose best is not known, it is the volume of the box that accuracies of 0 and 1 span.
    """
    if not table.complete:
        return HypervolumeScale(_corners(objectives, table))
    return HypervolumeScale(utility_columns(objectives, table).T)


def _corners(objectives: tuple[Objective, ...], table: Table) -> FloatArray:
    """Return the worst and the best utilities that objectives could have, shape (2, n_objectives)."""
    metrics = [str(metric) for metric in needed_metrics(objectives, table)]
    bounds = []
    for accuracy in (0.0, 1.0):
        columns = {name: np.full(table.space.size, accuracy) for name in metrics}
        flat = ArrayTable(
            columns,
            table.dataset,
            attached=table.attached_columns(),
            skeleton=skeleton_of(table),
            space=table.space,
        )
        bounds.append([objective.sign * objective.evaluate(flat) for objective in objectives])
    return np.array([np.nanmin(bounds, axis=(0, 2)), np.nanmax(bounds, axis=(0, 2))])


def _prepare(spec: RunSpec, table: Table) -> None:
    """Fill the caches that runs share, so that a run's seconds are its own."""
    Oracle(spec.objectives, table, budget=1, time=spec.time)
    searched_space(spec, table).neighbour_lists()


def provenance(spec: RunSpec, table: Table) -> Provenance:
    """Return what the outcomes of a run are about."""
    label = "/".join(str(part) for part in (table.dataset, *spec.key))
    constraints = [str(constraint) for constraint in constraints_of(spec.objectives)]
    facts = {
        "dataset": table.dataset,
        "database_digest": table.digest,
        **attached_digests(spec.objectives, table),
        "source": table.source,
        "objective": spec.objective,
        **({"constraints": constraints} if constraints else {}),
        **({"sources": spec.sources} if spec.sources else {}),
        **({EXPERIMENT: spec.experiment} if spec.experiment else {}),
    }
    names = tuple(objective.expression for objective in spec.objectives)
    minimised = tuple(objective.minimised for objective in spec.objectives)
    return Provenance(label, names, minimised, facts, tuple(constraints))


def study_parameters(spec: RunSpec) -> dict[str, Any]:
    """Return the searcher's parameters, with a study of the run's own where an experiment's studies are kept."""
    parameters = dict(spec.parameters)
    if spec.experiment and kept_studies([spec]):
        parameters["study_name"] = named(*spec.key, spec.experiment)
    return parameters


def kept_studies(specs: Iterable[RunSpec]) -> list[str]:
    """Return the distinct storages in which some runs keep Optuna studies."""
    storages = (
        spec.parameters.get("storage") for spec in specs if issubclass(searcher_class(spec.searcher), OptunaSearcher)
    )
    return list(dict.fromkeys(storage for storage in storages if storage))


def start_afresh(spec: RunSpec) -> RunSpec:
    """Delete the study that an interrupted run left in a storage: a run starts afresh, so that its seed fixes it.

    Only a study of the same experiment is deleted. A run of none becomes an experiment of its own.
    """
    for storage in kept_studies([spec]):
        if not spec.experiment:
            return replace(spec, experiment=new_experiment())
        forget_study(storage, study_parameters(spec)["study_name"], spec.experiment)
    return spec


def new_experiment() -> str:
    """Return a name that tells an experiment apart from all others."""
    return uuid.uuid4().hex[:12]


def _findings(trajectory: Trajectory, table: Table) -> dict[str, Any]:
    cell, space = trajectory.best_cell, table.space
    best = {"arch": str(cell), "uid": space.uid(cell), "score": trajectory.best[-1]}
    index = space.index(cell)
    cross = {str(found): float(objective_column(found, table)[index]) for found in cross_objectives(table)}
    front = {"front": trajectory.front()} if len(trajectory.objectives) > 1 else {}
    return {"best": best, "cross": cross, **front}


def _queries(trajectory: Trajectory, table: Table, *, timed: bool) -> dict[str, Any]:
    outcomes = trajectory.outcomes
    single = len(trajectory.objectives) == 1
    sources = [outcome.source for outcome in outcomes]
    return {
        "index": [table.space.index(outcome.cell) for outcome in outcomes],
        "score": [outcome.score if single else list(outcome.scores) for outcome in outcomes],
        "best": trajectory.best,
        "cost": [outcome.cost for outcome in outcomes],
        **({"seconds": [outcome.seconds for outcome in outcomes]} if timed else {}),
        "source": sources[0] if len(set(sources)) == 1 else sources,
    }
