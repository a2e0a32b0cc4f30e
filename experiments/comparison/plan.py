"""Plans: what an experiment compares. A plan is a TOML file; nothing outside it changes a result."""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterable, Mapping, Sequence, Set
from dataclasses import asdict, dataclass, field, replace
from html import escape
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from experiments.comparison.priors import names_of, without_prior
from experiments.comparison.spec import RunSpec, methods
from robustnas.checks import LARGEST_INTEGER, has_control_characters, listed, whole_number
from robustnas.display import card, facts_table, html_table
from robustnas.duration import duration_text, parse_duration
from robustnas.errors import InvalidInputError, PlanError, excerpt, listing, unknown_name
from robustnas.executors import ExecutorSpec, chosen_executor
from robustnas.objectives import (
    Objective,
    Reported,
    asked_text,
    declared,
    objectives_text,
    parse_objectives,
    seconds_terms,
)
from robustnas.plan_file import parse_plan, read_plan
from robustnas.reference import is_reference, user_code
from robustnas.spaces import EnumerableSpace, open_space
from robustnas.tables.datasets import is_surrogate, space_of
from robustnas.tables.table import Table
from searchers.registry import check_parameters, create, searcher_class

KNOWN = "known"
"""The key of a [[searchers]] table that says whether known constraints narrow what is searched."""

_KEYS = ("dataset", "objectives", "budget", "time", "report", "seeds", "searchers", "executor")
_EMBEDDED = """\
# A model's predictions, which need no data, with the noise that one training has (@0 is its seed). For measurements,
# run `robustnas data fetch cifar10` and write "cifar10" here.
dataset = "{}\""""
_MAX_SEEDS = 100_000
_MAX_RUNS = 1_000_000
_LONGEST_LABEL = 100


@dataclass(frozen=True)
class SearcherPlan:
    """One searcher of a plan.

    Attributes:
        name: A name in `searchers.SEARCHERS`.
        label: What tables and figures call it; the name unless given.
        parameters: The searcher's own parameters.
        known: Whether constraints that are known before any query, on costs and attached columns, narrow what it
            searches; if not, it spends queries on networks that violate them.
    """

    name: str
    label: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    known: bool = True


