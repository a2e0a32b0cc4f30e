"""``robustnas data``: where the database is, getting it, checking it, attaching tables to it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import click

from experiments.commands.attached import attach, attached, detach
from robustnas.errors import DataError, DataNotFoundError
from robustnas.tables.database.cache import cache_directory, cache_size
from robustnas.tables.database.database import DATA_VARIABLE, Database, find_folder, user_folder
from robustnas.tables.database.download import fetch, fetchable, published_sums
from robustnas.tables.database.importing import install

_PATH = click.Path(path_type=Path)  # errors of paths are the database's own, with advice

data_option = click.option(
    "--data",
    "folder",
    type=_PATH,
    metavar="DIR",
    help="The database's folder, in the published layout  [default: ROBUSTNAS_DATA, else the user's data directory]",
)


@click.group(name="data")
def data() -> None:
    """Find, fetch, import and verify the robustness database.

    \b
    Example:
      robustnas data fetch cifar10
      robustnas data status
    """  # \b keeps click from wrapping


@data.command()
@data_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def status(folder: Path | None, as_json: bool) -> None:
    """Say where the database is looked for and what is there; fail if there is none.

    \b
    Example:
      robustnas data status --data ~/robustness-data
    """
    try:
        found = Database.open(folder)
    except DataNotFoundError as error:
        if not as_json:
            raise
        click.echo(json.dumps(_report(folder, None) | {"message": str(error)}, indent=2))
        raise SystemExit(1) from None
    report = _report(folder, found)
    click.echo(json.dumps(report, indent=2) if as_json else _text(report))


@data.command(name="import")
@click.argument("source", metavar="DIR", type=_PATH)
@click.option("--data", "folder", type=_PATH, metavar="DIR", help="Where to  [default: the user's data directory]")
def import_(source: Path, folder: Path | None) -> None:
    """Check a downloaded folder DIR and copy it to where data is looked for.

    DIR is in the published layout: meta.json and <dataset>/<key>_<measure>.json; any subset of the files will do.

    \b
    Example:
      robustnas data import ~/Downloads/robustness-data
    """
    database = install(source, folder)
    n_files = len(database.files.files)
    click.echo(f"imported {n_files} files into {database.folder}: {', '.join(database)}")
    _warn_if_hidden(database.folder)


@data.command(name="fetch", epilog=f"Datasets: {', '.join(fetchable())}.")
@click.argument("datasets", metavar="[DATASET]...", nargs=-1)
@click.option("--data", "folder", type=_PATH, metavar="DIR", help="Where to  [default: the user's data directory]")
@click.option("--url", metavar="URL", help="A mirror in the published layout  [default: ROBUSTNAS_URL, else GitHub]")
@click.option("--quiet", is_flag=True, help="Show no progress bar.")
def fetch_(datasets: tuple[str, ...], folder: Path | None, url: str | None, quiet: bool) -> None:
    """Download accuracies of some datasets (all if none is named) and check their SHA-256.

    Files that are already there and right are not downloaded again: run it again after a failure.

    \b
    Example:
      robustnas data fetch cifar10
    """
    target = (folder or user_folder()).expanduser()
    files = fetch(datasets, target, url, progress=not quiet)
    database = Database.open(target)
    click.echo(f"{len(files)} files are in {database.folder}, as published: {', '.join(database)}")
    _warn_if_hidden(database.folder)


@data.command()
@data_option
@click.option("--own", is_flag=True, help="Accept files of your own, that differ from the published ones.")
def verify(folder: Path | None, own: bool) -> None:
    """Read every file again and check values, the store's copy and the published SHA-256.

    \b
    Example:
      robustnas data verify --data ~/robustness-data
    """
    database = Database.open(folder)
    database.files.verify()
    files, sums = database.files.known, published_sums()
    known = [path for path in files if path in sums]
    other = [path for path in known if sums[path] != files[path].sha256]
    if other and not own:
        advice = "delete them and run `robustnas data fetch`, or use --own if that is meant"
        raise DataError(f"{database.folder}: not as published, though readable: {', '.join(other)}; {advice}")
    n_same = len(known) - len(other)
    click.echo(f"{len(files)} files in {database.folder} are sound; {n_same} of them match their published SHA-256")


for command in (attach, attached, detach):
    data.add_command(command)


def _report(folder: Path | None, database: Database | None) -> dict[str, Any]:
    where, origin = find_folder(folder)
    return {
        "found": database is not None,
        "folder": str(where.absolute()),
        "named_by": origin,
        "looked_in": {
            "--data": str(folder) if folder else None,
            DATA_VARIABLE: os.environ.get(DATA_VARIABLE),
            "user": str(user_folder()),
        },
        "cache": {"directory": str(cache_directory()), "bytes": cache_size()},
        "datasets": {name: _contents(database, name) for name in database} if database else {},
    }


def _contents(database: Database, dataset: str) -> dict[str, Any]:
    table = database[dataset]
    metrics = [str(metric) for metric in table.metrics]
    return {"digest": table.digest, "metrics": metrics, "measures": {k: list(v) for k, v in table.measures.items()}}


def _text(report: dict[str, Any]) -> str:
    lines = [f"database  {report['folder']}  ({report['named_by']})"]
    for name, value in report["looked_in"].items():
        lines.append(f"  looked for by {name}: {value or 'not set'}")
    lines.append(f"cache     {report['cache']['directory']}  ({report['cache']['bytes'] / 1e6:.1f} MB)")
    for dataset, contents in report["datasets"].items():
        lines.append(f"{dataset}: {len(contents['metrics'])} metrics, digest {contents['digest'][:16]}")
        lines += [f"  {measure}: {', '.join(keys)}" for measure, keys in contents["measures"].items()]
    return "\n".join(lines)


def _warn_if_hidden(folder: Path) -> None:
    """Say so if another folder is looked at first."""
    first, origin = find_folder()
    if first.absolute() != folder:
        click.echo(f"note: data is looked for in {first} first ({origin}); use --data {folder}", err=True)
