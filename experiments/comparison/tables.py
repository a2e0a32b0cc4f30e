"""The tables of a comparison."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from experiments.comparison import analysis
from experiments.comparison.cost import cost_summary
from experiments.comparison.records import Records, Target
from experiments.comparison.reported import ReportedValues, reported_curves, reported_hours
from experiments.comparison.significance import Significance, p_text
from experiments.comparison.simulated_time import hours_points, hours_summary
from experiments.pages.table import MARK, Entry, ReportTable, Row, number, without_constant
from experiments.pages.terminal import written
from robustnas.tables.table import MEASURED

EXPECTED_NOTE = (
    "What the best network so far would score if it were trained again: measured scores shrunk towards a prediction by "
    "the share of training noise in them (docs/noise.md). The network is the best by what was measured. Mean ± "
    f"standard deviation over seeds. Bold: best of the column. {MARK}: further from it than the uncertainty, the "
    "standard deviation of what is not known of the best expected score of the table."
)
NOTE = "Mean ± standard deviation over seeds. Bold: best of the column."
FAR = f"{MARK}: further from it than the noise floor."


def summary_table(records: Records, n_queries: Sequence[int] | None = None) -> ReportTable:
    """Return the best so far after chosen numbers of queries, grouped by objective, one row per searcher."""
    frame = analysis.summary(records, n_queries)
    points = [int(point) for point in dict.fromkeys(frame["n_queries"])]
    rows: list[Row] = []
    for objective, group in frame.groupby("objective", observed=True):
        target = records.targets[str(objective)]
        rows += _at_points(_heading(target), group, "n_queries", target)
    caption, more = "Best so far after n distinct queries", ""
    if (frame["n_feasible"] < frame["n_seeds"]).any():
        more = "(k of n): the mean of the k seeds that have found a feasible network by then."
    note = _note(rows, more)
    columns = ("searcher", *(f"n = {point}" for point in points), "seeds")
    return without_constant(ReportTable(caption, columns, tuple(rows), note), "seeds")


def expected_table(part: Records) -> ReportTable:
    """Return the same of expected scores.

    Args:
        part: Records on the scale of expected scores.
    """
    table = summary_table(part)
    caption = "Expected score of the best so far after n distinct queries"
    return replace(table, caption=caption, note=table.note.replace(f" {FAR}", "").replace(NOTE, EXPECTED_NOTE))


def expected_queries_table(part: Records) -> ReportTable:
    """Return the queries that it takes to come within the uncertainty of the best expected score."""
    caption = "Distinct queries to a network expected to be as good as the best of the table, to its uncertainty"
    return replace(noise_floor_table(part), caption=caption)


def hours_table(records: Records) -> ReportTable:
    """Return the best so far after simulated hours, grouped by objective; empty without a clock."""
    frame = hours_summary(records)
    rows: list[Row] = []
    for objective, group in frame.groupby("objective", observed=True):
        rows += _at_points(_heading(records.targets[str(objective)]), group, "hours", records.targets[str(objective)])
    heads = ("searcher", *(f"{hours:.3g} h" for hours in hours_points(records)), "seeds")
    return without_constant(ReportTable("Best so far after simulated hours", heads, tuple(rows), _note(rows)), "seeds")


def cost_table(records: Records) -> ReportTable:
    """Return the best so far after equal cost, grouped by objective; empty where all searchers pay the same."""
    frame = cost_summary(records)
    rows: list[Row] = []
    for objective, group in frame.groupby("objective", observed=True):
        target = records.targets[str(objective)]
        rows += _at_points(_heading(target, f"all: {group['cost'].max():,.0f} passes"), group, "share", target)
    heads = ("searcher", "an eighth", "a quarter", "half", "all of the cost", "seeds")
    more = "All: the passes per test image of the searcher that spends least, cheap evaluations included."
    return without_constant(ReportTable("Best so far after equal cost", heads, tuple(rows), _note(rows, more)), "seeds")


def reported_table(records: Records, reported: ReportedValues, against: str = "n_queries") -> ReportTable:
    """Return what the networks found score on the terms reported, grouped by objective and term; empty without any.

    Args:
        records: What was run.
        reported: What is reported of it.
        against: ``n_queries``, or ``hours`` for simulated time.
    """
    if against == "hours":
        points: tuple[float, ...] = hours_points(records)
        frame, heads = reported_hours(records, reported, points), [f"{point:.3g} h" for point in points]
    else:
        points = analysis.default_points(records.budget)
        frame, heads = reported_curves(records, reported), [f"n = {point}" for point in points]
        frame = frame[frame["n_queries"].isin(points)]
    rows: list[Row] = []
    for (objective, term), group in frame.groupby(["objective", "term"], observed=True):
        target = reported.terms[str(term)]
        rows += _at_points(f"{records.targets[str(objective)].title} → {_heading(target)}", group, against, target)
    lacking = len(records.runs) - len(reported.runs)
    more = "Searched → reported; the best network so far by what was searched, on what is reported."
    more += f" {lacking} of {len(records.runs)} runs have not been reported on yet." if lacking else ""
    time = "simulated hours" if against == "hours" else "n distinct queries"
    caption = f"The networks found, on what was not searched, after {time}"
    table = ReportTable(caption, ("searcher", *heads, "seeds"), tuple(rows), _note(rows, more))
    return without_constant(table, "seeds")


def cross_evaluation_table(records: Records) -> ReportTable:
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
    return ReportTable(caption, ("searcher", *(target.title for target in targets)), tuple(rows), _note(rows))


def noise_floor_table(records: Records) -> ReportTable:
    """Return the queries that it takes to come within the noise floor of the best, grouped by objective."""
    frame = analysis.queries_to_noise_floor(records)
    rows: list[Row] = []
    for objective, group in frame.groupby("objective", observed=True):
        target = records.targets[str(objective)]
        fastest = group["median"].min()
        for line in group.to_dict("records"):
            median = Entry(_queries(line["median"], records.budget), best=line["median"] == fastest < math.inf)
            quartiles = dict.fromkeys(_queries(line[name], records.budget) for name in ("q25", "q75"))
            reached = Entry(f"{line['n_reached']} of {line['n_seeds']}")
            rows.append(Row(_within(target), (Entry(line["searcher"]), median, Entry(" to ".join(quartiles)), reached)))
    columns = ("searcher", "median queries", "quartiles", "seeds that got there")
    return ReportTable(f"Distinct queries to {floor_reached(records)}", columns, tuple(rows))


def floor_reached(records: Records) -> str:
    """Return what a search reaches that has found as good a network as the table can tell."""
    noisy = any(target.noise_floor > 0 for target in records.targets.values())
    return "come within the noise floor of the best" if noisy else "the best of the table"


def seconds_table(records: Records) -> ReportTable:
    """Return wall-clock seconds per run, grouped by objective."""
    rows = []
    for line in analysis.seconds(records).to_dict("records"):
        spent = (Entry(_seconds(line["mean"]), _seconds(line["std"])), Entry(str(line["n_seeds"])))
        entries = (Entry(line["searcher"]), *spent, Entry(_seconds(line["total"])))
        rows.append(Row(records.targets[line["objective"]].title, entries))
    table = ReportTable("Wall-clock seconds per run", ("searcher", "seconds", "runs", "total"), tuple(rows))
    return without_constant(table, "runs")


def significance_table(result: Significance, records: Records) -> ReportTable:
    """Return the pairwise tests, grouped by objective; a difference is positive if the first is better."""
    rows = []
    for line in result.pairs.to_dict("records"):
        target = records.targets[line["objective"]]
        difference = number(line["difference"], target.scale)
        mark = MARK if analysis.beyond_noise(line["difference"], target) else ""
        p_value = Entry(p_text(line["p_value"]), best=line["significant"])
        names = Entry(f"{line['first']} – {line['second']}")
        rows.append(Row(target.title, (names, Entry(difference + mark), p_value)))
    floors = dict.fromkeys(target.floor for target in records.targets.values())
    beyond = " or ".join(f"the {floor}" for floor in floors)
    mark = f"; {MARK}: more than {beyond}" if any(MARK in row.entries[1].text for row in rows) else ""
    note = f"Difference of means, positive if the first is better{mark}. Bold: significant."
    caption = "Pairwise comparison (Wilcoxon signed-rank test, Holm-corrected)"
    if any(target.expected for target in records.targets.values()):
        caption += ", on expected scores where there are any"
    return ReportTable(caption, ("pair", "difference", "p-value"), tuple(rows), note)


def printed_summary(records: Records) -> str:
    """Return the summary as it is printed: laid out in a terminal, as Markdown elsewhere."""
    return written(marked(summary_table(records), records))


def marked(table: ReportTable, records: Records) -> ReportTable:
    """Return a table whose note says so where the numbers are not measurements; else the table itself."""
    source, dataset = records.manifest["source"], records.manifest["dataset"]
    if source in MEASURED:
        return table
    return replace(table, note=f"{dataset}: numbers of a {source}, not measurements. {table.note}".strip())


def summary_csv(records: Records, reported: ReportedValues | None = None, expected: Records | None = None) -> str:
    """Write `analysis.summary` as CSV: natural units, full precision, ``nan`` where one seed has no spread.

    The columns after ci_high say what dataset the numbers are of and where they come from (``table``: measurements).
    Columns ``report:<term>:mean`` and ``report:<term>:std`` are what the networks found score on what is reported;
    ``expected:mean``, ``expected:std`` and ``expected:regret`` (mean over seeds) what they would score if they were
    trained again, and how far that is from the best expected score of the table.

    Args:
        records: What was run.
        reported: What is reported of it.
        expected: The part of the records with expected scores, on the scale of these; None without any.
    """
    frame = _with_origin(analysis.summary(records), records)
    if expected is not None and expected.targets:
        frame = _with_expected(frame, expected)
    if reported is not None and reported.terms:
        frame = _with_reported(frame, reported_curves(records, reported), "n_queries")
    return frame.to_csv(index=False, na_rep="nan", lineterminator="\n")


def hours_csv(records: Records, reported: ReportedValues) -> str:
    """Write `simulated_time.hours_summary` as CSV, as `summary_csv` does."""
    frame = _with_origin(hours_summary(records), records)
    if reported.terms:
        frame = _with_reported(frame, reported_hours(records, reported, hours_points(records)), "hours")
    return frame.to_csv(index=False, na_rep="nan", lineterminator="\n")


def cost_csv(records: Records) -> str:
    """Write `cost.cost_summary` as CSV, as `summary_csv` does."""
    return _with_origin(cost_summary(records), records).to_csv(index=False, na_rep="nan", lineterminator="\n")


def _with_origin(frame: pd.DataFrame, records: Records) -> pd.DataFrame:
    return frame.assign(dataset=records.manifest["dataset"], source=records.manifest["source"])


def _with_expected(frame: pd.DataFrame, expected: Records) -> pd.DataFrame:
    """Add mean and std of expected scores, and the mean regret on their scale, to a summary."""
    found = analysis.summary(expected, sorted(set(frame["n_queries"])))
    targets = [expected.targets[str(name)] for name in found["objective"]]
    best, sign = np.array([(target.best, target.sign) for target in targets]).reshape(-1, 2).T
    columns = {
        "expected:mean": found["mean"],
        "expected:std": found["std"],
        "expected:regret": np.maximum((best - found["mean"]) * sign, 0.0),
    }
    keys = ["objective", "searcher", "n_queries"]
    for name in keys[:2]:  # of fewer categories than those of the summary
        found[name] = found[name].astype(frame[name].dtype)
    return frame.merge(found[keys].assign(**columns), on=keys, how="left")


def _with_reported(frame: pd.DataFrame, curves: pd.DataFrame, column: str) -> pd.DataFrame:
    """Add mean and std of every term to a summary."""
    keys = ["objective", "searcher", column]
    for term, group in curves.groupby("term", observed=False):
        names = {moment: f"report:{term}:{moment}" for moment in ("mean", "std")}
        frame = frame.merge(group[[*keys, *names]].rename(columns=names), on=keys, how="left")
    return frame


def _note(rows: Sequence[Row], more: str = "") -> str:
    """Return what a table's entries mean, its mark only where there is one, and what else there is to say."""
    marked = any(entry.marked for row in rows for entry in row.entries)
    return " ".join(part for part in (NOTE, FAR if marked else "", more) if part)