@dataclass(frozen=True, repr=False)
class Plan:
    """What an experiment compares, checked.

    Args:
        dataset: The dataset searched on.
        objectives: Objectives, as text or parsed; a text with commas is a multi-objective search.
        budget: Distinct networks per run, 1 to all of the space; or simulated time per run, such as ``"20 h"``.
        seeds: One run per seed, objective and searcher; a number n stands for 0 to n - 1.
        searchers: The strategies compared: names, dicts with ``name`` and optionally ``label``, ``known`` and
            parameters, or `SearcherPlan`.
        time: What a query takes in simulated seconds: a column such as ``t.train_seconds``, or a sum of columns. None
            for the table's only column of seconds, if the budget is one of time; else there is no clock.
        report: What else is reported of the networks found, besides the objectives: ``clean``, or a metric of another
            dataset, ``cifar100:pgd@1``; see `robustnas.objectives.Reported`.
        executor: What runs it: a name, a table or a spec, see `robustnas.executors`; it changes no result.
        text: The TOML that it was read from, for the record.

    Raises:
        PlanError: A value that is wrong; the message names it and what was expected.

    >>> plan = Plan(objectives=["clean"], seeds=2, searchers=["random", {"name": "evolution", "population_size": 20}])
    >>> plan.seeds, plan.budget, plan.searchers[1].parameters
    ((0, 1), 300, {'population_size': 20})
    """

    dataset: str = "cifar10"
    objectives: tuple[str, ...] = ()
    budget: int | str = 300
    seeds: tuple[int, ...] = tuple(range(10))
    searchers: tuple[SearcherPlan, ...] = ()
    time: str | None = None
    report: tuple[str, ...] = ()
    executor: ExecutorSpec = field(default_factory=ExecutorSpec, repr=False, compare=False)
    text: str = field(default="", repr=False, compare=False)

    def __init__(
        self,
        dataset: str = "cifar10",
        objectives: Iterable[str | Objective] | None = None,
        budget: int | str = 300,
        seeds: int | Iterable[int] = 10,
        searchers: Iterable[str | Mapping[str, Any] | SearcherPlan] | None = None,
        text: str = "",
        time: str | None = None,
        report: Iterable[str] = (),
        executor: str | Mapping[str, Any] | ExecutorSpec | None = None,
    ) -> None:
        if not isinstance(dataset, str) or not dataset:
            raise PlanError(f"dataset is {excerpt(dataset)}; expected a name such as 'cifar10'")
        space = space_of(dataset)
        try:
            budget = checked_budget(budget, space.n_networks if space else None)
            if time is not None:
                seconds_terms(time)
            runs_on = chosen_executor(executor)
        except InvalidInputError as error:
            raise PlanError(str(error)) from None
        checked: dict[str, Any] = {
            "dataset": dataset,
            "objectives": _objectives(objectives),
            "budget": budget,
            "time": time,
            "report": _report(report),
            "seeds": _seeds(seeds),
            "searchers": _searchers(searchers),
            "executor": runs_on,
            "text": text,
        }
        n_runs = len(checked["objectives"]) * len(checked["searchers"]) * len(checked["seeds"])
        if n_runs > _MAX_RUNS:
            raise PlanError(f"objectives, searchers and seeds make {n_runs:,} runs; expected at most {_MAX_RUNS:,}")
        if not is_reference(dataset):  # the space of a table of the user's own code is known when it is opened
            _check_fit(checked["searchers"], checked["objectives"], space or open_space())
        for name, value in checked.items():
            object.__setattr__(self, name, value)

    @classmethod
    def parse(cls, text: str, origin: str = "plan") -> Plan:
        """Read a plan from TOML.

        Args:
            text: The TOML.
            origin: What error messages call it, such as the file's name.

        Raises:
            PlanError: No TOML, or a key or value that is wrong; the message names it and what was expected.
        """
        return parse_plan(text, origin, lambda content: _plan(content, text))

    @classmethod
    def load(cls, path: str | Path) -> Plan:
        """Read a plan from a file; see `parse`."""
        return cls.parse(read_plan(path, "robustnas plan"), str(path))

    @classmethod
    def builtin(cls, dataset: str = "cifar10") -> Plan:
        """Return the plan that `robustnas compare` runs without one."""
        return cls.parse(builtin_text(dataset), "the built-in plan")

    def __repr__(self) -> str:
        searchers = listing([searcher.label for searcher in self.searchers], 6)
        budget = f"{self.budget} of simulated time" if isinstance(self.budget, str) else f"{self.budget} networks"
        runs = f"{self.n_runs} run{'' if self.n_runs == 1 else 's'}"
        return f"<plan of {runs} of {budget} on {self.dataset}: {searchers} on {listing(self.objectives, 6)}>"

    def _repr_html_(self) -> str:
        rows = [
            (
                escape(searcher.label),
                escape(searcher.name),
                escape(", ".join(f"{key} = {value}" for key, value in searcher.parameters.items())),
            )
            for searcher in self.searchers
        ]
        known = {
            "dataset": self.dataset,
            "objectives": "; ".join(self.objectives),
            "budget of a run": self.budget if isinstance(self.budget, str) else f"{self.budget} distinct networks",
            "seeds": f"{len(self.seeds)} ({listing(self.seeds, 6)})",
            "runs": f"{self.n_runs:,}",
            "simulated seconds of a query": self.time,
            "reported": ", ".join(self.report),
        }
        return card("plan of a comparison", facts_table(known), html_table(("searcher", "name", "parameters"), rows))

    @property
    def n_runs(self) -> int:
        """Runs that the plan asks for."""
        return len(self.objectives) * len(self.searchers) * len(self.seeds)

    def on(self, table: Table) -> Plan:
        """Return the plan with the directions that a table declares, explicitly; see `declared`.

        Raises:
            PlanError: Two objectives are the same then, or a searcher does not fit the table's space.
        """
        if is_reference(self.dataset):
            _check_fit(self.searchers, self.objectives, table.space)
        objectives = tuple(_declared_text(text, table) for text in self.objectives)
        return self if objectives == self.objectives else replace(self, objectives=objectives)

    def as_dict(self) -> dict[str, Any]:
        """Return the plan as plain data, for records; the text it was read from and what runs it aside."""
        content = asdict(self)
        del content["text"], content["executor"]
        return content


