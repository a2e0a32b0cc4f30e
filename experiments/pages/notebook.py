"""Reports, tables and figures in notebooks: a page in a frame of its own, the rest as HTML that restyles nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.pages.table import ReportTable
from robustnas.display import html_table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_DOTS = 200  # per inch, as `figure_style.render` draws


@dataclass(frozen=True)
class Report:
    """A report that was written: in a notebook, it is shown in a frame, so that its style stays in it.

    Args:
        path: Where it is.
        html: The page.
    """

    path: Path
    html: str = field(repr=False)

    @classmethod
    def read(cls, path: Path) -> Report:
        """Read a page that was written."""
        return cls(path, path.read_text(encoding="utf-8"))

    def __str__(self) -> str:
        return str(self.path)

    def _repr_html_(self) -> str:
        frame = "width: 100%; height: 40rem; border: 1px solid color-mix(in srgb, currentColor 24%, transparent)"
        resized = "resize: vertical; overflow: hidden; max-width: 100%"
        page = f'<iframe srcdoc="{escape(self.html)}" title="report" style="{frame}; {resized}"></iframe>'
        return f"<div>{page}<p><code>{escape(str(self.path))}</code></p></div>"


@dataclass(frozen=True)
class Drawing:
    """A figure, as notebooks show it.

    Args:
        figure: The figure, of matplotlib.
    """

    figure: Figure

    def save(self, path: str | Path) -> Path:
        """Write it as PNG, PDF or SVG, as the path ends, and return the path."""
        from experiments.pages.figure_style import FORMATS, render
        from robustnas.errors import InvalidInputError

        target = Path(path)
        if target.suffix[1:] not in FORMATS:
            raise InvalidInputError(f"{target} does not end in one of .{', .'.join(FORMATS)}")
        target.write_bytes(render(self.figure, target.suffix[1:]))
        return target

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        from experiments.pages.figure_style import render

        content = render(self.figure, "png")
        return content, {"width": round(96 * self.figure.get_figwidth() * 1.25)}


def tables_html(tables: Iterable[ReportTable]) -> str:
    """Return tables of a report as HTML, each with its caption and its note."""
    return "".join(_table_html(table) for table in tables if table.rows)


def _table_html(table: ReportTable) -> str:
    rows: list[list[str]] = []
    for group, members in table.groups:
        if group:
            rows.append([f"<em>{escape(group)}</em>", *[""] * (len(table.columns) - 1)])
        for row in members:
            texts = [f"<b>{escape(entry.plain)}</b>" if entry.best else escape(entry.plain) for entry in row.entries]
            rows.append(texts)
    note = f'<p class="rn-note">{escape(table.note)}</p>' if table.note else ""
    caption = f'<p class="rn-note">{escape(table.caption)}</p>'
    return f"{caption}{html_table(table.columns, rows)}{note}"
