"""``robustnas draw``: an architecture as an SVG."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from experiments.commands.options import dataset_option, note_reading, space_option
from robustnas.errors import DataError, InvalidInputError, excerpt
from robustnas.spaces import EnumerableSpace, open_space
from robustnas.spaces.choice_drawing import choices_svg
from robustnas.spaces.nasbench201.cell import Cell
from robustnas.spaces.nasbench201.drawing import cell_svg
from robustnas.tables.datasets import open_table, space_of


@click.command()
@click.argument("arch")
@click.option("--out", default="-", show_default=True, metavar="FILE", help="File to write, ending in .svg; - prints.")
@click.option("--title", help="Caption.  [default: the architecture]")
@space_option("Search space of ARCH.")
@dataset_option("Dataset whose search space ARCH is in, instead of --space.", show_default=False)
def draw(arch: str, out: str, title: str | None, space: str | None, dataset: str | None) -> None:
    """Draw the architecture ARCH as an SVG.

    ARCH is a cell in any notation that `robustnas query --help` describes; or, in another search space, an option for
    each choice, such as depth=4,width=16.

    \b
    Example:
      robustnas draw '#13433' --out cell.svg
      robustnas draw depth=4,width=16 --space my_spaces.py:MySpace --out network.svg
    """
    if out != "-" and not out.lower().endswith(".svg"):
        raise InvalidInputError(f"--out is {excerpt(out)}; expected a file name ending in .svg, as in cell.svg")
    svg = _svg(arch, _space(space, dataset), title)
    if out == "-":
        click.echo(svg, nl=False)
        return
    try:
        Path(out).write_text(svg, encoding="utf-8")
    except OSError as error:
        raise DataError(f"cannot write {out}: {error.strerror or error}") from None


def _space(space: str | None, dataset: str | None) -> EnumerableSpace[Any]:
    if space is not None and dataset is not None:
        raise InvalidInputError("--space and --dataset are given; expected one of them")
    if dataset is None:
        return open_space() if space is None else open_space(space)
    return space_of(dataset) or open_table(dataset).space


def _svg(arch: str, space: EnumerableSpace[Any], title: str | None) -> str:
    architecture = space.parse(arch)
    if isinstance(architecture, Cell):
        note_reading(arch)
        return cell_svg(architecture, title)
    return choices_svg(space.choices_of(architecture), str(architecture) if title is None else title)