def checked_budget(budget: object, n_networks: int | None) -> int | str:
    """Return a budget: distinct networks, or simulated time in one way of writing it.

    Args:
        budget: The budget.
        n_networks: How many networks there are; None if the oracle will check it.

    Raises:
        InvalidInputError: It is neither.

    >>> checked_budget("1200 min", None), checked_budget(300, 6466)
    ('20 h', 300)
    """
    if isinstance(budget, str):
        return duration_text(parse_duration(budget, "budget", "a number of networks, or a duration"))
    if isinstance(budget, list | tuple):
        raise InvalidInputError(
            f"budget is {excerpt(budget)}; expected one number of networks, or one duration such as '20 h': run other "
            "budgets as plans of their own"
        )
    return whole_number("budget", budget, at_least=1, at_most=n_networks or LARGEST_INTEGER)


def pop_known(searcher: str, parameters: dict[str, Any]) -> bool:
    """Take ``known`` out of what is set for a searcher: it is not a parameter of its own, but holds for any.

    Raises:
        InvalidInputError: It is neither true nor false.
    """
    known = parameters.pop(KNOWN, True)
    if not isinstance(known, bool):
        raise InvalidInputError(f"searcher {excerpt(searcher)}: known is {excerpt(known)}; expected true or false")
    return known


def run_specs(plan: Plan, seeds: Sequence[int] | None = None) -> list[RunSpec]:
    """Return the runs of a plan: seed by seed, so that early results compare all strategies; of some seeds only."""
    return [
        RunSpec(
            objective,
            searcher.name,
            searcher.label,
            searcher.parameters,
            plan.budget,
            seed,
            plan.time,
            known=searcher.known,
        )
        for seed in (plan.seeds if seeds is None else seeds)
        for objective in plan.objectives
        for searcher in plan.searchers
    ]


def builtin_text(dataset: str = "cifar10") -> str:
    """Return the built-in plan on a dataset as TOML, to copy and change; on a surrogate, with noise of seed 0."""
    text = resources.files("experiments.comparison").joinpath("builtin.toml").read_text(encoding="utf-8")
    if is_surrogate(dataset):
        return text.replace('dataset = "cifar10"', _EMBEDDED.format(dataset if "@" in dataset else f"{dataset}@0"))
    return text.replace('dataset = "cifar10"', f'dataset = "{dataset}"')


def _plan(content: dict[str, Any], text: str) -> Plan:
    for key in content:
        if key not in _KEYS:
            raise PlanError(unknown_name("key", key, _KEYS))
    return Plan(**content, text=text)


def _objectives(value: object) -> tuple[str, ...]:
    entries = listed(value)
    if not entries or not all(isinstance(entry, str | Objective) for entry in entries):
        expected = "expected a list of objective strings such as ['clean', 'pgd@1']"
        raise PlanError(f"objectives is {excerpt(value)}; {expected}")
    names = tuple(asked_text(entry) for entry in entries)
    _refuse_duplicates("objectives", names)
    _refuse_duplicates("objectives", [objectives_text(parse_objectives(name)) for name in names])
    return names


def _declared_text(text: str, table: Table) -> str:
    """Return objectives with the directions that a table declares; as they are where it says nothing else."""
    objectives = declared(text, table)
    return text if objectives == parse_objectives(text) else objectives_text(objectives)


def _report(value: object) -> tuple[str, ...]:
    entries = listed(value)
    is_list = isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping | Set)
    if not is_list or not all(isinstance(entry, str) for entry in entries):
        raise PlanError(f"report is {excerpt(value)}; expected a list such as ['clean', 'cifar100:pgd@1']")
    try:
        names = tuple(str(Reported.parse(entry)) for entry in entries)
    except InvalidInputError as error:
        raise PlanError(f"report: {error}") from None
    _refuse_duplicates("report", names)
    return names


