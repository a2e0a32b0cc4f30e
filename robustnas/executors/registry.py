"""The registry of executors, and what opens one."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

from robustnas.errors import InvalidInputError, RobustNASError, described, excerpt, unknown_name
from robustnas.executors.dask import open_dask
from robustnas.executors.engine import Engine
from robustnas.executors.local import open_processes, open_serial, open_threads
from robustnas.executors.ray import open_ray
from robustnas.executors.slurm import open_slurm
from robustnas.reference import load_reference
from robustnas.registry import Registry
from robustnas.workers import processors

if TYPE_CHECKING:
    from robustnas.executors.spec import ExecutorSpec

Opener: TypeAlias = Callable[..., AbstractContextManager[Engine]]
"""Opens an engine: gets its address and the number of workers, None for the defaults, and options by keyword."""

EXECUTORS: Registry[Opener] = Registry(
    "executor",
    {
        "processes": open_processes,
        "threads": open_threads,
        "serial": open_serial,
        "dask": open_dask,
        "ray": open_ray,
        "slurm": open_slurm,
    },
    "robustnas.executors",
)
"""What opens executors, by name."""


@contextmanager
def open_engine(spec: ExecutorSpec) -> Iterator[Engine]:
    """Open what a spec names, and close it in the end: what was not started is cancelled.

    Raises:
        InvalidInputError: An option that the engine does not have, or a factory that returns no executor.
        MissingPackageError: The engine is not installed.
    """
    if spec.engine in EXECUTORS:
        opener = EXECUTORS[spec.engine]
        _check_options(spec, opener)
        with opener(spec.address, spec.workers, **spec.options) as engine:
            yield engine
    else:
        executor = _made(spec)
        try:
            yield Engine(executor, lambda: _capacity(executor, spec.workers))
        finally:
            executor.shutdown(wait=True)


def _check_options(spec: ExecutorSpec, opener: Opener) -> None:
    parameters = inspect.signature(opener).parameters
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
        return
    own = [name for name in parameters if name not in ("address", "workers")]
    known = ["workers", "tasks_per_job", "retries", *own]
    for name in spec.options:
        if name not in own:
            raise InvalidInputError(unknown_name(f"option of executor {spec.name!r}:", name, known))


def _made(spec: ExecutorSpec) -> Executor:
    """Return the executor that a user's factory makes."""
    factory = load_reference("executor", spec.name)
    options = dict(spec.options)
    if spec.workers is not None and "max_workers" in _parameters(factory):
        options.setdefault("max_workers", spec.workers)
    try:
        executor = factory(**options)
    except RobustNASError:
        raise
    except (Exception, SystemExit) as error:  # whatever the user's code raises
        reason = described(error)
        raise InvalidInputError(f"executor {excerpt(spec.name)} cannot be made: {reason}") from error
    if not callable(getattr(executor, "submit", None)) or not callable(getattr(executor, "shutdown", None)):
        expected = "expected a function that returns a concurrent.futures.Executor"
        raise InvalidInputError(f"executor {excerpt(spec.name)} returned {excerpt(executor)}; {expected}")
    return executor  # type: ignore[no-any-return]  # its methods are checked


def _parameters(factory: Any) -> Mapping[str, Any]:
    try:
        return inspect.signature(factory).parameters
    except (TypeError, ValueError):  # what is written in C need not say
        return {}


def _capacity(executor: Executor, workers: int | None) -> int:
    """Return how many workers an executor has: what was asked for, or what those of the standard library say."""
    n = workers or getattr(executor, "_max_workers", None) or getattr(executor, "max_workers", None)
    return n if isinstance(n, int) and n > 0 else processors()
