"""Jobs: a few tasks on their way to a worker, and what came of them."""

from __future__ import annotations

import pickle
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

from robustnas.errors import RobustNASError, described
from robustnas.executors.engine import Engine
from robustnas.executors.shared import opened, pickled

Context = TypeVar("Context")
Task = TypeVar("Task")

Outcome: TypeAlias = tuple[bool, Any]
"""Whether a task succeeded, and its result or what it raised."""

NOT_STARTED = (
    "no worker process could start: each one imports the running script again, so a script that uses several processes "
    'needs the guard `if __name__ == "__main__":` around what it runs, and one read from standard input cannot be '
    "imported; or use one process (jobs=1)"
)


@dataclass(frozen=True)
class Work(Generic[Context, Task]):
    """A function, and what all its tasks share.

    Attributes:
        function: Called with what tasks share and a task.
        context: What they share.
        setup: Both as workers get them; see `robustnas.executors.shared.sent`.
    """

    function: Callable[[Context, Task], Any]
    context: Context
    setup: bytes

    def submit(self, engine: Engine, tasks: Sequence[Task]) -> Future[Any]:
        """Submit some tasks as one job.

        Raises:
            BrokenExecutor: The executor takes no more.
            InvalidInputError: A task cannot be pickled.
        """
        if engine.shares_memory:
            return engine.executor.submit(_outcomes, self.function, self.context, tasks)
        return engine.executor.submit(_call, self.setup, pickled(tasks))

    def outcomes(self, engine: Engine, future: Future[Any]) -> list[Outcome]:
        """Return the outcomes of a job that is done, up to the first task that raised."""
        found = future.result()
        outcomes: list[Outcome] = found if engine.shares_memory else pickle.loads(found)  # noqa: S301  from a worker
        return outcomes


def _call(setup: bytes, tasks: bytes) -> bytes:
    """Do some tasks in a worker; what tasks raise is returned, so that what an executor raises is a worker's death."""
    try:
        work, context = opened(setup)
        outcomes = _outcomes(work, context, pickle.loads(tasks))  # noqa: S301  from the submitter
    except Exception as error:
        outcomes = [(False, error)]
    try:
        return pickled([(succeeded, value if succeeded else _told(value)) for succeeded, value in outcomes])
    except Exception as error:
        return pickled([(False, RuntimeError(f"a task's result cannot be sent: {error}"))])


def _outcomes(work: Callable[[Any, Task], Any], context: Any, tasks: Sequence[Task]) -> list[Outcome]:
    """Return the outcome of every task up to the first that raises."""
    outcomes: list[Outcome] = []
    for task in tasks:
        try:
            outcomes.append((True, work(context, task)))
        except Exception as error:
            outcomes.append((False, error))
            break
    return outcomes


def _told(error: BaseException) -> BaseException:
    """Return an error with its traceback as a note, since pickles have none; a plain one if it cannot be pickled."""
    if not isinstance(error, RobustNASError):
        error.add_note("".join(traceback.format_exception(error)))
    try:
        pickle.loads(pickled(error))  # noqa: S301  ours
    except Exception:
        return RuntimeError(described(error))
    return error
