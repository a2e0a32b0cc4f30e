"""``robustnas data``: finding, fetching, importing and verifying the database, and attaching tables to it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from experiments.commands.attached import attach, attached, detach
from experiments.commands.options import PATH, data_option, json_option, print_json, space_option
from experiments.pages.terminal import fitted
from experiments.verbosity import is_quiet, say
from robustnas.errors import DataError, DataNotFoundError, InvalidInputError
from robustnas.tables.attached.duplicates import DUPLICATES
from robustnas.tables.database.cache import cache_directory, cache_size
from robustnas.tables.database.database import DATA_VARIABLE, Database, find_folder, published_names, user_folder
from robustnas.tables.database.download import fetch, fetchable, published_sums
from robustnas.tables.database.importing import Import, install
from robustnas.tables.database.published import META
from robustnas.tables.database.robbench_download import fetch_robbench, is_robbench
from robustnas.tables.datasets import DATASETS
from robustnas.tables.kept_table import find_kept, forget_table, keep_table, kept_folder, kept_names

_target_option = data_option("Folder to write to.", "the user's data directory")


@click.group()
def data() -> None:
    """Find, fetch, import and verify the robustness database.

    \b
    Example:
      robustnas data fetch cifar10
      robustnas data status
    """  # \b keeps click from wrapping


@data.command()
@data_option()
@json_option
def status(data: Path | None, as_json: bool) -> None:
    """Show where the database is looked for and what it holds.

    That there is none is an answer too: the exit code is 0, and --json says found: false.

    \b
    Example:
      robustnas data status --data ~/robustness-data
    """
    try:
        report = _report(data, Database.open(data))
    except DataNotFoundError as error:
        report = _report(data, None) | {"message": str(error)}
    if as_json:
        print_json(report)
    else:
        click.echo(fitted(_text(report)))


@data.command(name="import")
@click.argument("source", metavar="PATH", type=PATH)
@_target_option
@click.option("--replace", is_flag=True, help="Replace files that are there with other content.")
@space_option("Search space that PATH, a table of your own, is over.", show_default=False)
@click.option("--name", metavar="N", show_default="the file's", help="Name of the table as a dataset; with --space.")
@click.option("--key", metavar="COLUMN[,...]", help="Column of architectures, or those of their choices; with --space.")
@click.option(
    "--duplicates",
    type=click.Choice(tuple(DUPLICATES)),
    default="error",
    show_default=True,
    help="What to do with rows that repeat an architecture; with --space.",
)
def import_(
    source: Path,
    data: Path | None,
    replace: bool,
    space: str | None,
    name: str | None,
    key: str | None,
    duplicates: str,
) -> None:
    """Check downloaded data and add it to the data directory.

    PATH is a folder in the published layout (meta.json and <dataset>/<key>_<measure>.json; any subset of the files will
    do), a zip archive of it or a folder of such archives; the JSON of NAS-RobBench-201 in either of its forms, which
    becomes the datasets robbench-cifar10, robbench-cifar100 and robbench-ImageNet16-120; or the JSON of the database's
    web page at eps 1/255.

    With --space, PATH is a table of your own over any search space: .csv, .parquet, .json or another form that data
    attach reads, with a column of architectures such as depth=4,width=16, or a column for each choice. It becomes the
    dataset N, for search, compare, surrogates, query, objectives and data attach; data forget N removes it.

    A folder that already has data is added to. If a file is there with other content, nothing is changed, unless
    --replace says so.

    \b
    Example:
      robustnas data import ~/Downloads/robustness-data
      robustnas data import ~/Downloads/cifar10.zip
      robustnas data import NAS-RobBench-201_html.json
      robustnas data import results.csv --space my_spaces.py:WideResNets --name mine
    """
    if space is not None:
        _keep(source, space, name, key, duplicates, data, replace)
        return
    if name is not None or key is not None:
        raise InvalidInputError("--name and --key are for a table of your own; say with --space which space it is over")
    result = install(source, data, replace=replace)
    for line in _import_lines(result):
        click.echo(line)
    _warn_if_hidden(result.database.folder)


@data.command()
@click.argument("name")
def forget(name: str) -> None:
    """Remove the table NAME, which data import --space has kept.

    \b
    Example:
      robustnas data forget mine
    """
    forget_table(name)
    click.echo(f"removed {name} from {kept_folder()}")


@data.command(name="fetch", epilog=f"Datasets: {', '.join([*fetchable(), 'robbench'])}.")
@click.argument("datasets", metavar="[DATASET]...", nargs=-1)
@_target_option
@click.option(
    "--url", metavar="URL", show_default="ROBUSTNAS_URL, else GitHub", help="A mirror in the published layout."
)
def fetch_(datasets: tuple[str, ...], data: Path | None, url: str | None) -> None:
    """Download the accuracies of datasets and check their SHA-256.

    Without a DATASET, all of the robustness database are fetched. Files that are already there and right are not
    downloaded again. robbench is NAS-RobBench-201, networks trained adversarially, as the datasets robbench-cifar10,
    robbench-cifar100 and robbench-ImageNet16-120; they come together.

    \b
    Example:
      robustnas data fetch cifar10
      robustnas data fetch robbench
    """
    target = (data or user_folder()).expanduser()
    published = tuple(name for name in datasets if not is_robbench(name))
    if published or not datasets:
        files = fetch(published, target, url, progress=not is_quiet())
        database = Database.open(target)
        click.echo(f"{len(files)} files are in {database.folder}, as published: {', '.join(database)}")
    if len(published) < len(datasets):
        found = fetch_robbench(target, url)
        there = [f"NAS-RobBench-201 is in {target} already, as published"]
        for line in there if found is None else _import_lines(found):
            click.echo(line)
    _warn_if_hidden(target.absolute())


@data.command()
@data_option()
@click.option("--own", is_flag=True, help="Accept files of your own, which differ from the published ones.")
def verify(data: Path | None, own: bool) -> None:
    """Read and check every file again.

    Checks the values, their copy in the cache and the published SHA-256.

    \b
    Example:
      robustnas data verify --data ~/robustness-data
    """
    database = Database.open(data)
    database.verify()
    files, sums = database.files.known, published_sums()
    known = [path for path in files if path in sums]
    other = [path for path in known if sums[path] != files[path].sha256]
    if other and not own:
        advice = "delete them and run `robustnas data fetch`, or pass --own if these are files of your own"
        raise DataError(f"{database.folder}: not as published, though readable: {', '.join(other)}; {advice}")
    n_same = len(known) - len(other)
    n_files = len(files) + len(database.imported)
    click.echo(f"{n_files} files in {database.folder} are sound; {n_same} of them match their published SHA-256")
    for file in database.imported.values():
        click.echo(f"  {file.dataset}: imported from {file.source}, whose SHA-256 is {file.sha256}")


for command in (attach, attached, detach):
    data.add_command(command)


def _keep(
    source: Path, space: str, name: str | None, key: str | None, duplicates: str, data: Path | None, replace: bool
) -> None:
    """Keep a table of the user's own, and say what it holds."""
    if data is not None:
        raise InvalidInputError(f"--data is the database's folder; tables over a space are kept in {kept_folder()}")
    taken = {*DATASETS, *published_names(find_folder()[0])}
    kept, table = keep_table(source, space, name, key=key, duplicates=duplicates, replace_other=replace, taken=taken)
    n_networks, metrics = f"{table.space.n_networks:,} networks", ", ".join(map(str, table.metrics))
    click.echo(fitted(f"{kept.name}: {n_networks} over {kept.space}, from {kept.source}: {metrics}"))
    for note in table.notes:
        click.echo(fitted(f"note: {note}"))


