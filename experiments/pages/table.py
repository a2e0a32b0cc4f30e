"""Tables of a report, built once and written as Markdown (for the terminal too), LaTeX and CSV.

>>> entry = Entry("94.59", "0.03", best=True)
>>> table = ReportTable("Clean accuracy", ("searcher", "after 300"), (Row("", (Entry("evolution"), entry)),))
>>> print(markdown(table), end="")
| searcher  |        after 300 |
| :-------- | ---------------: |
| evolution | **94.59 ± 0.03** |
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TypeVar

from rich.cells import cell_len

MARK = "†"
T = TypeVar("T")
_LARGEST_WRITTEN_OUT = 1e12


_LATEX_ESCAPES = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "–": "--",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "`": r"\textasciigrave{}",
    "[": "{[}",  # after a line break, it would begin an argument
    "]": "{]}",
    "*": "{*}",
} | {character: f"\\{character}" for character in "&%$#_{}"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One cell of a table.

    Attributes:
        text: What it says.
        spread: The standard deviation, written after ±; "" for none.
        best: Whether it is the best of its column, within its group.
        marked: Whether it differs from the best by more than the noise floor.
    """

    text: str
    spread: str = ""
    best: bool = False
    marked: bool = False

    @property
    def plain(self) -> str:
        """The text with spread and mark, without emphasis."""
        spread = f" ± {self.spread}" if self.spread else ""
        return f"{self.text}{spread}{MARK if self.marked else ''}"


