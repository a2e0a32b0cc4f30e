"""One run: one searcher, one objective, one seed; and what is recorded of it."""

from __future__ import annotations

import time
import uuid
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from experiments.comparison.priors import (
    PRIOR,
    without_prior,
)
from experiments.comparison.recorded_space import space_facts
from experiments.comparison.spec import (
    RunSpec,
    column_of_seconds,
    constraints_used,
    methods,
    prior_digests,
    priors_of,
    searched_space,
    used_digests,
)
from experiments.comparison.trajectory import Trajectory
from robustnas.errors import SearchError, excerpt
from robustnas.objectives import (
    attached_digests,
    constraints_of,
    cross_objectives,
    known_utilities,
    meanings,
    objective_column,
    training_of,
)
from robustnas.oracle import Oracle
from robustnas.reference import user_code
from robustnas.tables.table import Table
from searchers import create, search
from searchers.base import GlancingSearcher
from searchers.optuna_search import OptunaSearcher
from searchers.optuna_study import EXPERIMENT, forget_study, named
from searchers.provenance import Provenance
from searchers.registry import searcher_class


def steps(spec: RunSpec, table: Table, *, at_once: int = 1) -> Iterator[Trajectory]:
    """Run a search and yield its growing trajectory after every distinct query, for progress displays.

    Args:
        spec: The run.
        table: What answers.
        at_once: Networks that are proposed at once; see `searchers.search`.

    Raises:
        UserCodeError: The searcher, or what it uses, is the user's own and raised an error.
        SearchError: It proposed nothing.
    """
    with user_code(methods(spec.searcher, spec.parameters)):
        yield from _steps(spec, table, at_once)


def _steps(spec: RunSpec, table: Table, at_once: int) -> Iterator[Trajectory]:
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
    for outcome in search(searcher, oracle, at_once=at_once):
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
        searcher = create(
            spec.searcher, 0, n_objectives=len(spec.objectives), space=table.space.reachable, **parameters
        )
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
        **space_facts(table.space),
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