def _seeds(value: object) -> tuple[int, ...]:
    expected = f"expected a count of at least 1, or a list of integers of at least 0, at most {_MAX_SEEDS:,}"
    try:
        if hasattr(value, "__index__") and not getattr(value, "shape", ()):
            return tuple(range(whole_number("seeds", value, at_least=1, at_most=_MAX_SEEDS)))
        entries = listed(value, _MAX_SEEDS + 1)
        seeds = tuple(whole_number("seeds", seed, at_least=0) for seed in entries)
    except InvalidInputError:
        raise PlanError(f"seeds is {excerpt(value)}; {expected}") from None
    if not 1 <= len(seeds) <= _MAX_SEEDS:
        raise PlanError(f"seeds is {excerpt(value)}; {expected}")
    _refuse_duplicates("seeds", seeds)
    return seeds


def _searchers(value: object) -> tuple[SearcherPlan, ...]:
    entries = listed(value)
    if not entries or not all(isinstance(entry, str | Mapping | SearcherPlan) for entry in entries):
        raise PlanError(f"searchers is {excerpt(value)}; expected one [[searchers]] table each, with a name")
    searchers = tuple(_searcher(entry) for entry in entries)
    _refuse_duplicates("labels of searchers", [searcher.label for searcher in searchers])
    return searchers


def _searcher(entry: str | Mapping[str, Any] | SearcherPlan) -> SearcherPlan:
    if isinstance(entry, SearcherPlan):
        entry = {**entry.parameters, "name": entry.name, "label": entry.label, KNOWN: entry.known}
    parameters = {"name": entry} if isinstance(entry, str) else dict(entry)
    name = parameters.pop("name", None)
    if not isinstance(name, str):
        raise PlanError(f"a [[searchers]] table has the name {excerpt(name)}; expected a name such as 'evolution'")
    try:
        searcher_class(name)
        known = pop_known(name, parameters)
        check_parameters(name, {key: value for key, value in parameters.items() if key != "label"})
    except InvalidInputError as error:
        raise PlanError(str(error)) from None
    label = parameters.pop("label", name)
    if (
        not isinstance(label, str)
        or not 0 < len(label.strip()) <= _LONGEST_LABEL
        or has_control_characters(label.strip())
    ):
        expected = f"expected a text of 1 to {_LONGEST_LABEL} characters, on one line and without control characters"
        raise PlanError(f"searcher {excerpt(name)} has the label {excerpt(label)}; {expected}")
    if "study_name" in parameters:
        raise PlanError(
            f"searcher {excerpt(label)}: study_name cannot be set, every run of a plan has a study of its own"
        )
    try:
        plain = json.loads(json.dumps(parameters, default=_plain))
    except (TypeError, ValueError):
        raise PlanError(
            f"searcher {excerpt(label)} has the parameters {excerpt(parameters)}; expected what JSON can hold, "
            "for the record"
        ) from None
    return SearcherPlan(name, label.strip(), plain, known)


def _plain(value: object) -> object:
    """Return a number of numpy as Python's."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError


def _check_fit(searchers: Sequence[SearcherPlan], objectives: Sequence[str], space: EnumerableSpace[Any]) -> None:
    """Build every searcher once for every number of objectives, so that a bad value is refused before any run."""
    for n_objectives in sorted({len(parse_objectives(text)) for text in objectives}):
        for searcher in searchers:
            parameters = {k: value for k, value in without_prior(searcher.parameters).items() if k != "storage"}
            try:
                names_of(searcher.name, searcher.parameters)
                with user_code(methods(searcher.name, parameters)):
                    create(searcher.name, 0, n_objectives=n_objectives, space=space, **parameters)
            except InvalidInputError as error:
                raise PlanError(f"searcher {excerpt(searcher.label)}: {error}") from None


def _refuse_duplicates(what: str, values: Iterable[Hashable]) -> None:
    seen = set()
    for value in values:
        if value in seen:
            raise PlanError(f"{what}: {excerpt(value)} is given twice; expected different ones")
        seen.add(value)
