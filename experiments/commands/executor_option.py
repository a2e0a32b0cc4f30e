"""The options of commands whose work runs on an executor."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from experiments.commands.names_option import names_option
from experiments.commands.options import PATH
from robustnas.executors import EXECUTORS, ExecutorSpec, chosen_executor


def executor_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options ``--executor`` and ``--executor-options``; the command gets `executor`."""

    @names_option(
        "--executor",
        names=lambda: EXECUTORS,
        metavar="NAME",
        show_default="the plan's, else processes",
        help="What runs the work: dask:tcp://host:8786 joins a cluster, my_cluster.py:make is one of your own.",
    )
    @click.option(
        "--executor-options",
        type=PATH,
        metavar="FILE",
        help="TOML with an [executor] table: name, workers, tasks_per_job, retries, and the engine's own options.",
    )
    @wraps(command)
    def with_executor(*args: Any, executor: str | None, executor_options: Path | None, **options: Any) -> Any:
        chosen: str | ExecutorSpec | None = executor
        if executor_options is not None:
            chosen = chosen_executor(executor, ExecutorSpec.load(executor_options))
        return command(*args, executor=chosen, **options)

    return with_executor
