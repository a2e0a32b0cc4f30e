"""NASLib's optimizers and predictors against ours: same objective, budget and seeds; quality and seconds of one thread.

``python benchmarks/naslib_bridge.py searchers | predictors | spaces`` prints a Markdown table; docs/naslib.md has all.
Needs NASLib, and the CIFAR-10 part of the robustness database.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"

import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

import click
import numpy as np

from experiments.surrogate_benchmark.fit import FitSpec, fit_record
from robustnas.executors import ExecutorSpec, complete
from robustnas.naslib.loading import load
from robustnas.oracle import Oracle
from robustnas.spaces.nasbench201.cell import Cell
from robustnas.tables.database.database import Database, DatabaseTable
from robustnas.workers import one_thread
from searchers import create, search
from searchers.naslib_search import NASLIB_SEARCHERS
from surrogates import SURROGATES
from surrogates.registry import NASLIB_SURROGATES


class Strategy(NamedTuple):
    """A searcher and its settings."""

    name: str
    parameters: Mapping[str, Any] = MappingProxyType({})

    def __str__(self) -> str:
        settings = ", ".join(f"{name} {value}" for name, value in self.parameters.items())
        return f"`{self.name}`" + (f" ({settings})" if settings else "")


STRATEGIES = (
    Strategy("random"),
    Strategy("naslib:rs"),
    Strategy("local"),
    Strategy("naslib:ls"),
    Strategy("evolution"),
    Strategy("naslib:re", {"population_size": 30}),
    Strategy("naslib:re"),
    Strategy("bananas"),
    Strategy("naslib:bananas"),
    Strategy("naslib:bananas", {"predictor_type": "xgb"}),
    Strategy("naslib:npenas"),
    Strategy("naslib:npenas", {"predictor_type": "xgb"}),
    Strategy("forest"),
    Strategy("xgboost"),
    Strategy("gp"),
)
SPACES = (
    (Strategy("naslib:rs"), 50),
    (Strategy("naslib:re", {"population_size": 20}), 50),
    (Strategy("naslib:ls"), 50),
    (Strategy("naslib:bananas", {"predictor_type": "xgb"}), 30),
    (Strategy("naslib:npenas", {"predictor_type": "xgb"}), 30),
)


class Run(NamedTuple):
    """One search."""

    row: int
    objective: str
    seed: int
    budget: int


def opened(data: str | None) -> DatabaseTable:
    load("optimizers")  # its import takes seconds that belong to no run
    return Database.open(data)["cifar10"]


def results(work: Callable[..., Any], tasks: list[Any], jobs: int, data: str | None) -> list[Any]:
    """Return the results of all tasks on the table, in the order in which they are finished."""
    found: list[Any] = []
    reopen = partial(opened, data)
    for _ in complete(work, tasks, reopen(), found.append, executor=ExecutorSpec(workers=jobs), reopen=reopen):
        pass
    return found


def outcome(table: DatabaseTable, run: Run) -> tuple[Run, float, float]:
    """Return the best score of a search in percent, and the processor seconds that it took."""
    strategy = STRATEGIES[run.row]
    oracle = Oracle(run.objective, table, budget=run.budget)
    with one_thread():
        begun = time.process_time()
        best = max(answer.score for answer in search(create(strategy.name, run.seed, **strategy.parameters), oracle))
        return run, 100 * best, time.process_time() - begun


def fit(table: DatabaseTable, spec: FitSpec) -> tuple[FitSpec, dict[str, Any]]:
    with one_thread():
        return spec, fit_record(spec, table)


@click.group()
def main() -> None:
    """Compare NASLib with RobustNAS."""


@main.command()
@click.option("--objectives", default="clean,pgd@1", show_default=True)
@click.option("--seeds", default=20, show_default=True)
@click.option("--budget", default=100, show_default=True, help="Distinct networks.")
@click.option("--jobs", default=2, show_default=True)
@click.option("--data")
def searchers(objectives: str, seeds: int, budget: int, jobs: int, data: str | None) -> None:
    """Mean best score and its standard error over seeds, and processor seconds per search."""
    names = objectives.split(",")
    runs = [Run(row, name, seed, budget) for seed in range(seeds) for row in range(len(STRATEGIES)) for name in names]
    found = results(outcome, runs, jobs, data)
    print(f"| searcher | {' | '.join(names)} | s per search |")
    print("|:--|" + "--:|" * (len(names) + 1))
    for row, strategy in enumerate(STRATEGIES):
        cells = [_mean([best for run, best, _ in found if run[:2] == (row, name)]) for name in names]
        seconds = np.mean([seconds for run, _, seconds in found if run.row == row])
        print(f"| {strategy} | {' | '.join(cells)} | {seconds:.2f} |")


@main.command()
@click.option("--objective", default="pgd@1", show_default=True)
@click.option("--sizes", default="100,400", show_default=True, help="Networks to learn from.")
@click.option("--trials", default=5, show_default=True)
@click.option("--jobs", default=2, show_default=True)
@click.option("--data")
def predictors(objective: str, sizes: str, trials: int, jobs: int, data: str | None) -> None:
    """Kendall tau on all other networks, and processor seconds of fit and prediction."""
    counts = [int(size) for size in sizes.split(",")]
    specs = list(_specs(objective, counts, trials))
    found = dict(results(fit, specs, jobs, data))
    print(f"| surrogate | encoding | {' | '.join(f'tau, {n}' for n in counts)} | s to fit | s to predict |")
    print("|:--|:--|" + "--:|" * (len(counts) + 2))
    for name, encoding in dict.fromkeys((spec.surrogate, spec.encoding) for spec in specs):
        mine = {spec: found[spec] for spec in specs if (spec.surrogate, spec.encoding) == (name, encoding)}
        taus = [_taus([r["kendall_tau"] for spec, r in mine.items() if spec.train_size == n]) for n in counts]
        last = [record for spec, record in mine.items() if spec.train_size == counts[-1]]
        seconds = [np.median([record[f"{what}_seconds"] for record in last]) for what in ("fit", "predict")]
        print(f"| `{name}` | {encoding} | {' | '.join(taus)} | {seconds[0]:.2f} | {seconds[1]:.2f} |")


@main.command()
@click.option("--data")
def spaces(data: str | None) -> None:
    """The same search on the light space and on NASLib's own: whether the queries are the same, and seconds."""
    table = opened(data)
    print("| searcher | networks | same queries | s, light | s, NASLib's own | ratio |")
    print("|:--|--:|:--|--:|--:|--:|")
    for strategy, budget in SPACES:
        (light, fast), (own, slow) = (_queries(table, strategy, budget, on_its_own) for on_its_own in (False, True))
        same = "yes" if light == own else "no"
        print(f"| {strategy} | {budget} | {same} | {fast:.3f} | {slow:.1f} | {slow / fast:.0f} |", flush=True)