def _import_lines(result: Import) -> list[str]:
    """Return what an import did, in sentences: how many files of what, then what else there is to know."""
    n_new, n_other, n_same = (sum(p != META for p in ps) for ps in (result.added, result.replaced, result.same))
    parts = [f"imported {n_new + n_other} {'file' if n_new + n_other == 1 else 'files'}"]
    if n_other:
        parts.append(f"{n_other} of which replaced others")
    if n_same:
        parts.append(f"{n_same} were already there with the same content")
    datasets = ", ".join(result.database)
    return [f"{', '.join(parts)}; {result.database.folder} holds {datasets}", *(f"  {note}" for note in result.notes)]


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
        "tables": {
            kept.name: {"space": kept.space, "source": kept.source} for kept in map(find_kept, kept_names()) if kept
        },
    }


def _contents(database: Database, dataset: str) -> dict[str, Any]:
    table = database[dataset]
    metrics = [str(metric) for metric in table.metrics]
    content: dict[str, Any] = {"digest": table.digest, "metrics": metrics}
    content["measures"] = {k: list(v) for k, v in table.measures.items()}
    if table.training:
        content["training"] = table.training
    if table.imported:
        content["imported"] = table.imported.summary()
    return content


def _text(report: dict[str, Any]) -> str:
    there = "" if report["found"] else "none in "
    lines = [f"database  {there}{report['folder']}  ({report['named_by']})"]
    for name, value in report["looked_in"].items():
        lines.append(f"  looked for by {name}: {value or 'not set'}")
    lines.append(f"cache     {report['cache']['directory']}  ({report['cache']['bytes'] / 1e6:.1f} MB)")
    if not report["found"]:
        lines.append("robustnas data fetch gets it; cifar10-surrogate and cifar100-surrogate can be searched without")
    for name, kept in report["tables"].items():
        lines.append(f"{name}: a table of your own, from {kept['source']}, over {kept['space']}")
    for dataset, contents in report["datasets"].items():
        lines.append(f"{dataset}: {len(contents['metrics'])} metrics, digest {contents['digest'][:16]}")
        lines += [f"  {measure}: {', '.join(keys)}" for measure, keys in contents["measures"].items()]
        lines += _imported_lines(contents)
    return "\n".join(lines)


def _imported_lines(contents: Mapping[str, Any]) -> list[str]:
    """Return what is known of the imported file of a dataset, in words; [] if it has none."""
    found = contents.get("imported")
    if not found:
        return []
    lines = [f"  {contents['training']}"] if contents.get("training") else []
    lines.append(f"  imported from {found['source']}: {found['n_networks']:,} networks")
    if found["noise"]:
        noise = ", ".join(f"{name} {100 * std:.2f}" for name, (std, _) in found["noise"].items())
        lines.append(f"  noise of the means between seeds, in points: {noise}")
    return lines


def _warn_if_hidden(folder: Path) -> None:
    """Say so if another folder is looked at first."""
    first, origin = find_folder()
    if first.absolute() != folder:
        say(f"note: data is looked for in {first} first ({origin}); use --data {folder}")
