"""Ray: a cluster that runs somewhere, or one of this machine's processes.

P. Moritz et al.: Ray: A Distributed Framework for Emerging AI Applications (OSDI 2018).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from typing import Any, TypeVar

from robustnas.errors import EvaluationError, InvalidInputError, abridged
from robustnas.executors.engine import Engine, needs
from robustnas.workers import environment, processors

Result = TypeVar("Result")

_OF_TASKS = ("num_cpus", "num_gpus", "memory", "resources", "runtime_env", "scheduling_strategy", "label_selector")
"""Options of tasks; all others are of `ray.init`."""


@contextmanager
def open_ray(address: str | None, workers: int | None, **options: Any) -> Iterator[Engine]:
    """Join the cluster at an address such as ``ray://host:10001`` or ``auto``, or start a local one.

    Args:
        address: Where it is; None starts processes on this machine.
        workers: How many processors a local one has; of a cluster, how many tasks to run at once.
        options: Keyword arguments of a remote function, such as ``num_gpus``, and of `ray.init`.

    Raises:
        MissingPackageError: Ray is not installed.
        InvalidInputError: An option that Ray does not know.
        EvaluationError: The cluster does not answer.
    """
    with needs("ray", "ray", "ray"):
        import ray
    of_tasks = {"num_cpus": 1, **{name: options.pop(name) for name in _OF_TASKS if name in options}}
    is_ours = not ray.is_initialized()
    if is_ours:
        if address is None:
            options = {"num_cpus": workers or processors(), "include_dashboard": False, **options}
        with environment(RAY_USAGE_STATS_ENABLED="0", RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO="0", RAY_worker_niceness="0"):
            _init({"address": address or "local", "logging_level": logging.ERROR, "log_to_driver": False, **options})
    executor = _RayExecutor(of_tasks)
    try:
        yield Engine(executor, lambda: _capacity(of_tasks, workers))
    finally:
        executor.cancel()
        if is_ours:
            ray.shutdown()


def _init(options: dict[str, Any]) -> None:
    import ray

    where = options["address"]
    try:
        ray.init(**options)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InvalidInputError(f"executor 'ray' cannot open {where!r}: {abridged(error)}") from error
    except (ConnectionError, OSError) as error:
        raise EvaluationError(
            f"executor 'ray' cannot reach {where!r}: {abridged(error)}; is the cluster up?"
        ) from error


def _capacity(of_tasks: dict[str, Any], workers: int | None) -> int:
    """Return how many tasks fit the cluster's processors and GPUs now."""
    import ray

    there = ray.cluster_resources()
    asked = {"CPU": of_tasks["num_cpus"], "GPU": of_tasks.get("num_gpus", 0)}
    fits = min(int(there.get(name, 0) // amount) for name, amount in asked.items() if amount)
    return max(1, fits if workers is None else min(fits, workers))


class _RayExecutor(Executor):
    """Ray's remote functions behind `submit`; a worker that dies fails its task, and does not hide it."""

    def __init__(self, of_tasks: dict[str, Any]) -> None:
        self._of_tasks = of_tasks
        self._remote: dict[Callable[..., Any], Any] = {}
        self._running: dict[Future[Any], Any] = {}

    def submit(self, fn: Callable[..., Result], /, *args: Any, **kwargs: Any) -> Future[Result]:
        import ray

        if fn not in self._remote:
            self._remote[fn] = ray.remote(max_retries=0, **self._of_tasks)(fn)
        reference = self._remote[fn].remote(*args, **kwargs)
        future: Future[Result] = reference.future()
        self._running[future] = reference
        future.add_done_callback(lambda done: self._running.pop(done, None))
        return future

    def cancel(self) -> None:
        """Cancel everything, what is running too."""
        import ray

        for reference in list(self._running.values()):
            ray.cancel(reference, force=True)
