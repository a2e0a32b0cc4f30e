"""``robustnas proxies``: training-free measures of architectures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import numpy as np

from experiments.commands.evaluation_options import device_option, torch_needed
from experiments.commands.executor_option import executor_option
from experiments.commands.interruptions import interruptible
from experiments.commands.names_option import names_option
from experiments.commands.options import (
    SEVERAL,
    dataset_option,
    json_option,
    note_reading,
    out_option,
    print_json,
    published_datasets,
    seed_option,
    space_option,
)
from experiments.progress import progress_bars
from robustnas.checks import written_number
from robustnas.errors import DataError, InvalidInputError, NotationError
from robustnas.evaluator.evaluation_settings import check_sizes
from robustnas.evaluator.proxies import PROXIES, SweepSettings, open_batch, sweep
from robustnas.evaluator.proxies.registry import checked_names
from robustnas.executors import ExecutorSpec, chosen_executor
from robustnas.spaces import DEFAULT_SPACE, EnumerableSpace, open_space, recorded_name
from robustnas.tables.attached.attached import AttachedTable
from robustnas.tables.attached.attaching import attach as attach_table
from robustnas.tables.attached.columns import read_columns
from robustnas.tables.sheets.reading import read_bytes, read_sheet
from robustnas.text_encoding import text_encoding
from robustnas.workers import checked_workers

_DEFAULT = "synflow,snip,nwot,jacov,zen,params,flops,jacobian_norm,hessian"
_TABLE_FILES = (".csv", ".tsv", ".parquet", ".json")


@click.command()
@click.argument("archs", metavar="[ARCH]...", nargs=-1)
@names_option(
    "--measures",
    names=lambda: [*PROXIES, "all"],
    separators=SEVERAL,
    default=_DEFAULT,
    metavar="NAMES",
    help="Measures, separated by commas, or all.",
)
@click.option(
    "--images",
    default="random",
    show_default=True,
    metavar="NAME|PATH",
    help="Gaussian noise (random), images by name (digits, cifar10, ...) or a path.",
)
@click.option("--image-size", type=int, show_default="16", help="Height and width of random images.")
@click.option("--classes", type=int, show_default="120", help="Classes of random images.")
@space_option("Search space of the networks.")
@click.option(
    "--cells",
    "--architectures",
    "cells",
    metavar="WHICH",
    help="all, networks (those that differ), a number to draw, or a file of architectures.",
)
@click.option("--channels", type=int, show_default="16", help="Width of the first stage.")
@click.option("--n-cells", type=int, show_default="5", help="Cells per stage.")
@click.option("--batch-size", default=64, show_default=True, help="Number of images.")
@seed_option("weights, images and sampled cells")
@click.option("--workers", type=int, show_default="one per processor", help="Workers.")
@executor_option
@device_option
@out_option("File to append scores to.", metavar="FILE.csv")
@click.option("--attach", metavar="N", help="Attach the file: its columns become N.<measure> in objectives.")
@dataset_option("Dataset to attach the file to.", default="cifar10", show_default=True, names=published_datasets)
@json_option
def proxies(
    archs: tuple[str, ...],
    measures: str,
    images: str,
    image_size: int | None,
    classes: int | None,
    space: str | None,
    cells: str | None,
    channels: int | None,
    n_cells: int | None,
    batch_size: int,
    seed: int,
    workers: int | None,
    executor: str | ExecutorSpec | None,
    device: str,
    out: Path | None,
    attach: str | None,
    dataset: str,
    as_json: bool,
) -> None:
    """Compute training-free measures of networks.

    Name the networks as ARCH or choose many with --cells. They are freshly initialised; nothing is trained, and params
    and flops are counted without torch. With --out, scores are appended to a CSV file: after an interruption, the same
    command resumes.

    \b
    Example:
      robustnas proxies '#13433' '#81' --measures synflow,nwot --images digits
      robustnas proxies depth=4,width=16 --space my_spaces.py:MySpace --images digits --measures nwot,params
      robustnas proxies --cells networks --measures synflow,nwot,jacobian_norm --out proxies.csv --attach proxies
    """
    searched = open_space(space or DEFAULT_SPACE)
    check_sizes(searched, {"channels": channels, "n_cells": n_cells})
    chosen = _chosen(archs, cells, searched, seed)
    if out is None and (cells or attach):
        raise InvalidInputError("--cells and --attach need a file for the scores; add --out FILE.csv")
    names = checked_names(measures)
    with torch_needed("; params and flops need none"):
        batch = open_batch(images, batch_size, seed, size=image_size, n_classes=classes, normalised=searched.normalised)
        sizes = (16 if channels is None else channels, 5 if n_cells is None else n_cells)
        settings = SweepSettings(batch, names, *sizes, seed, device, recorded_name(searched))
    if out is None:
        _show(settings, chosen, as_json)
    else:
        _sweep(settings, chosen, out, chosen_executor(executor, workers=checked_workers("workers", workers)))
        table = attach_table(out, dataset, attach) if attach is not None else None
        _report(settings, chosen, out, table, as_json)


def _chosen(archs: Sequence[str], which: str | None, space: EnumerableSpace[Any], seed: int) -> list[Any]:
    """Return the architectures that arguments or --cells name."""
    if bool(archs) == bool(which):
        raise InvalidInputError("expected either architectures or --cells (all, networks, a number or a file)")
    if which is None:
        if space.name == DEFAULT_SPACE:
            note_reading(*archs)
        return [space.parse(arch) for arch in archs]
    if which == "all":
        return [space.architecture(index) for index in space.members().tolist()]
    if which == "networks":
        return [space.architecture(index) for index in space.network_indices().tolist()]
    if which.isascii() and which.isdigit():
        members = space.members()
        n = written_number("cells", which, at_least=1, at_most=len(members))
        drawn = np.random.default_rng(seed).permutation(members)[:n]  # a larger sample holds the smaller one
        return [space.architecture(index) for index in drawn.tolist()]
    return _of_file(Path(which), space)


def _of_file(path: Path, space: EnumerableSpace[Any]) -> list[Any]:
    """Return the architectures of a table with numbers, or of a text with one on each line."""
    content = read_bytes(path)
    if path.suffix.lower() in _TABLE_FILES:
        columns = read_columns(read_sheet(path, content, "cifar10"), space=space).columns
        known = np.any([np.isfinite(values) for values in columns.values()], axis=0)
        return [space.architecture(index) for index in np.flatnonzero(known).tolist()]
    found = []
    for number, line in enumerate(content.decode(text_encoding(content), errors="replace").splitlines(), start=1):
        try:
            if line.strip():
                found.append(space.parse(line))
        except NotationError as error:
            raise DataError(f"{path}, line {number}: {error}") from None
    if not found:
        raise DataError(f"{path}: names no architecture; expected one on each line")
    return found


def _sweep(settings: SweepSettings, cells: Sequence[Any], out: Path, executor: ExecutorSpec) -> None:
    with (
        interruptible(f"finished cells are kept in {out}: run the same command again to resume"),
        _progress(len(set(cells))) as show,
    ):
        for done, scored in sweep(cells, settings, out, executor=executor):
            show(done, new=scored is not None)


@contextmanager
def _progress(total: int) -> Iterator[Any]:
    """Show cells finished."""
    with progress_bars(counted=True) as bars:
        bar = bars.add("cells", total)

        def show(done: int, *, new: bool) -> None:
            bar.show(completed=done)
            if not new:
                bars.found(done, total, "cells")

        yield show


def _report(
    settings: SweepSettings, cells: Sequence[Any], out: Path, table: AttachedTable | None, as_json: bool
) -> None:
    summary = {"out": str(out), "n_cells": len(set(cells)), "settings": settings.summary()}
    if as_json:
        print_json({**summary, "attached": table.summary() if table else None})
        return
    click.echo(f"{summary['n_cells']:,} cells in {out}")
    if table:
        click.echo(f"attached to {table.dataset} as {', '.join(f'{table.name}.{name}' for name in table.known)}")


def _show(settings: SweepSettings, cells: Sequence[Any], as_json: bool) -> None:
    found = [settings.scores(cell) for cell in cells]
    if as_json:
        rows = [{"arch": str(cell), "scores": scores} for cell, scores in found]
        print_json({"cells": rows, "settings": settings.summary()})
    else:
        click.echo(_text(settings.names, found))


def _text(names: Sequence[str], found: Sequence[tuple[Any, dict[str, float]]]) -> str:
    """Return a table: a measure on each line, a cell in each column."""
    numbers = [f"#{getattr(cell, 'database_id', number)}" for number, (cell, _) in enumerate(found, start=1)]
    lines = [f"{name} is {cell}" for name, (cell, _) in zip(numbers, found, strict=True)]
    heads = ["measure", *numbers, ""]
    rows = [[name, *(_number(scores[name]) for _, scores in found), PROXIES[name].title] for name in names]
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    for first, *shown, title in [heads, *rows]:
        cells = [f"{text:>{width}}" for text, width in zip(shown, widths[1:-1], strict=True)]
        lines.append("  ".join([f"{first:<{widths[0]}}", *cells, title]).rstrip())
    return "\n".join(["\n".join(lines[: len(found)]), "", *lines[len(found) :]])


def _number(score: float) -> str:
    return f"{score:,.0f}" if score.is_integer() and abs(score) >= 1000 else f"{score:.6g}"
