"""``robustnas proxies``: training-free measures of architectures."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from experiments.commands.options import fail, json_option, print_json
from robustnas.errors import InvalidInputError

if TYPE_CHECKING:
    from robustnas.evaluator.proxies import SweepSettings
    from robustnas.spaces.nasbench201.cell import Cell
    from robustnas.tables.attached.attached import AttachedTable

_DEFAULT = "synflow,snip,nwot,jacov,zen,params,flops,jacobian_norm,hessian"
_TABLE_FILES = (".csv", ".tsv", ".parquet", ".json")


@click.command()
@click.argument("archs", metavar="[ARCH]...", nargs=-1)
@click.option("--measures", default=_DEFAULT, show_default=True, metavar="NAMES", help="Separated by commas, or all.")
@click.option(
    "--images",
    default="random",
    show_default=True,
    metavar="NAME|PATH",
    help="Gaussian noise (random), images by name (digits, cifar10, ...) or a path.",
)
@click.option("--image-size", type=int, help="Height and width of random images.  [default: 16]")
@click.option("--classes", type=int, help="Classes of random images.  [default: 120]")
@click.option("--cells", metavar="WHICH", help="all, networks (6,466), a number to draw, or a file of architectures.")
@click.option("--channels", default=16, show_default=True, help="Width of the first stage.")
@click.option("--n-cells", default=5, show_default=True, help="Cells per stage.")
@click.option("--batch-size", default=64, show_default=True, help="Images.")
@click.option("--seed", default=0, show_default=True, help="Fixes weights, images and sampled cells.")
@click.option("--workers", type=int, help="Processes.  [default: as many as processors]")
@click.option("--device", default="auto", show_default=True, help="cpu, cuda, cuda:1, or auto.")
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE.csv", help="A file to append to and go on with.")
@click.option("--attach", metavar="N", help="Attach the file: its columns are N.<measure> in objectives.")
@click.option("--dataset", default="cifar10", show_default=True, help="Dataset to attach it to.")
@json_option
def proxies(
    archs: tuple[str, ...],
    measures: str,
    images: str,
    image_size: int | None,
    classes: int | None,
    cells: str | None,
    channels: int,
    n_cells: int,
    batch_size: int,
    seed: int,
    workers: int | None,
    device: str,
    out: Path | None,
    attach: str | None,
    dataset: str,
    as_json: bool,
) -> None:
    """Compute training-free measures of the networks ARCH, or of many cells.

    The networks are freshly initialised; nothing is trained. With --out, scores are appended to a CSV as they come,
    and the same command goes on where it was stopped.

    \b
    Example:
      robustnas proxies '#13433' '#81' --measures synflow,nwot --images digits
      robustnas proxies --cells networks --measures synflow,nwot,jacobian_norm --out proxies.csv --attach proxies
    """
    chosen = _chosen_cells(archs, cells, seed)
    if out is None and (cells or attach):
        raise InvalidInputError("--cells and --attach need a file for the scores; add --out FILE.csv")
    from robustnas.evaluator.proxies import SweepSettings, open_batch
    from robustnas.evaluator.proxies.registry import checked_names

    names = checked_names(measures)
    batch = open_batch(images, batch_size, seed, size=image_size, n_classes=classes)
    settings = SweepSettings(batch, names, channels, n_cells, seed, device)
    if out is None:
        _show(settings, chosen, as_json)
    else:
        _sweep(settings, chosen, out, workers)
        _report(settings, chosen, out, _attached(out, dataset, attach), as_json)


def _chosen_cells(archs: Sequence[str], which: str | None, seed: int) -> list[Cell]:
    """Return the cells that arguments or --cells name."""
    import numpy as np

    from robustnas.checks import whole_number
    from robustnas.spaces.nasbench201 import space
    from robustnas.spaces.nasbench201.cell import Cell
    from robustnas.spaces.nasbench201.numbering import N_CELLS

    if bool(archs) == bool(which):
        raise InvalidInputError("expected either architectures or --cells (all, networks, a number or a file)")
    if which is None:
        return [Cell.parse(arch) for arch in archs]
    if which == "all":
        return [Cell.from_index(index) for index in range(N_CELLS)]
    if which == "networks":
        return [Cell.from_index(index) for index in space.network_indices().tolist()]
    if which.isascii() and which.isdigit():
        n = whole_number("cells", int(which), at_least=1, at_most=N_CELLS)
        drawn = np.random.default_rng(seed).permutation(N_CELLS)[:n]  # a larger sample holds the smaller one
        return [Cell.from_index(index) for index in drawn.tolist()]
    return _cells_of_file(Path(which))


def _cells_of_file(path: Path) -> list[Cell]:
    """Return the cells of a table with numbers, or of a text with an architecture on each line."""
    import numpy as np

    from robustnas.errors import DataError, NotationError
    from robustnas.spaces.nasbench201.cell import Cell
    from robustnas.tables.attached.columns import read_columns
    from robustnas.tables.attached.sheet import read_bytes, read_sheet

    content = read_bytes(path)
    if path.suffix.lower() in _TABLE_FILES:
        columns = read_columns(read_sheet(path, content, "cifar10")).columns
        known = np.any([np.isfinite(values) for values in columns.values()], axis=0)
        return [Cell.from_index(index) for index in np.flatnonzero(known).tolist()]
    cells = []
    for number, line in enumerate(content.decode("utf-8", errors="replace").splitlines(), start=1):
        try:
            if line.strip():
                cells.append(Cell.parse(line))
        except NotationError as error:
            raise DataError(f"{path}, line {number}: {error}") from None
    if not cells:
        raise DataError(f"{path}: names no architecture; expected one on each line")
    return cells


def _sweep(settings: SweepSettings, cells: Sequence[Cell], out: Path, workers: int | None) -> None:
    from robustnas.evaluator.proxies import sweep

    try:
        with _progress(len(set(cells))) as show:
            for done, scored in sweep(cells, settings, out, workers=workers):
                show(done, new=scored is not None)
    except KeyboardInterrupt:
        fail(f"interrupted; finished cells are kept in {out}: run the same command to go on", code=1)


@contextmanager
def _progress(total: int) -> Iterator[Any]:
    """Show cells finished."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not sys.stderr.isatty()) as bars:
        task = bars.add_task("cells", total=total)

        def show(done: int, *, new: bool) -> None:
            bars.update(task, completed=done)
            if not new and done:
                bars.console.print(f"{done} of {total} cells are already there")

        yield show


