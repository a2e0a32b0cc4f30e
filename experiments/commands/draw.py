"""``robustnas draw``: a cell as an SVG."""

from __future__ import annotations

from pathlib import Path

import click

from experiments.commands.options import note_reading
from robustnas.errors import InvalidInputError, excerpt
from robustnas.spaces.nasbench201.cell import Cell
from robustnas.spaces.nasbench201.drawing import cell_svg


@click.command()
@click.argument("arch")
@click.option("--out", default="-", show_default=True, metavar="FILE", help="File to write, ending in .svg; - prints.")
@click.option("--title", help="Caption.  [default: the arch string]")
def draw(arch: str, out: str, title: str | None) -> None:
    """Draw the cell ARCH as an SVG.

    ARCH is in any notation that `robustnas query --help` describes.

    \b
    Example:
      robustnas draw '#13433' --out cell.svg
    """
    if out != "-" and not out.lower().endswith(".svg"):
        raise InvalidInputError(f"--out is {excerpt(out)}; expected a file name ending in .svg, as in cell.svg")
    cell = Cell.parse(arch)
    note_reading(arch)
    svg = cell_svg(cell, title)
    if out == "-":
        click.echo(svg, nl=False)
    else:
        Path(out).write_text(svg, encoding="utf-8")