def _rows(group: str, searchers: Sequence[str], columns: Sequence[Sequence[Entry]]) -> list[Row]:
    lines = zip(searchers, *columns, strict=True)
    return [Row(group, (Entry(name), *entries)) for name, *entries in lines]


def _at_points(heading: str, group: pd.DataFrame, column: str, target: Target) -> list[Row]:
    """Return one row per searcher: mean and spread at every point of a column, ascending, and the seeds at the last."""
    searchers = [str(name) for name in dict.fromkeys(group["searcher"])]
    columns = [part for _, part in group.groupby(column)]
    entries = [_feasible_moments(part, target) for part in columns]
    return _rows(heading, searchers, [*entries, [Entry(text) for text in _seeds(columns[-1])]])


def _feasible_moments(part: pd.DataFrame, target: Target) -> list[Entry]:
    """Return the entries of one point; the best is one of those that are feasible in most seeds."""
    if "n_feasible" not in part or (part["n_feasible"] == part["n_seeds"]).all():
        return _moments(part["mean"], part["std"], target)
    most = (part["n_feasible"] == part["n_feasible"].max()).tolist()
    counted = zip(_moments(part["mean"], part["std"], target, most), part["n_feasible"], part["n_seeds"], strict=True)
    return [
        entry if n == of else replace(entry, text=f"({n} of {of}) {entry.text}" if n else f"({n} of {of})")
        for entry, n, of in counted
    ]


