"""``robustnas draw``: a cell as an SVG."""

from __future__ import annotations

import click

from robustnas.errors import InvalidInputError


@click.command()
@click.argument("arch")
@click.option(
    "--out", default="-", show_default=True, metavar="FILE", help="File to write, ending in .svg; - prints it."
)
@click.option("--title", help="Caption; the arch string if not given.")
def draw(arch: str, out: str, title: str | None) -> None:
    """Draw the cell ARCH (in any notation, see `robustnas query --help`) as an SVG.

    \b
    Example:
      robustnas draw '#13433' --out cell.svg
    """
    from pathlib import Path

    from robustnas.spaces.nasbench201.cell import Cell
    from robustnas.spaces.nasbench201.drawing import cell_svg

    if out != "-" and not out.lower().endswith(".svg"):
        raise InvalidInputError(f"--out is {out!r}; expected a file name ending in .svg, as in cell.svg")
    svg = cell_svg(Cell.parse(arch), title)
    if out == "-":
        click.echo(svg, nl=False)
    else:
        Path(out).write_text(svg, encoding="utf-8")
