"""Results in a terminal, laid out to its width; in a file or a pipe, the same results as lines that scripts can read.

>>> from experiments.pages.table import Entry, Row
>>> rows = tuple(Row(f"{name} (%)", (Entry("gp"), Entry("94.60", "0.02"), Entry("8"))) for name in ("clean", "PGD"))
>>> print(click.unstyle(plain(ReportTable("Best so far", ("searcher", "n = 300", "seeds"), rows, "Mean ± std."), 30)))
searcher       n = 300  seeds
─────────────────────────────
clean (%)
gp        94.60 ± 0.02      8
<BLANKLINE>
PGD (%)
gp        94.60 ± 0.02      8
<BLANKLINE>
Mean ± std.
"""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Iterator, Sequence

import click
from rich.cells import cell_len, chop_cells

from experiments.pages.table import Entry, ReportTable, markdown

_GAP, _LEAST_WIDTH, _LEAST_NAMES = "  ", 30, 12


def terminal_width() -> int | None:
    """Return the width of the terminal that results are printed to; None where that is a file or a pipe."""
    return max(shutil.get_terminal_size().columns, _LEAST_WIDTH) if sys.stdout.isatty() else None


def written(table: ReportTable) -> str:
    """Return a table as it is printed: as `plain` in a terminal, as Markdown elsewhere."""
    width = terminal_width()
    return markdown(table).removesuffix("\n") if width is None else plain(table, width)


def fitted(text: str, indent: int = 2) -> str:
    """Return text whose lines fit the terminal; as it is where there is none.

    Args:
        text: Lines.
        indent: Spaces before what a line is continued with, besides its own.
    """
    width = terminal_width()
    return text if width is None else "\n".join(filled(line, width, indent) for line in text.split("\n"))


def filled(line: str, width: int, indent: int = 2) -> str:
    """Return a line as several of a width; words that are longer, such as architectures, stay whole.

    >>> print(filled("  looked for by ROBUSTNAS_DATA: not set", 24))
      looked for by
        ROBUSTNAS_DATA: not
        set
    """
    if cell_len(line) <= width:
        return line
    own = " " * (len(line) - len(line.lstrip()))
    words = textwrap.TextWrapper(
        width, initial_indent=own, subsequent_indent=own + " " * indent, break_long_words=False, break_on_hyphens=False
    )
    return "\n".join(words.wrap(line.lstrip()))


def plain(table: ReportTable, width: int) -> str:
    """Return a table of a width: groups below each other, the best in bold, columns that do not fit in a next part."""
    texts = [[entry.plain for entry in row.entries] for row in table.rows]
    widths = [max(map(cell_len, column)) for column in zip(table.columns, *texts, strict=True)]
    widest = max(widths[1:], default=0)
    widths[0] = min(widths[0], max(width - len(_GAP) - widest, _LEAST_NAMES))
    parts = ["\n".join(_part(table, columns, widths, width)) for columns in _columns_that_fit(widths, width)]
    return "\n\n".join([*parts, *([_paragraph(table.note, width)] if table.note else [])])


def _columns_that_fit(widths: Sequence[int], width: int) -> Iterator[list[int]]:
    """Yield the columns of numbers that fit beside the names, as many at a time as do, at least one."""
    columns: list[int] = []
    for column in range(1, len(widths)):
        if columns and widths[0] + sum(len(_GAP) + widths[i] for i in [*columns, column]) > width:
            yield columns
            columns = []
        columns.append(column)
    yield columns


def _part(table: ReportTable, columns: Sequence[int], widths: Sequence[int], width: int) -> Iterator[str]:
    """Yield the lines of the names and some columns."""
    heads = [Entry(table.columns[i]) for i in (0, *columns)]
    yield from _row(heads, columns, widths)
    yield "─" * (widths[0] + sum(len(_GAP) + widths[i] for i in columns))
    for number, (group, rows) in enumerate(table.groups):
        if number:
            yield ""
        if group:
            yield click.style(filled(group, width), underline=True)
        for row in rows:
            yield from _row([row.entries[i] for i in (0, *columns)], columns, widths)


def _row(entries: Sequence[Entry], columns: Sequence[int], widths: Sequence[int]) -> Iterator[str]:
    """Yield a row; of a long name, what is left of it in further lines."""
    name, *rest = chop_cells(entries[0].plain, widths[0]) or [""]
    numbers = [_styled(entry, widths[i]) for entry, i in zip(entries[1:], columns, strict=True)]
    yield _GAP.join([_padded(name, widths[0]), *numbers])
    yield from rest


def _styled(entry: Entry, width: int) -> str:
    spaces = " " * (width - cell_len(entry.plain))
    return spaces + (click.style(entry.plain, bold=True) if entry.best else entry.plain)


def _padded(text: str, width: int) -> str:
    return text + " " * (width - cell_len(text))


def _paragraph(text: str, width: int) -> str:
    return "\n".join(filled(line, width, 0) for line in text.split("\n"))


def tabulated(head: str, cells: Sequence[str], width: int | None, gap: str = "   ") -> list[str]:
    """Return short texts behind a head in lines of a width, below each other in columns; in one line without a width.

    >>> tabulated("pgd ", ["@0.5 62.0", "@1 33.6", "@2 6.2"], 27)
    ['pgd @0.5 62.0   @1 33.6', '    @2 6.2']
    >>> tabulated("pgd ", ["@0.5 62.0", "@1 33.6", "@2 6.2"], None)
    ['pgd @0.5 62.0   @1 33.6   @2 6.2']
    """
    if width is None:
        return [head + gap.join(cells)]
    each = max(map(cell_len, cells), default=0)
    n = max((width - cell_len(head) + len(gap)) // (each + len(gap)), 1)
    rows = [cells[i : i + n] for i in range(0, len(cells), n)] or [[]]
    lines = [gap.join(_padded(cell, each) for cell in row).rstrip() for row in rows]
    return [head + lines[0], *(" " * cell_len(head) + line for line in lines[1:])]
