"""Tables of a comparison, built once and written as Markdown (for the terminal too), LaTeX and CSV.

>>> entry = Entry("94.59", "0.03", best=True)
>>> table = Table("Clean accuracy", ("searcher", "after 300"), (Row("", (Entry("evolution"), entry)),))
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
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import pandas as pd

from experiments import analysis
from experiments.records import Records, Target
from experiments.significance import Significance, p_text

MARK = "†"
NOTE = f"Mean ± standard deviation over seeds. Bold: best of the column. {MARK}: within the noise floor of it."

_LATEX_ESCAPES = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "–": "--",
    "≤": r"$\leq$",
} | {character: f"\\{character}" for character in "&%$#_{}"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One cell of a table.

    Attributes:
        text: What it says.
        spread: The standard deviation, written after ±; "" for none.
        best: Whether it is the best of its column, within its group.
        marked: Whether its difference to the best is below the noise floor.
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
class Table:
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


def summary_table(records: Records, n_queries: Sequence[int] | None = None) -> Table:
    """Return the best so far after chosen numbers of queries, grouped by objective, one row per searcher."""
    frame = analysis.summary(records, n_queries)
    points = [int(point) for point in dict.fromkeys(frame["n_queries"])]
    rows: list[Row] = []
    for objective, group in frame.groupby("objective", observed=True):
        target = records.targets[str(objective)]
        searchers = [str(name) for name in dict.fromkeys(group["searcher"])]
        columns = [group[group["n_queries"] == point] for point in points]
        entries = [_moments(column["mean"], column["std"], target) for column in columns]
        seeds = [Entry(str(n)) for n in columns[0]["n_seeds"]]
        rows += _rows(_heading(target), searchers, [*entries, seeds])
    caption = "Best so far after n distinct queries"
    return Table(caption, ("searcher", *(f"n = {point}" for point in points), "seeds"), tuple(rows), NOTE)


def cross_evaluation_table(records: Records) -> Table:
    """Return what the networks found score on every metric, in percent, grouped by the objective searched."""
    frame = analysis.cross_evaluation(records)
    metrics = [str(name) for name in dict.fromkeys(frame.columns.get_level_values(0))]
    targets = [records.metrics.get(name, Target(name, name)) for name in metrics]
    rows: list[Row] = []
    for objective, group in frame.groupby(level="objective", observed=True):
        searchers = [str(name) for name in group.index.get_level_values("searcher")]
        entries = [_moments(group[(target.name, "mean")], group[(target.name, "std")], target) for target in targets]
        rows += _rows(f"{records.targets[str(objective)].title}", searchers, entries)
    caption = "Accuracy in percent of the networks found, on every metric"
    return Table(caption, ("searcher", *(target.title for target in targets)), tuple(rows), NOTE)


def noise_floor_table(records: Records) -> Table:
    """Return the queries that it takes to come within the noise floor of the best, grouped by objective."""
    frame = analysis.queries_to_noise_floor(records)
    rows: list[Row] = []
    for objective, group in frame.groupby("objective", observed=True):
        target = records.targets[str(objective)]
        fastest = group["median"].min()
        for line in group.to_dict("records"):
            median = Entry(_queries(line["median"], records.budget), best=line["median"] == fastest < math.inf)
            quartiles = f"{_queries(line['q25'], records.budget)} to {_queries(line['q75'], records.budget)}"
            entries = (Entry(line["searcher"]), median, Entry(quartiles), Entry(f"{100 * line['share']:.0f} %"))
            rows.append(Row(_within(target), (*entries, Entry(str(line["n_seeds"])))))
    columns = ("searcher", "median queries", "quartiles", "seeds that got there", "seeds")
    return Table("Distinct queries to come within the noise floor of the best", columns, tuple(rows))


def seconds_table(records: Records) -> Table:
    """Return wall-clock seconds per run, grouped by objective."""
    rows = []
    for line in analysis.seconds(records).to_dict("records"):
        spent = (Entry(_seconds(line["mean"]), _seconds(line["std"])), Entry(str(line["n_seeds"])))
        entries = (Entry(line["searcher"]), *spent, Entry(_seconds(line["total"])))
        rows.append(Row(records.targets[line["objective"]].title, entries))
    return Table("Wall-clock seconds per run", ("searcher", "seconds", "runs", "total"), tuple(rows))


def significance_table(result: Significance, records: Records) -> Table:
    """Return the pairwise tests, grouped by objective; a difference is positive if the first is better."""
    rows = []
    for line in result.pairs.to_dict("records"):
        target = records.targets.get(line["objective"])
        difference = "–" if target is None else number(line["difference"], target.scale)
        below = MARK if line["below_noise"] else ""
        p_value = Entry(p_text(line["p_value"]), best=line["significant"])
        names = Entry(f"{line['first']} – {line['second']}")
        title = line["objective"] if target is None else target.title
        rows.append(Row(title, (names, Entry(difference + below), p_value)))
    note = f"Difference of means, positive if the first is better; {MARK}: below the noise floor. Bold: significant."
    caption = "Pairwise comparison (Wilcoxon signed-rank test, Holm-corrected)"
    return Table(caption, ("pair", "difference", "p-value"), tuple(rows), note)


def number(value: float, scale: str) -> str:
    """Write a score for people: accuracies in percent, counts with thousands, hypervolumes with four decimals.

    >>> number(0.9459, "accuracy"), number(1073466, "count"), number(0.98765, "hypervolume")
    ('94.59', '1,073,466', '0.9877')
    """
    if math.isnan(value):
        return "–"
    if scale == "accuracy":
        return f"{100 * value:.2f}"
    if scale == "count":
        return f"{value:,.0f}" if abs(value) >= 1000 or value == int(value) else f"{value:.4g}"
    return f"{value:.4f}"


def unit(scale: str) -> str:
    """Return the unit that `number` writes in: ``" %"`` for accuracies, else ``""``."""
    return " %" if scale == "accuracy" else ""


def markdown(table: Table) -> str:
    """Write a table as Markdown, its columns aligned so that it reads well in a terminal too.

    What a group's name says in parentheses goes below the table.
    """
    grouped = any(row.group for row in table.rows)
    lines = [[*([table.grouped] if grouped else []), *table.columns]]
    for row in table.rows:
        short = [_escape_markdown(row.group.partition(" (")[0])] if grouped else []
        lines.append([*short, *(_bold_markdown(entry) for entry in row.entries)])
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    n_words = 1 + grouped
    rule = [f":{'-' * (w - 1)}" if i < n_words else f"{'-' * (w - 1)}:" for i, w in enumerate(widths)]
    padded = [
        [text.ljust(w) if i < n_words else text.rjust(w) for i, (text, w) in enumerate(zip(line, widths, strict=True))]
        for line in lines
    ]
    facts = [f"- {group.replace(' (', ': ', 1).removesuffix(')')}" for group, _ in table.groups if " (" in group]
    below = [block for block in (table.note, "\n".join(facts)) if block]
    return (
        "\n".join([_markdown_line(line) for line in (padded[0], rule, *padded[1:])] + [f"\n{b}" for b in below]) + "\n"
    )


def latex(table: Table, label: str) -> str:
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


def to_csv(table: Table) -> str:
    """Write a table as CSV, as it reads: one column more for the group if there are groups."""
    grouped = any(row.group for row in table.rows)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*(["group"] if grouped else []), *table.columns])
    for row in table.rows:
        writer.writerow([*([row.group] if grouped else []), *(entry.plain for entry in row.entries)])
    return text.getvalue()


def terminal_table(records: Records) -> str:
    """Write the summary for a terminal, as Markdown."""
    return markdown(marked(summary_table(records), records))


def marked(table: Table, records: Records) -> Table:
    """Return a table whose note says so where the numbers are no measurements; else the table itself."""
    source, dataset = records.manifest["source"], records.manifest["dataset"]
    if source == "table":
        return table
    return replace(table, note=f"{dataset}: numbers of a {source}, not measurements. {table.note}".strip())


def summary_csv(records: Records) -> str:
    """Write `analysis.summary` as CSV: natural units, full precision, ``nan`` where one seed has no spread.

    The last columns say what dataset the numbers are of and where they come from (``table``: measurements).
    """
    origin = {"dataset": records.manifest["dataset"], "source": records.manifest["source"]}
    frame = analysis.summary(records).assign(**origin)
    return frame.to_csv(index=False, na_rep="nan", lineterminator="\n")


def _rows(group: str, searchers: Sequence[str], columns: Sequence[Sequence[Entry]]) -> list[Row]:
    lines = zip(searchers, *columns, strict=True)
    return [Row(group, (Entry(name), *entries)) for name, *entries in lines]


def _moments(means: pd.Series[float], stds: pd.Series[float], target: Target) -> list[Entry]:
    """Return the entries of one column of one group, the best and those near it marked."""
    values = [float(mean) * target.sign for mean in means]
    best = max((value for value in values if not math.isnan(value)), default=math.nan)
    entries = []
    for mean, std, value in zip(means, stds, values, strict=True):
        leads = math.isclose(value, best, rel_tol=1e-12)
        spread = "" if math.isnan(std) else number(std, target.scale)
        marked = not leads and analysis.within_noise(value - best, target)
        entries.append(Entry(number(mean, target.scale), spread, leads and len(values) > 1, marked))
    return entries


def _heading(target: Target) -> str:
    facts = [{"accuracy": "%", "count": "", "hypervolume": "normalised hypervolume of the front"}[target.scale]]
    if target.minimised:
        facts.append("smaller is better")
    if not math.isnan(target.best) and not target.is_multi:
        facts.append(f"best of the table {number(target.best, target.scale)}")
    if target.noise_floor > 0:
        facts.append(f"noise floor {number(target.noise_floor, target.scale)}")
    return f"{target.title} ({', '.join(fact for fact in facts if fact)})" if any(facts) else target.title


def _within(target: Target) -> str:
    best = number(target.best, target.scale)
    near = f", as {target.n_within_noise} networks of the table are" if target.n_within_noise is not None else ""
    distance = (
        f"within {number(target.noise_floor, target.scale)} of {best}" if target.noise_floor > 0 else f"at {best}"
    )
    return f"{target.title} ({distance}{near})"


def _queries(value: float, budget: int) -> str:
    return f"> {budget}" if math.isinf(value) else f"{value:.0f}"


def _seconds(value: float) -> str:
    if math.isnan(value):
        return ""
    return f"{value:.4f}" if value < 0.1 else f"{value:.2f}"


def _markdown_line(texts: Iterable[str]) -> str:
    return f"| {' | '.join(texts)} |"


def _escape_markdown(text: str) -> str:
    return re.sub(r"([|*_`\\])", r"\\\1", text)


def _bold_markdown(entry: Entry) -> str:
    text = _escape_markdown(entry.plain)
    return f"**{text}**" if entry.best else text


def _latex_caption(table: Table) -> str:
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
