"""Which executor to use: a name, as ``--executor`` takes it, and the options of a plan's ``[executor]`` table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from robustnas.checks import whole_number
from robustnas.errors import InvalidInputError, PlanError, excerpt
from robustnas.executors.registry import EXECUTORS
from robustnas.plan_file import parse_plan, read_plan
from robustnas.reference import is_reference
from robustnas.workers import checked_workers

PROCESSES, SERIAL = "processes", "serial"

_MOST_RETRIES = 100
_MOST_WORKERS = 1_000_000
_MOST_TASKS = 1_000_000
_TABLE = "executor"


@dataclass(frozen=True)
class ExecutorSpec:
    """What runs tasks.

    Args:
        name: A name in `EXECUTORS`; one with an address behind a colon, ``dask:tcp://host:8786``; or a reference to a
            function that returns an executor, ``my_cluster.py:make``.
        workers: Workers to start; the engine's default if None.
        tasks_per_job: Tasks that are sent to a worker together; the engine's default if None. Records arrive when all
            of them are done.
        retries: How many times a task is run again whose worker died.
        options: What else the engine takes: its own keyword arguments.

    Raises:
        InvalidInputError: An unknown name or a number out of range.

    >>> ExecutorSpec("dask:tcp://10.0.0.1:8786").address
    'tcp://10.0.0.1:8786'
    >>> ExecutorSpec.read({"name": "slurm", "workers": 64, "partition": "cpu"}).options
    {'partition': 'cpu'}
    """

    name: str = PROCESSES
    workers: int | None = None
    tasks_per_job: int | None = None
    retries: int = 2
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.name, str):
            raise InvalidInputError(f"executor is {excerpt(self.name)}; expected a name such as 'processes'")
        if self.engine not in EXECUTORS and not is_reference(self.name):
            EXECUTORS.find(self.engine)
        if self.workers is not None:
            whole_number("workers", self.workers, at_least=1, at_most=_MOST_WORKERS)
        if self.tasks_per_job is not None:
            whole_number("tasks_per_job", self.tasks_per_job, at_least=1, at_most=_MOST_TASKS)
        whole_number("retries", self.retries, at_least=0, at_most=_MOST_RETRIES)

    @classmethod
    def read(cls, value: str | Mapping[str, Any]) -> ExecutorSpec:
        """Return what a name, or a table with a name and options, asks for.

        Raises:
            InvalidInputError: It is neither, or a value is wrong.
        """
        if isinstance(value, str):
            return cls(value)
        if not isinstance(value, Mapping):
            expected = "expected a name such as 'processes', or a table with a name"
            raise InvalidInputError(f"executor is {excerpt(value)}; {expected}")
        table = dict(value)
        known = {key: table.pop(key) for key in ("name", "workers", "tasks_per_job", "retries") if key in table}
        return cls(**known, options=table)

    @classmethod
    def load(cls, path: str | Path) -> ExecutorSpec:
        """Return what the ``[executor]`` table of a TOML file asks for; other tables, such as a plan's, are left alone.

        Raises:
            PlanError: The file cannot be read, has no such table, or a value is wrong.
        """
        return parse_plan(read_plan(path, "robustnas plan"), str(path), _table)

    @property
    def engine(self) -> str:
        """The name without an address; all of a reference."""
        name = self.name.partition(":")[0]
        return name if name in EXECUTORS or not is_reference(self.name) else self.name

    @property
    def address(self) -> str | None:
        """What follows the colon of a name, such as where a cluster is; None if nothing does."""
        return self.name.partition(":")[2] or None if self.engine != self.name else None

    def with_workers(self, workers: int | None) -> ExecutorSpec:
        """Return it with another number of workers; as it is if None."""
        return self if workers is None else replace(self, workers=workers)


def chosen_executor(
    name: str | ExecutorSpec | Mapping[str, Any] | None = None,
    planned: ExecutorSpec | None = None,
    workers: int | None = None,
) -> ExecutorSpec:
    """Return the executor to use.

    Args:
        name: What was asked for: a name, a table, or a spec; None for what is planned.
        planned: What a plan says; its options hold where a mere name asks for the same engine.
        workers: The number of workers that was asked for.

    >>> planned = ExecutorSpec("dask", options={"threads_per_worker": 1})
    >>> chosen_executor("dask", planned, workers=4).options, chosen_executor("threads", planned).options
    ({'threads_per_worker': 1}, {})
    """
    base = planned or ExecutorSpec()
    spec = name if isinstance(name, ExecutorSpec) else base if name is None else ExecutorSpec.read(name)
    if isinstance(name, str) and spec.engine == base.engine:
        spec = replace(base, name=name)
    return spec.with_workers(checked_workers("jobs", workers))


def _table(content: dict[str, Any]) -> ExecutorSpec:
    if _TABLE not in content:
        raise PlanError(f"there is no table [{_TABLE}]; expected one with a name, such as 'slurm', and its options")
    return ExecutorSpec.read(content[_TABLE])
