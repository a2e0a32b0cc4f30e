"""What one unit of everything costs here: searches, epochs, attack passes, claims, records; benchmarks/fleet.py counts.

    python -m benchmarks.unit_costs --out unit-costs.json
    python -m benchmarks.unit_costs --device cuda --images cifar10 --only evaluator

Seconds of work on the processor are processor time, so that a busy machine does not matter much; those of calls that
wait for a disk or a server are medians of the time on the clock. Without the database, searches run on an embedded
dataset.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np

from benchmarks.claims import CALLS, made_up_measurement, made_up_networks, work
from benchmarks.postgresql_server import PostgreSQL, find_programs, running_server
from experiments.commands.options import chosen_dataset
from experiments.comparison.run import record
from experiments.comparison.schema import check_run
from experiments.comparison.spec import RunSpec
from experiments.journal import open_journal
from robustnas.evaluator.software import installed
from robustnas.measurements import MeasurementStore
from robustnas.tables.datasets import open_table
from robustnas.tables.table import Table
from robustnas.workers import one_thread, processors

Costs = dict[str, Any]

SEARCHERS = ("random", "local", "evolution", "gp", "xgboost")
BUDGETS = (100, 300)
OBJECTIVE = "pgd@1"
N_CALLS, N_LOOKS = 60, 5
N_ROWS = 41  # numbers of one network in the paper's grids, corruptions aside, and a few more


def clock(function: Callable[[], object], n: int, timer: Callable[[], float] = time.perf_counter) -> float:
    """Return the median seconds of a call."""
    times = []
    for _ in range(n):
        start = timer()
        function()
        times.append(timer() - start)
    return statistics.median(times)


processor = partial(clock, timer=time.process_time)
"""As `clock`, in seconds of the processor."""


def machine() -> Costs:
    """Return what numbers depend on, without the machine's name."""
    names = ("robustnas", "numpy", "scikit-learn", "xgboost", "sqlalchemy", "psycopg", "torch")
    return {
        "processors": processors(),
        "architecture": platform.machine(),
        "system": platform.system(),
        "python": platform.python_version(),
        **{name: found for name in names if (found := installed(name))},
    }


def spec(searcher: str, budget: int, seed: int = 0) -> RunSpec:
    return RunSpec(OBJECTIVE, searcher, searcher, {}, budget, seed)


def searches(table: Table, n: int) -> Costs:
    """Return seconds per search, by searcher and budget."""
    found: Costs = {}
    for searcher in SEARCHERS:
        for budget in BUDGETS:
            runs = [spec(searcher, budget, seed) for seed in range(n + 1)]
            record(runs[0], table)  # fills caches
            with one_thread():
                times = [processor(partial(record, run, table), 1) for run in runs[1:]]
            found.setdefault(searcher, {})[str(budget)] = statistics.median(times)
    return found


def evaluator(images: str, device: str) -> Costs:
    """Return seconds per epoch and per attack pass over all test images, for a network of the middle."""
    from robustnas.evaluator.device import choose_device, device_name
    from robustnas.evaluator.evaluator import Evaluator
    from robustnas.evaluator.filling.estimate import measure_speed
    from robustnas.evaluator.images.image_files import open_images
    from robustnas.spaces.nasbench201.cell import Cell
    from robustnas.spaces.nasbench201.cost import all_flops

    arch = "|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_1x1~2|"
    data = open_images(images)
    measured = Evaluator(data, device=device)
    start = time.perf_counter(), time.process_time()
    archs = ["index:3906", arch, "index:11718"]  # skips alone, the network, 3x3 convolutions alone
    speed = measure_speed(measured, [*map(Cell.parse, archs)], [])
    wall, used = time.perf_counter() - start[0], time.process_time() - start[1]
    share = min(used / wall, 1.0) if choose_device(device).type == "cpu" else 1.0  # others use the processor, too
    flops = float(all_flops(measured.skeleton)[Cell.parse(arch).index])
    settings = measured.settings
    return {
        "device": device_name(choose_device(device)),
        "images": data.name,
        "network": arch,
        "channels": settings.channels,
        "cells": settings.n_cells,
        "epochs": settings.training.epochs,
        "seconds_per_epoch": share * len(data.train) * (speed.training[0] + speed.training[1] * flops),
        "seconds_per_pass": share * len(data.test) * (speed.attack[0] + speed.attack[1] * flops),
        "train_images": len(data.train),
        "test_images": len(data.test),
    }


def store(kind: str) -> Costs:
    """Return seconds per call of a store that has little else to do, and bytes per number.

    Calls are timed on the clock, and the quickest tenth says what they take where nothing else runs.
    """
    with ExitStack() as stack:
        server = stack.enter_context(running_server()) if kind == "postgresql" else None
        where = _new_store(server, stack)
        size = _size(where)
        empty, used = size(), server.processor_seconds() if server else 0.0
        log = work(where, made_up_networks(N_CALLS), 0)
        costs: Costs = {name: float(np.quantile(log.seconds[name], 0.1)) for name in CALLS}
        if server:
            n_calls = sum(map(len, log.seconds.values()))
            costs["server_per_call"] = (server.processor_seconds() - used) / n_calls
        with MeasurementStore.open(where) as opened:
            costs["client_per_call"] = processor(opened.active_claims, 20)
            values = [
                [made_up_measurement(network, f"pgd@{eps}") for eps in range(1, N_ROWS + 1)]
                for network in made_up_networks(N_CALLS)
            ]
            for numbers in values:
                with opened.claim(numbers[0].key.network) as claim:  # type: ignore[union-attr]
                    claim.record(numbers)
            n_numbers = N_CALLS * N_ROWS
            used, networks = server.processor_seconds() if server else 0.0, made_up_networks(N_CALLS)
            costs["look_per_number"] = processor(lambda: opened.known(networks), N_LOOKS) / n_numbers
            if server:
                costs["look_server_per_number"] = (server.processor_seconds() - used) / (N_LOOKS * n_numbers)
        costs["bytes_per_number"] = round((size() - empty) / n_numbers)
    return costs


