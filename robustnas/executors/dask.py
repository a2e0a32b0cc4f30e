"""Dask: a cluster that runs somewhere, by its address, or one of this machine's processes.

M. Rocklin: Dask: Parallel Computation with Blocked algorithms and Task Scheduling (SciPy 2015).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from robustnas.errors import EvaluationError, InvalidInputError, abridged
from robustnas.executors.engine import Engine, needs
from robustnas.workers import environment, interrupts_ignored, processors

_ASK_AGAIN = 5.0  # seconds after which a cluster may have grown


@contextmanager
def open_dask(address: str | None, workers: int | None, **options: Any) -> Iterator[Engine]:
    """Join the cluster at an address such as ``tcp://host:8786``, or start a local one.

    Args:
        address: Where the scheduler listens; None starts processes on this machine, one thread each.
        workers: How many to start; of a cluster that runs already, how many to use.
        options: Keyword arguments of `distributed.Client`, or of `distributed.LocalCluster`.

    Raises:
        MissingPackageError: Dask's distributed is not installed.
        InvalidInputError: An option that Dask does not know.
        EvaluationError: The cluster does not answer.
    """
    with needs("dask", "dask", "distributed", "dask"):
        from distributed import Client, LocalCluster
    if address is None:
        local = {
            "n_workers": workers or processors(),
            "threads_per_worker": 1,
            "dashboard_address": ":0",
            "silence_logs": logging.ERROR,  # of workers that are slow to stop
            **options,
        }
        with interrupts_ignored(), environment(OMP_NUM_THREADS="1"):
            cluster = _opened(LocalCluster, local, "a local cluster")
        with cluster, Client(cluster) as client:
            yield _engine(client, workers)
    else:
        with _opened(Client, {"address": address, **options}, f"the cluster at {address}") as client:
            yield _engine(client, workers)


def _opened(kind: Callable[..., Any], options: dict[str, Any], what: str) -> Any:
    try:
        return kind(**options)
    except (TypeError, ValueError) as error:
        raise InvalidInputError(f"executor 'dask' cannot open {what}: {abridged(error)}") from error
    except OSError as error:
        raise EvaluationError(
            f"executor 'dask' cannot reach {what}: {abridged(error)}; is its scheduler running, and can it be reached "
            "from here?"
        ) from error


def _engine(client: Any, workers: int | None) -> Engine:
    return Engine(client.get_executor(pure=False), _Capacity(client, workers))


class _Capacity:
    """Asks the scheduler how many tasks its workers run at once, not too often."""

    def __init__(self, client: Any, most: int | None) -> None:
        self._client, self._most = client, most
        self._asked, self._n = float("-inf"), 1

    def __call__(self) -> int:
        if time.monotonic() - self._asked > _ASK_AGAIN:
            n = sum(self._client.nthreads().values())
            self._n = max(1, n if self._most is None else min(n, self._most))
            self._asked = time.monotonic()
        return self._n
