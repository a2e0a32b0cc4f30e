"""Whether the embedded benchmark ranks search strategies as the real database does: the same searches on both.

Run it where ROBUSTNAS_DATA (or the user's data directory) holds the database:
``python benchmarks/embedded.py --dataset cifar10 --figure docs/images/embedded.png``. docs/embedded-benchmark.md has
the result.
"""

from __future__ import annotations

import json
from functools import cache
from itertools import combinations, product
from pathlib import Path
from typing import TypeAlias

import click
import matplotlib as mpl
import numpy as np
import pandas as pd
from scipy.stats import kendalltau

from experiments.comparison.run import record
from experiments.comparison.spec import RunSpec
from experiments.pages.figure_style import INK, STYLE, TEXT_WIDTH, colours_of, new_figure, render
from robustnas import Objective
from robustnas.executors import ExecutorSpec, complete
from robustnas.spaces.nasbench201 import space
from robustnas.tables.datasets import open_table
from robustnas.tables.table import Table

REAL, SMOOTH, NOISY = "database", "surrogate", "noisy surrogate"
TABLES = {REAL: "{}", SMOOTH: "{}-surrogate", NOISY: "{}-surrogate@0"}
"""The tables that are searched, each with its name for a dataset."""

OBJECTIVES = ("clean", "fgsm@1", "pgd@1", "apgd@1", "square@1", "corruption")
BUDGET, CHECKPOINTS = 300, (50, 100, 200, 300)


Task: TypeAlias = tuple[str, str, str, int]
"""A table, an objective, a searcher and a seed."""


@cache
def table_of(dataset: str, table: str) -> Table:
    return open_table(TABLES[table].format(dataset))


def best_so_far(dataset: str, task: Task) -> tuple[Task, list[float]]:
    """Run one search and return the best score after each query."""
    table, objective, searcher, seed = task
    run = record(RunSpec(objective, searcher, searcher, {}, BUDGET, seed), table_of(dataset, table))
    return task, run["queries"]["best"]


def curves(dataset: str, searchers: list[str], n_seeds: int, jobs: int) -> pd.DataFrame:
    """Run everything; one row per table, objective and searcher, columns query and score (mean) and error."""
    grid = list(product(TABLES, OBJECTIVES, searchers))
    tasks = [(*place, seed) for place in grid for seed in range(n_seeds)]
    found: dict[Task, list[float]] = {}
    for _ in complete(
        best_so_far, tasks, dataset, lambda run: found.update([run]), executor=ExecutorSpec(workers=jobs)
    ):
        pass
    bests = np.array([found[task] for task in tasks])
    frames = []
    for place, runs in zip(grid, bests.reshape(len(grid), n_seeds, BUDGET), strict=True):
        place_columns = dict(zip(("table", "objective", "searcher"), place, strict=True))
        mean, error = runs.mean(axis=0), runs.std(axis=0, ddof=1) / np.sqrt(n_seeds)
        query = np.arange(1, BUDGET + 1)
        frames.append(pd.DataFrame({**place_columns, "query": query, "score": mean, "error": error}))
    return pd.concat(frames, ignore_index=True)


def with_regret(dataset: str, found: pd.DataFrame) -> pd.DataFrame:
    """Add the regret: how far from the table's best, in units of best less median network; and its error."""
    scales = {place: scale(dataset, *place) for place in product(TABLES, OBJECTIVES)}
    best, span = np.array([scales[place] for place in zip(found["table"], found["objective"], strict=True)]).T
    regret = ((best - found["score"]) / span).round(9) + 0.0  # means of equal scores differ in the last bits
    return found.assign(best=best, regret=regret, regret_error=found["error"] / span)


def scale(dataset: str, table: str, objective: str) -> tuple[float, float]:
    """Return the best score of a table, and how far it lies above the median network."""
    scores = Objective(objective).evaluate(table_of(dataset, table))[space.network_indices()]
    return float(scores.max()), float(scores.max() - np.median(scores))