def _attached(out: Path, dataset: str, name: str | None) -> AttachedTable | None:
    if name is None:
        return None
    from robustnas.tables.attached.attached import attach

    return attach(out, dataset, name)


def _report(
    settings: SweepSettings, cells: Sequence[Cell], out: Path, table: AttachedTable | None, as_json: bool
) -> None:
    summary = {"out": str(out), "n_cells": len(set(cells)), "settings": settings.summary()}
    if as_json:
        print_json({**summary, "attached": table.summary() if table else None})
        return
    click.echo(f"{summary['n_cells']:,} cells in {out}")
    if table:
        click.echo(f"attached to {table.dataset} as {', '.join(f'{table.name}.{name}' for name in table.known)}")


def _show(settings: SweepSettings, cells: Sequence[Cell], as_json: bool) -> None:
    found = [settings.scores(cell) for cell in cells]
    if as_json:
        rows = [{"arch": cell.arch, "scores": scores} for cell, scores in found]
        print_json({"cells": rows, "settings": settings.summary()})
    else:
        click.echo(_text(settings.names, found))


def _text(names: Sequence[str], found: Sequence[tuple[Cell, dict[str, float]]]) -> str:
    """Return a table: a measure on each line, a cell in each column."""
    from robustnas.evaluator.proxies import PROXIES

    lines = [f"#{cell.database_id} is {cell}" for cell, _ in found]
    heads = ["measure", *(f"#{cell.database_id}" for cell, _ in found), ""]
    rows = [[name, *(_number(scores[name]) for _, scores in found), PROXIES[name].title] for name in names]
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    for first, *numbers, title in [heads, *rows]:
        cells = [f"{text:>{width}}" for text, width in zip(numbers, widths[1:-1], strict=True)]
        lines.append("  ".join([f"{first:<{widths[0]}}", *cells, title]).rstrip())
    return "\n".join(["\n".join(lines[: len(found)]), "", *lines[len(found) :]])


def _number(score: float) -> str:
    return f"{score:,.0f}" if score.is_integer() and abs(score) >= 1000 else f"{score:.6g}"
