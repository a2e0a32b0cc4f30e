"""Executors: where tasks run, by name; one `concurrent.futures.Executor` for one machine or many.

Whoever has tasks calls `complete`: it needs an executor's `submit` and `wait` alone. Processes and threads are the
standard library's; Dask, Ray and Slurm are behind their own executors or thin adapters.
"""

from robustnas.executors.engine import Engine, death_of
from robustnas.executors.jobs import NOT_STARTED, Work
from robustnas.executors.registry import EXECUTORS, open_engine
from robustnas.executors.shared import sent
from robustnas.executors.spec import ExecutorSpec, chosen_executor
from robustnas.executors.tasks import complete

__all__ = [
    "EXECUTORS",
    "NOT_STARTED",
    "Engine",
    "ExecutorSpec",
    "Work",
    "chosen_executor",
    "complete",
    "death_of",
    "open_engine",
    "sent",
]
