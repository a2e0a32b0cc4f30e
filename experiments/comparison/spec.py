"""What fixes a run: one searcher, one objective, one seed; and what else its result depends on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from experiments.comparison.priors import (
    names_of,
    open_priors,
    prior_columns,
    prior_notes,
)
from robustnas.errors import excerpt
from robustnas.objectives import (
    Constraint,
    Objective,
    asked_text,
    declared,
    default_seconds,
    digests_of,
    known_constraints,
    known_space,
    objectives_text,
    parse_objectives,
    seconds_terms,
)
from robustnas.reference import is_reference, source_digests
from robustnas.spaces import EnumerableSpace
from robustnas.tables.table import Table
from searchers.optuna_sampler import sampler_reference
from searchers.prior import Prior
from searchers.registry import searcher_class, takes_space


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
    left = known_space(spec.objectives, table)
    if not spec.known or not takes_space(spec.searcher) or left is table.space.reachable:
        return ()
    return known_constraints(spec.objectives, table)


def searched_space(spec: RunSpec, table: Table) -> EnumerableSpace[Any]:
    """Return the space that a run searches: the table's, or what constraints leave of it that are known before."""
    return known_space(spec.objectives, table) if constraints_used(spec, table) else table.space.reachable


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
    left = known_space(spec.objectives, table)
    if not spec.known or takes_space(spec.searcher) or left is table.space.reachable:
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
