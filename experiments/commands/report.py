"""``robustnas report``: the report of a comparison or of a benchmark of surrogates."""

from __future__ import annotations

from pathlib import Path

import click

from experiments.commands.compare import report_comparison
from experiments.commands.options import PATH, data_option, json_option, listed, print_json, warn
from experiments.comparison.expected import complete_expected
from experiments.comparison.fronts import complete_fronts
from experiments.comparison.reported import report_terms
from experiments.progress import progress_bars
from experiments.surrogate_benchmark.records import is_benchmark
from experiments.surrogate_benchmark.report import write_surrogate_report
from robustnas.errors import InvalidInputError


@click.command()
@click.argument("directory", type=PATH)
@click.option(
    "--report",
    "terms",
    metavar="TERMS",
    help="Report these of the networks found, instead of what the plan says: 'clean, cifar100:pgd@1'. Needs the data.",
)
@data_option()
@json_option
def report(directory: Path, terms: str | None, data: Path | None, as_json: bool) -> None:
    """Rebuild the report in DIRECTORY from its records alone.

    The records are those of `robustnas compare` or of `robustnas surrogates --out`. With --report, the networks found
    by a comparison of any age are looked up on other metrics or datasets first. Fronts of several objectives that have
    not been compared with the table's front are, and expected scores that are missing are computed, if the data is at
    hand.

    \b
    Example:
      robustnas report robustnas-results/cifar10
      robustnas report robustnas-results/cifar10 --report 'clean, cifar100:pgd@1'
    """
    if is_benchmark(directory):
        if terms is not None:
            raise InvalidInputError(f"--report is for comparisons; {directory} holds a benchmark of surrogates")
        with progress_bars() as bars:
            page = write_surrogate_report(directory, warn, bars.add("report").show)
        if as_json:
            print_json({"directory": str(directory), "report": str(page)})
        else:
            click.echo(f"report: {page}")
    else:
        if terms is not None:
            report_terms(directory, listed(terms), data)
        if reason := complete_fronts(directory, data):
            warn(f"fronts are not compared with that of the table: {reason}")
        with progress_bars() as bars:
            bars.add("expected scores")
            reason = complete_expected(directory, data)
        if reason:
            warn(f"expected scores are not computed: {reason}")
        report_comparison(directory, as_json=as_json)
