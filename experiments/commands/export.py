"""``robustnas export``: the records of an experiment in the forms of other tools."""

from __future__ import annotations

from pathlib import Path

import click

from experiments.commands.interruptions import interruptible
from experiments.commands.options import PATH, data_option, warn
from experiments.exported_table import FORMS, ExportedTable, write_table
from experiments.progress import progress_bars
from robustnas.errors import InvalidInputError, unknown_name

OPTUNA = "optuna"
"""The form of a storage of Optuna's."""

_KEPT = "studies that are written are kept: run the same command again to write the others"


@click.command()
@click.argument("directory", type=PATH)
@click.option(
    "--to",
    "target",
    nargs=2,
    required=True,
    metavar="FORM PLACE",
    help="optuna URL: an Optuna storage, a study per search; parquet FILE, csv FILE: one tidy table, a row per query "
    "and objective.",
)
@data_option("Folder of the database, in the published layout: it says which networks satisfy constraints.")
def export(directory: Path, target: tuple[str, str], data: Path | None) -> None:
    """Write the records in DIRECTORY for other tools: Optuna and its dashboard, data frames, spreadsheets.

    The records are those of `robustnas compare`; those of `robustnas surrogates --out` become a table too. Exporting to
    a storage again adds the searches that are new.

    \b
    Example:
      robustnas export robustnas-results/cifar10-surrogate@0 --to optuna sqlite:///results.db
      robustnas export robustnas-results/cifar10-surrogate@0 --to parquet queries.parquet
    """
    form, place = target
    if form == OPTUNA:
        _export_studies(directory, place, data)
    elif form in FORMS:
        path = Path(place)
        table = _table(directory, data)
        write_table(table, form, path)
        click.echo(f"{len(table.rows):,} rows in {path}")
    else:
        raise InvalidInputError(unknown_name("form of --to", form, [OPTUNA, *FORMS]))


def _export_studies(directory: Path, url: str, data: Path | None) -> None:
    from experiments.comparison.studies import export_studies
    from experiments.surrogate_benchmark.records import is_benchmark
    from searchers.optuna_study import safe

    if is_benchmark(directory):
        forms = " or ".join(FORMS)
        raise InvalidInputError(f"{directory} holds a benchmark of surrogates, no searches; export it to {forms}")
    with interruptible(_KEPT), progress_bars(counted=True) as bars:
        bar = bars.add("studies")
        done = export_studies(
            directory, url, data, warn, lambda written, total: bar.show(completed=written, total=total)
        )
    click.echo(f"{len(done.names):,} studies in {safe(url)}: {done.n_new:,} with new trials, {done.n_trials:,} trials")


def _table(directory: Path, data: Path | None) -> ExportedTable:
    from experiments.surrogate_benchmark.records import is_benchmark, load_records

    if is_benchmark(directory):
        records = load_records(directory)
        return ExportedTable(records.rows.reset_index(drop=True), records.manifest)
    from experiments.comparison.tidy import COLUMNS, tidy_queries

    rows, comparison = tidy_queries(directory, data, warn)
    return ExportedTable(rows, comparison.manifest, COLUMNS)