def _new_store(server: PostgreSQL | None, stack: ExitStack) -> str:
    if server is None:
        return str(Path(stack.enter_context(tempfile.TemporaryDirectory())) / "store.sqlite")
    server.administer("createdb", "store")
    return server.remote_url("store")


def _size(where: str) -> Callable[[], int]:
    """Return a function that says how many bytes a store takes."""
    opened = MeasurementStore.open(where)
    if opened.location.path:
        path = opened.location.path
        return lambda: sum(file.stat().st_size for file in path.parent.glob(f"{path.name}*"))
    query = "SELECT pg_database_size(current_database())"
    return lambda: int(opened._transactions.read(lambda c: c.exec_driver_sql(query).scalar_one()))


def writer(table: Table, n: int = 200) -> Costs:
    """Return what one record and one task cost the process that submits, in seconds, and bytes per record."""
    found: Costs = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for budget in BUDGETS:
            run = record(spec("random", budget), table)
            content = cloudpickle.dumps(run)
            line = json.dumps(run, separators=(",", ":"))
            check = partial(check_run, space=table.space.name)
            with open_journal(folder / str(budget), check) as journal:
                append = processor(partial(journal.append, run), n)
                for _ in range(n):
                    journal.append(run)
                start = time.process_time()
                n_read = sum(1 for _ in journal.runs())
                read = (time.process_time() - start) / n_read
            found[str(budget)] = {
                "bytes_per_record": len(line) + 1,
                "append": append,
                "append_and_fsync": clock(partial(_append_durably, folder / "durable", line.encode()), n),
                "receive": processor(partial(cloudpickle.loads, content), n),
                "read_at_resume": read,
            }
    task = spec("random", BUDGETS[-1])
    found["pickle_task"] = processor(lambda: [cloudpickle.dumps(task) for _ in range(10)], 20) / 10
    found["bytes_per_task"] = len(cloudpickle.dumps(task))
    found["task"] = _seconds_per_task()
    return found


def _append_durably(path: Path, content: bytes) -> None:
    with path.open("ab", buffering=0) as file:
        file.write(content)
        os.fsync(file.fileno())


def _seconds_per_task(n: int = 2000) -> float:
    """Return what an empty task costs the submitting process, from submission to result."""
    from robustnas.executors import ExecutorSpec, complete

    spec = ExecutorSpec("processes", workers=2)
    start = time.process_time()
    for _ in complete(_nothing, list(range(n)), None, lambda _: None, executor=spec):
        pass
    return (time.process_time() - start) / n


def _nothing(_: None, task: int) -> int:
    return task


def start_up(dataset: str) -> Costs:
    """Return the seconds until a new worker can begin: Python, imports, and the table from the cache."""
    code = (
        f"from robustnas.tables.datasets import open_table; import experiments.comparison.run; open_table({dataset!r})"
    )
    taken = clock(lambda: subprocess.run([sys.executable, "-c", code], check=True), 3, _children)
    return {"search_worker": taken}


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def lines(costs: Costs, prefix: str = "") -> Iterator[str]:
    """Yield the table: one unit a line, times in ms below a second."""
    for name, value in costs.items():
        if isinstance(value, dict):
            yield from lines(value, f"{prefix}{name} ")
        elif isinstance(value, float):
            yield f"{prefix + name:<44} {f'{1000 * value:12.3f} ms' if value < 1 else f'{value:12.2f} s '}"
        else:
            yield f"{prefix + name:<44} {value:>12,}" if isinstance(value, int) else f"{prefix + name:<44} {value}"


def measure(only: str | None, images: str, device: str, n: int) -> Costs:
    """Return all costs, or one kind of them."""
    dataset = chosen_dataset(None, None)
    table = open_table(dataset)
    servers = ["sqlite", *(["postgresql"] if find_programs() and installed("psycopg") else [])]
    kinds: dict[str, Callable[[], Costs]] = {
        "searches": lambda: searches(table, n),
        "evaluator": lambda: evaluator(images, device),
        "store": lambda: {kind: store(kind) for kind in servers},
        "writer": lambda: writer(table),
        "start": lambda: start_up(dataset),
    }
    chosen = kinds if only is None else {only: kinds[only]}
    return {"machine": machine(), "dataset": dataset, **{name: kind() for name, kind in chosen.items()}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="a JSON file to write")
    parser.add_argument("--only", choices=("searches", "evaluator", "store", "writer", "start"))
    parser.add_argument("--images", default="digits")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seeds", type=int, default=3, help="searches of each kind")
    options = parser.parse_args()
    costs = measure(options.only, options.images, options.device, options.seeds)
    print("\n".join(lines(costs)))
    if options.out:
        options.out.write_text(json.dumps(costs, indent=2) + "\n")


if __name__ == "__main__":
    main()