def _queries(table: DatabaseTable, strategy: Strategy, budget: int, on_its_own: bool) -> tuple[list[Cell], float]:
    class OnItsOwn(NASLIB_SEARCHERS[strategy.name]):  # type: ignore[misc]
        def _space(self) -> Any:
            return load("search_spaces").NasBench201SearchSpace()

    kind = OnItsOwn if on_its_own else NASLIB_SEARCHERS[strategy.name]
    for seed in (0,) if on_its_own else (1, 0):  # the light one warms up on another seed first
        begun = time.perf_counter()
        searcher = kind(np.random.default_rng(seed), **strategy.parameters)
        cells = [answer.cell for answer in search(searcher, Oracle("pgd@1", table, budget=budget))]
        seconds = time.perf_counter() - begun
    return cells, seconds


def _specs(objective: str, sizes: list[int], trials: int) -> Iterator[FitSpec]:
    pairs = [(name, "one-hot") for name in NASLIB_SURROGATES]
    pairs += [(name, encoding) for encoding in ("one-hot", "path+cost+path-statistics") for name in SURROGATES]
    for trial in range(trials):
        for size in sizes:
            for name, encoding in pairs:
                yield FitSpec(objective, name, encoding, size, trial, 0)


def _mean(values: list[float]) -> str:
    return f"{np.mean(values):.2f} ± {np.std(values) / np.sqrt(len(values)):.2f}"


def _taus(values: list[float]) -> str:
    return f"{np.mean(values):.3f} ± {np.std(values):.3f}"


if __name__ == "__main__":
    main()
