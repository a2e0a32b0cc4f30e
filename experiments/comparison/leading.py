"""The part of a large comparison that figures can show: its leading searchers and first objectives."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from experiments.comparison.records import Records
from robustnas.arrays import FloatArray

MOST_SHOWN = 24
"""Searchers, and objectives, of a figure: more lines cannot be told apart, more panels do not fit on a page."""


def leading(records: Records, most: int = MOST_SHOWN) -> Records:
    """Return the records of the searchers of the best mean rank over objectives, and of the first objectives.

    Searchers stay in plan order. Records that are small enough are returned as they are.
    """
    objectives = list(records.targets)[:most]
    searchers = records.searchers
    if len(searchers) > most:
        order = np.argsort(_mean_ranks(records), kind="stable")[:most]
        searchers = tuple(searchers[i] for i in sorted(order.tolist()))
    if len(searchers) == len(records.searchers) and len(objectives) == len(records.targets):
        return records
    return part_of(records, objectives, searchers)


def part_of(records: Records, objectives: list[str], searchers: tuple[str, ...]) -> Records:
    """Return the records of some objectives and searchers."""
    facts = {name: records.manifest["objectives"][name] for name in objectives}
    manifest = {**records.manifest, "searchers": list(searchers), "objectives": facts}
    return replace(
        records,
        manifest=manifest,
        runs=_part(records.runs, objectives, searchers),
        queries=_part(records.queries, objectives, searchers),
        directory=None,
    )


def left_out(records: Records, shown: Records) -> str:
    """Return what a report says where figures show a part of the records; nothing where they show all."""
    parts = []
    if len(shown.searchers) < len(records.searchers):
        parts.append(f"the {len(shown.searchers)} of {len(records.searchers)} searchers of the best mean rank")
    if len(shown.targets) < len(records.targets):
        parts.append(f"the first {len(shown.targets)} of {len(records.targets)} objectives")
    if not parts:
        return ""
    return f"Figures, tests and drawings show {' and '.join(parts)}; summary.csv and the tables hold all."


def _mean_ranks(records: Records) -> list[float]:
    """Return the rank of every searcher's mean final score, averaged over objectives; those without runs come last."""
    finals = {
        (objective, searcher): records.targets[objective].sign * _mean(best[:, -1])
        for (objective, searcher), (_, best) in records.curves.items()
    }
    table = pd.DataFrame({name: {s: finals.get((name, s)) for s in records.searchers} for name in records.targets})
    ranks = table.astype(float).rank(ascending=False, na_option="bottom")
    return [float(value) for value in ranks.mean(axis=1)]


def _mean(scores: FloatArray) -> float:
    """Return the mean of the seeds that found a feasible network; NaN if none did."""
    known = scores[np.isfinite(scores)]
    return float(np.mean(known)) if len(known) else float("nan")


def _part(frame: pd.DataFrame, objectives: list[str], searchers: tuple[str, ...]) -> pd.DataFrame:
    kept = frame[frame["objective"].isin(objectives) & frame["searcher"].isin(searchers)].reset_index(drop=True)
    return kept.assign(
        objective=kept["objective"].cat.set_categories(objectives),
        searcher=kept["searcher"].cat.set_categories(list(searchers)),
    )