@dataclass(frozen=True, slots=True)
class Row:
    """One row: the group it stands in ("" for none; neighbours of one group stand together) and its entries."""

    group: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class ReportTable:
    """A table: the first column holds words, the others numbers; `grouped` heads the groups where they are a column."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    note: str = ""
    grouped: str = "searched on"

    @property
    def groups(self) -> list[tuple[str, list[Row]]]:
        """The rows by group, in order."""
        return [(name, list(rows)) for name, rows in groupby(self.rows, key=lambda row: row.group)]


def without_constant(table: ReportTable, *columns: str) -> ReportTable:
    """Return a table without those of some columns that say the same in every row; its note then says it once.

    >>> rows = tuple(Row("", (Entry(name), Entry("8"))) for name in ("gp", "local"))
    >>> table = without_constant(ReportTable("Best so far", ("searcher", "seeds"), rows, "Mean."), "seeds")
    >>> table.columns, table.note
    (('searcher',), 'Mean. Seeds: 8.')
    """
    for name in columns:
        place = table.columns.index(name) if name in table.columns else 0
        values = {row.entries[place].plain for row in table.rows}
        if place and len(values) == 1 and len(table.rows) > 1:
            rows = tuple(replace(row, entries=_without(row.entries, place)) for row in table.rows)
            note = f"{table.note} {name[:1].upper()}{name[1:]}: {values.pop()}.".strip()
            table = replace(table, columns=_without(table.columns, place), rows=rows, note=note)
    return table


def _without(values: tuple[T, ...], place: int) -> tuple[T, ...]:
    return values[:place] + values[place + 1 :]


def number(value: float, scale: str) -> str:
    """Write a score for people: accuracies in percent, hypervolumes with four decimals, other numbers as they are.

    Those have thousands, and are in scientific notation where they are huge or tiny.

    >>> number(0.9459, "accuracy"), number(1073466, "count"), number(0.98765, "hypervolume")
    ('94.59', '1,073,466', '0.9877')
    >>> number(1.234e59, "count"), number(-2.5e-7, "count"), number(100.3712, "count")
    ('1.234e+59', '-2.5e-07', '100.4')
    """
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return f"{value}"
    if scale == "accuracy":
        return f"{100 * value:.2f}"
    if scale == "count":
        whole = _LARGEST_WRITTEN_OUT > abs(value) >= 1000 or value == 0 or (value == int(value) and abs(value) < 1000)
        return f"{value:,.0f}" if whole else f"{value:.4g}"
    return f"{value:.4f}"


def difference(value: float, scale: str) -> str:
    """Write a difference of scores, or a deviation, for people: of accuracies in points.

    >>> difference(0.0286, "accuracy"), difference(12.0, "count")
    ('2.86 points', '12')
    """
    return f"{100 * value:.2f} points" if scale == "accuracy" else number(value, scale)


def unit(scale: str) -> str:
    """Return the unit that `number` writes in: ``" %"`` for accuracies, else ``""``."""
    return " %" if scale == "accuracy" else ""


def markdown(table: ReportTable) -> str:
    """Write a table as Markdown, its columns aligned so that it reads well in a terminal too.

    What a group's name says in parentheses goes below the table.
    """
    grouped = any(row.group for row in table.rows)
    lines = [[*([table.grouped] if grouped else []), *table.columns]]
    for row in table.rows:
        short = [_escape_markdown(row.group.partition(" (")[0])] if grouped else []
        lines.append([*short, *(_bold_markdown(entry) for entry in row.entries)])
    widths = [max(cell_len(line[i]) for line in lines) for i in range(len(lines[0]))]
    n_words = 1 + grouped
    rule = [f":{'-' * (w - 1)}" if i < n_words else f"{'-' * (w - 1)}:" for i, w in enumerate(widths)]
    padded = [
        [_padded(text, w, left=i < n_words) for i, (text, w) in enumerate(zip(line, widths, strict=True))]
        for line in lines
    ]
    facts = [f"- {group.replace(' (', ': ', 1).removesuffix(')')}" for group, _ in table.groups if " (" in group]
    below = [block for block in (table.note, "\n".join(facts)) if block]
    return (
        "\n".join([_markdown_line(line) for line in (padded[0], rule, *padded[1:])] + [f"\n{b}" for b in below]) + "\n"
    )


def latex(table: ReportTable, label: str) -> str:
    """Write a table as a LaTeX float for the package booktabs.

    Args:
        table: The table.
        label: What ``\\ref`` names it by, after ``tab:``.
    """
    lines = [
        r"\begin{table}[t]",
        r"  \centering",
        rf"  \caption{{{_latex_caption(table)}}}",
        rf"  \label{{tab:{label}}}",
    ]
    lines += [rf"  \begin{{tabular}}{{l{'r' * (len(table.columns) - 1)}}}", r"    \toprule"]
    lines.append(_latex_line(_escape_latex(column) for column in table.columns))
    for group, rows in table.groups:
        lines.append(r"    \midrule")
        if group:
            lines.append(rf"    \multicolumn{{{len(table.columns)}}}{{l}}{{\emph{{{_escape_latex(group)}}}}} \\")
        lines += [_latex_line(_latex_entry(entry) for entry in row.entries) for row in rows]
    lines += [r"    \bottomrule", r"  \end{tabular}", r"\end{table}", ""]
    return "\n".join(lines)


def to_csv(table: ReportTable) -> str:
    """Write a table as CSV, as it reads: one column more for the group if there are groups."""
    grouped = any(row.group for row in table.rows)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*(["group"] if grouped else []), *table.columns])
    for row in table.rows:
        writer.writerow([*([row.group] if grouped else []), *(entry.plain for entry in row.entries)])
    return text.getvalue()


def _padded(text: str, width: int, *, left: bool) -> str:
    """Return a text with the spaces that fill a column of a terminal, where Chinese characters take two places."""
    spaces = " " * (width - cell_len(text))
    return f"{text}{spaces}" if left else f"{spaces}{text}"


def _markdown_line(texts: Iterable[str]) -> str:
    return f"| {' | '.join(texts)} |"


def _escape_markdown(text: str) -> str:
    return re.sub(r"([|*_`<>\[\]~\\]|&(?=#?\w+;))", r"\\\1", text)


def _bold_markdown(entry: Entry) -> str:
    text = _escape_markdown(entry.plain)
    return f"**{text}**" if entry.best else text


def _latex_caption(table: ReportTable) -> str:
    note = f" {table.note}" if table.note else ""
    return _escape_latex(f"{table.caption}.{note}").replace("±", r"$\pm$").replace(MARK, r"$^\dagger$")


def _latex_line(texts: Iterable[str]) -> str:
    return f"    {' & '.join(texts)} \\\\"


def _latex_entry(entry: Entry) -> str:
    text = _escape_latex(entry.text)
    text = rf"\textbf{{{text}}}" if entry.best else text
    spread = rf" {{\scriptsize $\pm$ {_escape_latex(entry.spread)}}}" if entry.spread else ""
    return f"{text}{spread}{'$^' + chr(92) + 'dagger$' if entry.marked else ''}"


def _escape_latex(text: str) -> str:
    return "".join(_LATEX_ESCAPES.get(character, character) for character in text)
