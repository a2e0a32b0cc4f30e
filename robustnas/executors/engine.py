"""An engine: an open executor, and how much it takes at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Executor, Future
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from robustnas.errors import InvalidInputError, MissingPackageError


@dataclass(frozen=True)
class Engine:
    """An executor that is open, as `open_engine` yields it.

    Attributes:
        executor: What runs tasks; only its `submit` is used.
        capacity: Returns how many workers there are, or will be; it may change while tasks run.
        queue_depth: Jobs to submit per worker: enough to keep it busy, few enough to stop soon after Ctrl-C.
        tasks_per_job: Tasks to send together where nothing else is asked for.
        shares_memory: Whether tasks run in this process.
        started: Returns whether any worker has started; if none can, the advice differs.
        end: Ends workers that may not end by themselves, where closing the engine would wait for them.
    """

    executor: Executor
    capacity: Callable[[], int]
    queue_depth: int = 4
    tasks_per_job: int = 1
    shares_memory: bool = False
    started: Callable[[], bool] = lambda: True
    end: Callable[[], None] = lambda: None

    @property
    def n_jobs(self) -> int:
        """How many jobs may wait or run at once."""
        return max(1, self.capacity()) * self.queue_depth


def death_of(future: Future[Any]) -> BaseException | None:
    """Return what an executor raised for a job that is done, or that it was cancelled; None if there is a result."""
    return CancelledError() if future.cancelled() else future.exception()


@contextmanager
def needs(engine: str, extra: str, *packages: str) -> Iterator[None]:
    """Say what to install where an import of an engine's packages fails.

    Raises:
        MissingPackageError: One of the packages is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in packages:
            raise
        install = f"pip install 'robustnas[{extra}]'"
        raise MissingPackageError(f"executor {engine!r} needs {error.name}; install it: {install}") from None


def refuse_address(engine: str, address: str | None) -> None:
    """Refuse what follows the colon of a name whose engine has no address.

    Raises:
        InvalidInputError: Something does.
    """
    if address is not None:
        raise InvalidInputError(f"executor is '{engine}:{address}'; expected '{engine}', which has no address")
