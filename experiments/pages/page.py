"""Pages: what the report pages share, from tables and figures as files to one self-contained HTML page.

The same content gives the same files, byte for byte; each file appears whole or not at all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments.pages.palette import DARK, LIGHT, css_variables, with_variables
from experiments.pages.table import MARK, ReportTable, latex, markdown, to_csv
from robustnas.atomic import atomic_file

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_TEMPLATES = Path(__file__).parent / "templates"
TABLE_FORMATS = ("md", "tex", "csv")
FIGURE_FORMATS = ("png", "pdf")


def write_tables(folder: Path, shown: Mapping[str, ReportTable]) -> None:
    """Write every table as Markdown, LaTeX and CSV, in files by its name."""
    for name, table in shown.items():
        write_file(folder / f"{name}.md", markdown(table))
        write_file(folder / f"{name}.tex", latex(table, name.replace("_", "-")))
        write_file(folder / f"{name}.csv", to_csv(table))


def write_figures(
    folder: Path, drawn: Mapping[str, Figure | None], progress: Callable[[str, float], None] | None = None
) -> dict[str, str]:
    """Write every figure as PNG and PDF and return it as SVG elements, by name: one, and one more for narrow pages.

    A figure that is None could not be drawn: it has no entry, and an older file of its name is removed.

    Args:
        folder: Of the files.
        drawn: Figures; their panels may stand below each other afterwards.
        progress: Called with what is being done, and the share of it that is done.
    """
    from experiments.pages.figure_style import TEXT_WIDTH, render
    from experiments.pages.panels import stack

    elements = {}
    for i, (name, figure) in enumerate(drawn.items()):
        if progress is not None:
            progress(f"figure: {name.replace('_', ' ')}", i / len(drawn))
        for file_format in FIGURE_FORMATS:
            path = folder / f"{name}.{file_format}"
            if figure is None:
                path.unlink(missing_ok=True)
            else:
                write_file(path, render(figure, file_format))
        if figure is not None:
            share = figure.get_figwidth() / TEXT_WIDTH
            wide = render(figure, "svg").decode()
            if stack(figure):  # drawn again for narrow pages: the style shows one of the two
                narrow = _inline(render(figure, "svg").decode(), f"{name}-narrow", "narrow", 1.0)
                elements[name] = _inline(wide, name, "wide", share) + narrow
            else:
                elements[name] = _inline(wide, name, "", share)
    return elements


def noted_glyphs(figures: Iterable[Figure | None], note: Callable[[str], None] | None = None) -> str:
    """Return what no installed font has of the characters of figures, in a sentence; and call `note` with it."""
    from experiments.pages.fonts import missing_glyphs

    missing = missing_glyphs(figures)
    if missing and note is not None:
        note(missing)
    return missing


def page(template: str, drawn: Mapping[str, str], missing: str = "", **content: Any) -> str:
    """Return a page.

    Args:
        template: The name of a file in templates/.
        drawn: SVG elements by name, as `write_figures` returns them.
        missing: What no font of the figures has, in a sentence; see `experiments.pages.fonts`.
        content: What else the template reads.
    """
    import jinja2
    from markupsafe import Markup

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    figures = {name: Markup(element) for name, element in drawn.items()}  # noqa: S704  our own drawings
    palettes = {"light": css_variables(LIGHT), "dark": css_variables(DARK)}
    return environment.get_template(template).render(
        figures=figures, missing_glyphs=missing, mark=MARK, palettes=palettes, **content
    )


def write_file(path: Path, content: str | bytes) -> None:
    """Write a file, atomically, and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(path) as file:
        file.write(content if isinstance(content, bytes) else content.encode())


def _inline(svg: str, name: str, kind: str, share: float) -> str:
    """Return an SVG document as an element of a page: ids of its own, the page's colours and font.

    A figure for a column takes no more than its share of the page's width, so that all figures have text of one size.

    Args:
        svg: The document.
        name: Distinguishes its ids from those of others.
        kind: Its class; "" for none.
        share: Of the page's width.
    """
    element = with_variables(svg[svg.index("<svg") :])
    attributes = f' class="{kind}"' if kind else ""
    if share < 1.0:
        attributes += f' style="max-width: {100 * share:.1f}%"'
    element = element.replace("<svg", f"<svg{attributes}", 1)
    element = re.sub(r"<metadata>.*?</metadata>\s*", "", element, flags=re.DOTALL)
    element = re.sub(r"font-family: [^;\"]*;? ?", "", element)
    element = re.sub(r'\bid="', f'id="{name}-', element)
    return re.sub(r'((?:xlink:)?href="|url\()#', rf"\1#{name}-", element)
