"""A benchmark of surrogates, called by hand: ``robustnas.benchmark(["ridge", MyRegressor], "pgd@1")``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from experiments.interactive.notes import note
from experiments.interactive.own_code import checked_jobs, named, of_this_process
from experiments.interactive.search import chosen_dataset
from experiments.output_folder import checked_output
from experiments.progress import progress_bars
from experiments.surrogate_benchmark.plan import TRAIN_SIZES, BenchmarkPlan
from experiments.surrogate_benchmark.records import SurrogateRecords, from_records, load_records
from experiments.surrogate_benchmark.runner import benchmark as run_benchmark
from experiments.surrogate_benchmark.runner import manifest
from robustnas.executors import ExecutorSpec
from robustnas.objectives import Objective
from robustnas.spaces import ENCODINGS
from robustnas.tables.datasets import opened_table
from robustnas.tables.named import NamedTable
from robustnas.tables.table import Table
from surrogates.registry import SURROGATES


def benchmark(
    surrogates: Any = "default",
    objective: str | Objective | Sequence[str | Objective] = "pgd@1",
    dataset: str | Table | None = None,
    *,
    encodings: Any = "default",
    train_sizes: Iterable[int] = TRAIN_SIZES,
    trials: int = 3,
    seed: int = 0,
    out: str | Path | None = None,
    data: str | Path | None = None,
    jobs: int | None = None,
    executor: str | Mapping[str, Any] | ExecutorSpec | None = None,
    progress: bool = True,
) -> SurrogateRecords:
    """Fit surrogates on some networks, let them rank all others, and return the records.

    Args:
        surrogates: One or a list: names in `surrogates.SURROGATES`, references such as ``my_file.py:MyRegressor``, or
            classes of scikit-learn's interface.
        objective: One objective or a list of them.
        dataset: A dataset's name, or a table. If None, ``cifar10``, or a surrogate of it where there is no database.
        encodings: One or a list: names such as ``path+cost``, references, or functions of the space.
        train_sizes: Numbers of networks to learn from.
        trials: Training sets of each size.
        seed: Fixes the training sets and the surrogates' randomness.
        out: The folder that keeps the records; None keeps them with the result alone.
        data: The database's folder.
        jobs: Worker processes; one per processor if None, none for classes of this process.
        executor: What runs the fits; see `robustnas.executors`.
        progress: Whether to show a bar, where there is a notebook or a terminal.

    Raises:
        InvalidInputError: A value is wrong; the message names it.
        DataError: The folder holds other records, or cannot be written.

    >>> records = benchmark("ridge", "pgd@1", "cifar10-surrogate", train_sizes=[50], trials=1, jobs=1)
    >>> records
    <1 fit on cifar10-surrogate: ridge on pgd@1>
    """
    names = [named(surrogate, SURROGATES) for surrogate in _several(surrogates)]
    codes = [named(encoding, ENCODINGS) for encoding in _several(encodings)]
    own = [*of_this_process(names, SURROGATES), *of_this_process(codes, ENCODINGS)]
    jobs = checked_jobs(own, jobs, out, executor)
    asked = chosen_dataset(data) if dataset is None else dataset
    table = opened_table(asked, data)
    plan = BenchmarkPlan(
        asked if isinstance(asked, str) else "cifar10",
        tuple(_several(objective)),
        tuple(names),
        tuple(codes),
        tuple(train_sizes),
        trials,
        seed,
    )
    reopen = NamedTable.of(table, asked, data) if isinstance(asked, str) else None
    folder = None if out is None else checked_output(Path(out))
    found = []
    with progress_bars(show=progress, counted=True) as bars:
        bar = bars.add("fits", plan.n_fits)
        for done, record in run_benchmark(
            plan, folder, table=table, reopen=reopen, data=data, jobs=jobs, executor=executor, note=note
        ):
            bar.show(completed=done)
            if record is not None:
                found.append(record)
    return load_records(folder) if folder is not None else from_records(manifest(plan.on(table), table), found)


def _several(value: Any) -> list[Any]:
    """Return the entries of a list or tuple; anything else is one."""
    return list(value) if isinstance(value, list | tuple) else [value]
