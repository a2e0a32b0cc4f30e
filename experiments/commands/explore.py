"""``robustnas explore``: one HTML page on which a table is looked at."""

from __future__ import annotations

from pathlib import Path

import click

from experiments.commands.options import (
    PATH,
    data_option,
    dataset_option,
    json_option,
    open_dataset,
    out_option,
    print_json,
)
from experiments.explorer.explorer import write_explorer
from experiments.explorer.runs import recorded_dataset


@click.command()
@dataset_option(
    show_default="that of --results; else cifar10, else what the database holds; cifar10-surrogate without one"
)
@click.option(
    "--results",
    type=PATH,
    metavar="DIR",
    help="Runs to draw through the scatter: the folder of a comparison.",
)
@out_option("HTML file to write.", default="explorer.html", show_default=True, metavar="FILE")
@data_option()
@json_option
def explore(dataset: str | None, results: Path | None, out: Path, data: Path | None, as_json: bool) -> None:
    """Write a page on which a dataset is explored in a browser: fronts, noise, networks, searches.

    The page is one file that works without a network: every metric of every network, fronts of two or three
    metrics with the training noise, curves over eps and severities, what the networks of a brushed region share, losses
    on one metric where another was chosen, neighbours, functional twins, attacks, two networks side by side, and the
    runs of a comparison. It writes CSV, where-clauses, architectures in every notation and links to what it shows.

    \b
    Example:
      robustnas explore --dataset cifar10 --out explorer.html
      robustnas explore --results robustnas-results/cifar10
    """
    named = recorded_dataset(results) if dataset is None and results is not None else dataset
    size = write_explorer(out, open_dataset(named, data), results)
    if as_json:
        print_json({"page": str(out), "bytes": size})
    else:
        click.echo(f"{out}: {size / 1e6:.1f} MB, open it in a browser")
