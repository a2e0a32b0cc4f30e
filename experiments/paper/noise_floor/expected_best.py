"""What the best networks of a table are expected to score if they were trained again: how much of it is luck."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from experiments.pages.table import Entry, ReportTable, Row
from experiments.paper.noise_floor.twin_noise import NORMAL_95
from robustnas.objectives import Objective
from robustnas.spaces.nasbench201 import space
from robustnas.spaces.nasbench201.identity import uids
from robustnas.tables.table import Table
from surrogates.expected import expected

N_BEST = 10

COLUMNS = ["metric", "rank", "uid", "score", "expected", "low", "high", "rank_expected"]


def expected_frame(names: Sequence[str], table: Table) -> pd.DataFrame:
    """Return the best networks by measured score, and what each is expected to score.

    Args:
        names: Objectives; those without expected scores have no rows.
        table: Whose networks they are.

    Returns:
        Columns metric, rank (from 1, by score), uid, score, expected, low, high (95 % interval of the expected score),
        rank_expected (among all networks); accuracies in [0, 1]. The best expected network is there too.
    """
    rows = [row for name in names for row in _rows(name, table)]
    return pd.DataFrame(rows, columns=COLUMNS)


def expected_table(frame: pd.DataFrame, titles: Mapping[str, str]) -> ReportTable:
    """Return the best by measured score and by expected score of every objective, in points."""
    rows = []
    for name, group in frame.groupby("metric", sort=False):
        for place in (group.nsmallest(1, "rank"), group.nsmallest(1, "rank_expected")):
            (line,) = place.to_dict("records")
            interval = f"{100 * line['low']:.2f} to {100 * line['high']:.2f}"
            texts = (f"{100 * line['score']:.2f}", f"{100 * line['expected']:.2f}", interval)
            ranks = (f"{line['rank']:,}", f"{line['rank_expected']:,}")
            rows.append(Row(titles[str(name)], tuple(Entry(text) for text in (f"#{line['uid']}", *texts, *ranks))))
    note = (
        "Each objective's best network by measured score, and its best by expected score. Expected: measured scores "
        "shrunk towards a cross-fitted prediction by the share of training noise in them (docs/noise.md)."
    )
    columns = ("network", "measured", "expected", "95 % interval", "rank measured", "rank expected")
    return ReportTable("The best networks, measured and expected if trained again", columns, tuple(rows), note)


def _rows(name: str, table: Table) -> list[dict[str, object]]:
    indices = space.network_indices()
    found = expected(Objective(name), table)
    if found.reason:
        return []
    scores = Objective(name).evaluate(table)[indices]
    mean, std = found.mean[indices], found.std[indices]
    rank, rank_expected = (_ranks(values) for values in (scores, mean))
    shown = np.flatnonzero((rank <= N_BEST) | (rank_expected == 1))
    return [
        {
            "metric": name,
            "rank": int(rank[row]),
            "uid": int(uids()[indices[row]]),
            "score": float(scores[row]),
            "expected": float(mean[row]),
            "low": float(mean[row] - NORMAL_95 * std[row]),
            "high": float(mean[row] + NORMAL_95 * std[row]),
            "rank_expected": int(rank_expected[row]),
        }
        for row in shown[np.argsort(rank[shown], kind="stable")]
    ]


def _ranks(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return ranks from 1, the largest first; equal values in order of row, unknown ones last."""
    ranks = np.empty(len(values), dtype=np.int64)
    ranks[np.argsort(-values, kind="stable")] = np.arange(1, len(values) + 1)
    return ranks
