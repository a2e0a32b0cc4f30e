"""Slurm: jobs of a cluster, by submitit, which also runs them as processes of this machine.

The folder in which jobs and results are exchanged has to be one that all nodes see.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from robustnas.errors import InvalidInputError, abridged, unknown_name
from robustnas.executors.engine import Engine, needs, refuse_address

Result = TypeVar("Result")

CLUSTERS = ("slurm", "local", "debug")
_SHORT = {
    "partition": "slurm_partition",
    "time": "slurm_time",
    "gpus": "gpus_per_node",
    "cpus": "cpus_per_task",
    "memory": "slurm_mem",
    "account": "slurm_account",
    "qos": "slurm_qos",
    "constraint": "slurm_constraint",
    "array": "slurm_array_parallelism",
}
_DEFAULT_JOBS, _DEFAULT_TASKS = 16, 20  # a job waits in the queue for longer than a search takes
_POLL = {"slurm": 10.0, "local": 0.1, "debug": 0.0}  # seconds; a scheduler that is asked more often slows down


@contextmanager
def open_slurm(
    address: str | None,
    workers: int | None,
    cluster: str = "slurm",
    folder: str = "robustnas-jobs",
    poll: float | None = None,
    **options: Any,
) -> Iterator[Engine]:
    """Submit jobs to Slurm from one of its nodes.

    Args:
        address: None; jobs are submitted here.
        workers: How many jobs may be queued or running at once; 16 if None.
        cluster: ``slurm``, or ``local`` for processes of this machine, or ``debug`` for this process.
        folder: Where jobs and their logs go; all nodes have to see it.
        poll: Seconds between looks at the queue; 10 on Slurm if None.
        options: ``partition``, ``time`` (``04:00:00``, or minutes), ``gpus``, ``cpus``, ``memory``, ``account``,
            ``qos``, ``constraint``, ``array``, and whatever submitit's ``update_parameters`` takes.

    Raises:
        MissingPackageError: submitit is not installed.
        InvalidInputError: An option that submitit does not know, or no Slurm here.
    """
    refuse_address("slurm", address)
    with needs("slurm", "slurm", "submitit"):
        import submitit
    if cluster not in CLUSTERS:
        raise InvalidInputError(unknown_name("cluster of executor 'slurm':", cluster, CLUSTERS))
    try:
        submitter = submitit.AutoExecutor(folder=Path(folder), cluster=cluster)
        submitter.update_parameters(**{_SHORT.get(name, name): value for name, value in options.items()})
    except (RuntimeError, TypeError, NameError, ValueError, AssertionError, NotImplementedError) as error:
        reason = abridged(str(error).partition("\n")[0])
        raise InvalidInputError(
            f"executor 'slurm' cannot use cluster {cluster!r}: {reason}; its options are {', '.join(_SHORT)} and those "
            "of submitit"
        ) from error
    n = workers or _DEFAULT_JOBS
    executor = _SlurmExecutor(submitter, _POLL[cluster] if poll is None else poll)
    try:
        yield Engine(executor, lambda: n, queue_depth=1, tasks_per_job=_DEFAULT_TASKS, shares_memory=cluster == "debug")
    finally:
        executor.cancel()


class _SlurmExecutor(Executor):
    """Jobs of submitit as futures: one thread asks which are done."""

    def __init__(self, submitter: Any, poll: float) -> None:
        self._submitter, self._poll = submitter, poll
        self._jobs: dict[Future[Any], Any] = {}
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def submit(self, fn: Callable[..., Result], /, *args: Any, **kwargs: Any) -> Future[Result]:
        future = Future[Result]()
        job = self._submitter.submit(fn, *args, **kwargs)
        future.set_running_or_notify_cancel()
        with self._lock:
            self._jobs[future] = job
        if self._thread is None:
            self._thread = threading.Thread(target=self._watch, daemon=True)
            self._thread.start()
        return future

    def cancel(self) -> None:
        """Cancel everything, what is running too, and stop asking."""
        with self._lock:
            jobs = list(self._jobs.values())
        for job in jobs:
            with suppress(Exception):  # it ended, or Slurm is busy: there is nothing else to do for it
                job.cancel(check=False)
        self._closed.set()
        if self._thread is not None:
            self._thread.join()

    def _watch(self) -> None:
        while not self._closed.is_set():
            with self._lock:
                jobs = list(self._jobs.items())
            for future, job in jobs:
                if job.done():
                    with self._lock:
                        del self._jobs[future]
                    _settle(future, job)
            self._closed.wait(self._poll or 0.01)


def _settle(future: Future[Any], job: Any) -> None:
    """Pass what became of a job on to its future."""
    try:
        result = job.result()
    except Exception as error:
        future.set_exception(error)
    else:
        future.set_result(result)