def _seeds(part: pd.DataFrame) -> list[str]:
    """Return how many seeds there are, and in how many of them a feasible network was found, where not in all."""
    if "n_feasible" not in part:
        return [str(n) for n in part["n_seeds"]]
    pairs = zip(part["n_feasible"], part["n_seeds"], strict=True)
    return [str(of) if n == of else f"feasible in {n} of {of}" for n, of in pairs]


def _moments(
    means: pd.Series[float], stds: pd.Series[float], target: Target, eligible: Sequence[bool] | None = None
) -> list[Entry]:
    """Return the entries of one column of one group, the best and those near it marked; of those eligible, if given."""
    values = [float(mean) * target.sign for mean in means]
    counting = values if eligible is None else [v for v, counts in zip(values, eligible, strict=True) if counts]
    best = max((value for value in counting if not math.isnan(value)), default=math.nan)
    entries = []
    for mean, std, value in zip(means, stds, values, strict=True):
        leads = math.isclose(value, best, rel_tol=1e-12)
        spread = "" if math.isnan(std) else number(std, target.scale)
        marked = not leads and analysis.beyond_noise(value - best, target)
        entries.append(Entry(number(mean, target.scale), spread, leads and len(values) > 1, marked))
    return entries


def _heading(target: Target, more: str = "") -> str:
    facts = [{"accuracy": "%", "count": "", "hypervolume": "normalised hypervolume of the front"}[target.scale]]
    if target.minimised:
        facts.append("smaller is better")
    if not math.isnan(target.best) and not target.is_multi:
        kind = "best expected" if target.expected else "best"
        facts.append(f"{kind} of the table {number(target.best, target.scale)}")
    if target.noise_floor > 0:
        facts.append(f"{target.floor} {number(target.noise_floor, target.scale)}")
    elif target.noise_floor == 0 and target.scale == "accuracy":  # of a surrogate without noise
        facts.append("noise: none")
    shown = ", ".join(fact for fact in (*facts, more) if fact)
    return f"{target.title} ({shown})" if shown else target.title


def _within(target: Target) -> str:
    best = number(target.best, target.scale)
    n = target.n_within_noise
    near = "" if n is None else ", as 1 network of the table is" if n == 1 else f", as {n} networks of the table are"
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
