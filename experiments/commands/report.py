"""``robustnas report``: the report of a comparison or of a benchmark of surrogates."""

from __future__ import annotations

from pathlib import Path

import click

from experiments.commands.compare import report_comparison
from experiments.commands.options import PATH
from experiments.surrogate_benchmark.records import is_benchmark
from experiments.surrogate_benchmark.report import write_surrogate_report


@click.command()
@click.argument("directory", type=PATH)
def report(directory: Path) -> None:
    """Rebuild the report in DIRECTORY from its records alone.

    The records are those of `robustnas compare` or of `robustnas surrogates --out`.

    \b
    Example:
      robustnas report robustnas-results
    """
    if is_benchmark(directory):
        click.echo(f"report: {write_surrogate_report(directory)}")
    else:
        report_comparison(directory)
