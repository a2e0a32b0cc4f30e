"""Tables of searches for several objectives: fronts against that of the table."""

from __future__ import annotations

import math

import pandas as pd

from experiments.comparison import analysis
from experiments.comparison.fronts import MEASURES, Fronts, front_curves, lacking
from experiments.comparison.records import Records
from experiments.pages.table import Entry, ReportTable, Row, without_constant

NOTE = (
    "Mean ± standard deviation over seeds. Bold: best of the column. Hypervolume: of the front found, divided by that "
    "of the table's front. IGD+: mean distance that is lacking to the points of the table's front, objectives scaled "
    "to [0, 1]. Front found: the share of the points of the table's front that were found."
)

_DECIMALS = {"hypervolume": 4, "igd_plus": 4, "share": 1}


def fronts_table(records: Records, fronts: Fronts) -> ReportTable:
    """Return how near the fronts at the end of the budget are to that of the table; empty where none was compared."""
    curves = front_curves(records, fronts)
    final = curves[curves["n_queries"] == records.budget]
    rows: list[Row] = []
    for objective, group in final.groupby("objective", observed=True):
        searchers = [str(name) for name in dict.fromkeys(group["searcher"])]
        columns = [_entries(group[group["measure"] == measure], measure) for measure in MEASURES]
        seeds = [Entry(str(n)) for n in group[group["measure"] == MEASURES[0]]["n_seeds"]]
        rows += [
            Row(_heading(records, fronts, str(objective)), (Entry(name), *entries))
            for name, *entries in zip(searchers, *columns, seeds, strict=True)
        ]
    missing = lacking(records, fronts)
    note = f"{NOTE} {missing} runs have not been compared with the table's front." if missing else NOTE
    caption = f"Fronts after {records.budget_text}, against the front of the table"
    heads = ("searcher", "hypervolume", "IGD+", "front found (%)", "seeds")
    return without_constant(ReportTable(caption, heads, tuple(rows), note), "seeds")


def fronts_csv(records: Records, fronts: Fronts) -> str:
    """Write the measures after chosen numbers of queries as CSV, full precision, ``nan`` where one seed has no spread.

    Columns objective, searcher, n_queries, mean and standard deviation of each of `MEASURES` (``igd_plus:mean``, ...),
    n_seeds, dataset, source.
    """
    curves = front_curves(records, fronts)
    curves = curves[curves["n_queries"].isin(analysis.default_points(records.budget))]
    keys = ["objective", "searcher", "n_queries"]
    frame = curves[curves["measure"] == MEASURES[0]][[*keys, "n_seeds"]]
    for measure in MEASURES:
        names = {moment: f"{measure}:{moment}" for moment in ("mean", "std")}
        part = curves[curves["measure"] == measure][[*keys, *names]].rename(columns=names)
        frame = frame.merge(part, on=keys, how="left")
    frame = frame[[*keys, *(name for name in frame.columns if ":" in name), "n_seeds"]]
    frame = frame.assign(dataset=records.manifest["dataset"], source=records.manifest["source"])
    return frame.to_csv(index=False, na_rep="nan", lineterminator="\n")


def _entries(part: pd.DataFrame, measure: str) -> list[Entry]:
    """Return the entries of one measure of one group of rows, the best in bold."""
    factor = 100.0 if measure == "share" else 1.0
    means = [factor * float(value) for value in part["mean"]]
    stds = [factor * float(value) for value in part["std"]]
    best = min(means) if measure == "igd_plus" else max(means)
    return [_entry(mean, std, measure, mean == best and len(means) > 1) for mean, std in zip(means, stds, strict=True)]


def _entry(mean: float, std: float, measure: str, best: bool) -> Entry:
    decimals = _DECIMALS[measure]
    return Entry(f"{mean:.{decimals}f}", "" if math.isnan(std) else f"{std:.{decimals}f}", best)


def _heading(records: Records, fronts: Fronts, objective: str) -> str:
    title = records.targets[objective].title
    n = len(fronts.tables.get(objective, ()))
    return f"{title} (front of the table: {n} point{'' if n == 1 else 's'})"
