"""Training-free measures against published ones and against the accuracies of the database; and what they take.

``python benchmarks/proxies.py nb201_imagenet16_120_zero_cost_proxies.csv`` compares with a table keyed by cell that has
columns of the same names; where ROBUSTNAS_DATA (or the user's data directory) holds the database, with CIFAR-10 too.
docs/proxies.md has the result.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import click
import numpy as np
import pandas as pd
import torch
from scipy.stats import kendalltau, spearmanr

from robustnas import Objective
from robustnas.errors import DataNotFoundError
from robustnas.evaluator.proxies import PROXIES, ImageBatch, open_batch, proxy_scores
from robustnas.executors import ExecutorSpec, complete
from robustnas.spaces.nasbench201.cell import Cell
from robustnas.spaces.nasbench201.cost import IMAGENET16_120
from robustnas.spaces.nasbench201.network import KERNEL_SIZES
from robustnas.spaces.nasbench201.operations import Operation
from robustnas.tables.attached.columns import read_columns
from robustnas.tables.datasets import open_table
from robustnas.tables.sheets.reading import read_bytes, read_sheet

OBJECTIVES = ("clean", "fgsm@1", "pgd@1", "apgd@1", "square@1", "corruption")


def read_table(path: Path) -> pd.DataFrame:
    """Read the published numbers, one row per cell that has any, by space index."""
    columns = read_columns(read_sheet(path, read_bytes(path), "ImageNet16-120")).columns
    return pd.DataFrame(columns).dropna(how="all")


def scores_of(batch: ImageBatch, index: int) -> tuple[int, dict[str, float], float]:
    """Return the scores of a cell and the processor seconds they took, with one thread."""
    torch.set_num_threads(1)
    start = time.process_time()
    options = {"images": batch.images, "labels": batch.labels, "n_classes": batch.n_classes}
    scores = proxy_scores(Cell.from_index(index), tuple(PROXIES), **options)
    return index, scores, time.process_time() - start


def measured(indices: Sequence[int], batch: ImageBatch, jobs: int) -> tuple[pd.DataFrame, float]:
    """Return all scores, one row per cell, and the mean processor seconds per cell."""
    found: list[tuple[int, dict[str, float], float]] = []
    for _ in complete(scores_of, indices, batch, found.append, executor=ExecutorSpec(workers=jobs)):
        pass
    scores = {index: row for index, row, _ in found}
    return pd.DataFrame([scores[index] for index in indices], index=list(indices)), float(
        np.mean([s for *_, s in found])
    )


def agreement(first: pd.Series, second: pd.Series) -> tuple[float, float]:
    """Return Spearman's and Kendall's rank correlation where both are known."""
    known = first.notna() & second.notna()
    a, b = first[known], second[known]
    return float(spearmanr(a, b).statistic), float(kendalltau(a, b).statistic)


def comparison(scores: pd.DataFrame, table: pd.DataFrame) -> str:
    """Return the agreement of each measure with the table's column of its name, as Markdown."""
    lines = ["| measure | Spearman | Kendall | cells |", "|---|--:|--:|--:|"]
    for name in scores.columns.intersection(table.columns):
        published = table.loc[scores.index, name].where(lambda values: values > -1e7)  # -1e8 marks failures
        rho, tau = agreement(scores[name], published)
        lines.append(f"| {name} | {rho:.3f} | {tau:.3f} | {int((scores[name] + published).notna().sum())} |")
    return "\n".join(lines)


def exactness(scores: pd.DataFrame, table: pd.DataFrame) -> str:
    """Say how far parameters and FLOPs, in millions there, are from our exact counts."""
    cells = [Cell.from_index(index).operations for index in scores.index]
    n_convolutions = np.array([sum(op in KERNEL_SIZES for op in ops) for ops in cells])
    n_poolings = np.array([ops.count(Operation.AVG_POOL_3X3) for ops in cells])
    elements = IMAGENET16_120.n_cells * sum(channels * size**2 for channels, size in IMAGENET16_120.stages)
    flops = scores["flops"] + elements * (3 * n_convolutions + 9 * n_poolings) + 40_512
    ours = {"params": scores["params"], "flops": flops}
    return "; ".join(
        f"{name} differ by {(values - (table.loc[scores.index, name] * 1e6).round()).abs().max():.0f} at most"
        for name, values in ours.items()
    )


def usefulness(scores: pd.DataFrame) -> str:
    """Return Spearman's rank correlation with accuracies on CIFAR-10, as Markdown."""
    table = open_table("cifar10")
    lines = ["| measure | " + " | ".join(OBJECTIVES) + " |", "|---" + "|--:" * len(OBJECTIVES) + "|"]
    for name in scores:
        accuracies = [pd.Series(Objective(text).evaluate(table)).loc[scores.index] for text in OBJECTIVES]
        texts = [f"{agreement(scores[name], accuracy)[0]:+.2f}" for accuracy in accuracies]
        lines.append(f"| {name} | {' | '.join(texts)} |")
    return "\n".join(lines)


def times(indices: Sequence[int], batch: ImageBatch) -> str:
    """Return the processor milliseconds per cell of each measure alone, building the network included."""
    rows = [(name, np.mean([scores_of(index, batch, (name,))[1] for index in indices])) for name in PROXIES]
    return "\n".join(["| measure | ms per cell |", "|---|--:|", *(f"| {name} | {1000 * s:.0f} |" for name, s in rows)])


@click.command()
@click.argument("table", type=click.Path(path_type=Path))
@click.option("--cells", default=300, show_default=True)
@click.option("--images", default="random", show_default=True)
@click.option("--seed", default=0, show_default=True)
@click.option("--jobs", default=2, show_default=True)
@click.option("--timed", default=20, show_default=True, help="Cells to time each measure alone on; 0 for none.")
def main(table: Path, cells: int, images: str, seed: int, jobs: int, timed: int) -> None:
    """Compare training-free measures with those of TABLE."""
    published, batch = read_table(table), open_batch(images, seed=seed)
    indices = np.random.default_rng(seed).choice(published.index, size=cells, replace=False).tolist()
    scores, seconds = measured(indices, batch, jobs)
    print(f"{cells} cells, images {batch.name} {batch.images.shape}; all measures: {seconds:.2f} s per cell\n")
    print(comparison(scores, published))
    if (batch.images.shape[-1], batch.n_classes) == (IMAGENET16_120.image_size, IMAGENET16_120.n_classes):
        print(f"\n{exactness(scores, published)}")
    print(f"\nno number: {scores.isna().sum()[lambda counts: counts > 0].to_dict()}\n")
    try:
        print(usefulness(scores))
    except DataNotFoundError as error:
        print(f"no comparison with accuracies: {error}")
    if timed:
        print(f"\n{times(indices[:timed], batch)}")


if __name__ == "__main__":
    main()