def agreement(found: pd.DataFrame, table: str) -> dict[str, float]:
    """Compare a table with the real one at the checkpoints, over all objectives.

    ``pairs_agree``: of the pairs of searchers that the real table separates by two standard errors, the share that the
    other orders alike, ties counted against it; ``same_winner``: how often the real table's best searcher is the
    other's too, or level with it; ``kendall_tau``: of normalised regrets over objectives, searchers and checkpoints.
    """
    chosen = found[found["query"].isin(CHECKPOINTS)]
    place = ["objective", "query", "searcher"]
    regret, error = (chosen.pivot_table(name, place, "table") for name in ("regret", "regret_error"))
    alike = []
    groups = list(regret.groupby(level=["objective", "query"]))
    for _, group in groups:
        for first, second in combinations(group.index, 2):
            gap = group.loc[first] - group.loc[second]
            if abs(gap[REAL]) > 2 * np.hypot(error.loc[first, REAL], error.loc[second, REAL]):
                alike.append(gap[REAL] * gap[table] > 0)
    tau = float(kendalltau(regret[REAL], regret[table]).statistic)
    winners = [group[table][group[REAL].idxmin()] <= group[table].min() + 1e-9 for _, group in groups]
    return {
        "pairs": len(alike),
        "pairs_agree": float(np.mean(alike)),
        "same_winner": float(np.mean(winners)),
        "kendall_tau": tau,
    }


def listing(found: pd.DataFrame) -> str:
    """Return mean best scores and normalised regrets after 100 and 300 queries as a Markdown table."""
    queries = (100, 300)
    heads = [f"{name} @{query}" for name in ("real", "surrogate", "with noise") for query in queries]
    lines = ["| objective | searcher | " + " | ".join(heads) + " |", "|---|---" + "|--:" * len(heads) + "|"]
    rows = found.set_index(["objective", "searcher", "table", "query"])
    for objective, searcher in product(OBJECTIVES, found["searcher"].unique()):
        cells = [rows.loc[objective, searcher, table, query] for table in TABLES for query in queries]
        texts = [f"{100 * cell['score']:.2f} ({cell['regret']:.3f})" for cell in cells]
        lines.append(f"| {objective} | {searcher} | " + " | ".join(texts) + " |")
    return "\n".join(lines)


def draw(found: pd.DataFrame, path: Path) -> None:
    """Draw normalised regrets, real and surrogate side by side in each panel."""
    searchers = list(found["searcher"].unique())
    colours = colours_of(searchers)
    figure = new_figure(TEXT_WIDTH, 4.2)
    figure.set_layout_engine("constrained")
    panels = figure.subplots(2, 3, sharex=True)
    for axes, objective in zip(panels.flat, OBJECTIVES, strict=True):
        for searcher, (table, line) in product(searchers, ((REAL, "-"), (SMOOTH, "--"))):
            chosen = (found["objective"] == objective) & (found["searcher"] == searcher) & (found["table"] == table)
            group = found[chosen & (found["query"] >= 10)]
            axes.plot(group["query"], group["regret"], line, color=colours[searcher], linewidth=1.1)
        axes.set(title=objective, xscale="log", xticks=[10, 30, 100, 300], xticklabels=["10", "30", "100", "300"])
        axes.set_ylim(bottom=0)
        axes.minorticks_off()
    for axes in panels[1]:
        axes.set_xlabel("networks evaluated")
    for axes in panels[:, 0]:
        axes.set_ylabel("normalised regret")
    handles = [axes.plot([], [], color=colours[searcher], label=searcher)[0] for searcher in searchers]
    handles += [
        axes.plot([], [], line, color=INK, label=text)[0] for text, line in (("database", "-"), ("surrogate", "--"))
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), frameon=False)
    path.write_bytes(render(figure, "png"))


@click.command()
@click.option("--dataset", default="cifar10", show_default=True, type=click.Choice(["cifar10", "cifar100"]))
@click.option("--searchers", default="random,local,evolution,gp", show_default=True)
@click.option("--seeds", default=30, show_default=True)
@click.option("--jobs", default=2, show_default=True)
@click.option("--figure", type=click.Path(path_type=Path), help="A PNG file to draw to.")
@click.option("--out", type=click.Path(path_type=Path), help="A JSON file for the results.")
def main(dataset: str, searchers: str, seeds: int, jobs: int, figure: Path | None, out: Path | None) -> None:
    """Compare search strategies on the database and on the embedded benchmark."""
    found = with_regret(dataset, curves(dataset, searchers.split(","), seeds, jobs))
    agreements = {table: agreement(found, table) for table in (SMOOTH, NOISY)}
    print(listing(found))
    print(json.dumps(agreements, indent=1))
    if figure is not None:
        with mpl.rc_context(STYLE):
            draw(found, figure)
    if out is not None:
        rows = found[found["query"].isin(CHECKPOINTS)].to_dict("records")
        out.write_text(
            json.dumps({"dataset": dataset, "seeds": seeds, "agreement": agreements, "rows": rows}, indent=1) + "\n"
        )


if __name__ == "__main__":
    main()
