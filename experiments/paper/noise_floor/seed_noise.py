"""Seed noise: how far apart trainings of one network with other seeds are, from attached columns, one per seed.

Columns ``val_acc_seed0``, ``val_acc_seed1``, ... of one attached table are trainings of the same networks. Their spread
within networks is an estimate of training noise that needs no twins, of networks of every kind.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
import pandas as pd

from experiments.pages.table import Entry, ReportTable, Row
from experiments.paper.noise_floor.twin_noise import TwinSpread, pooled, twin_spread
from robustnas.arrays import FloatArray

TOP = 1000
_SEED = re.compile(r"(.*?)_?seed_?(\d+)(.*)", re.IGNORECASE)
_PERCENT = 1.5  # accuracies with a larger value are in percent
_ALL, _UPPER, _TOP = "all", "upper half", f"top {TOP:,}"


def seed_groups(columns: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """Return the columns that are seeds of one quantity, stacked, by its name.

    Args:
        columns: Attached columns by full name, as in their file, shape (space.size,).

    Returns:
        Values by architecture, shape (n_seeds, space.size), n_seeds at least 2.

    >>> found = seed_groups({"t.acc_seed0": np.zeros(3), "t.acc_seed1": np.ones(3), "t.loss_seed0": np.ones(3)})
    >>> {name: values.shape for name, values in found.items()}
    {'t.acc': (2, 3)}
    """
    groups: dict[str, list[FloatArray]] = {}
    for name, values in columns.items():
        if match := _SEED.fullmatch(name):
            groups.setdefault(match[1] + match[3], []).append(values)
    return {name: np.array(group) for name, group in groups.items() if len(group) > 1}


def seed_spread(values: FloatArray) -> TwinSpread:
    """Return the spread within architectures of some seeds, shape (n_seeds, n); those with one seed do not count."""
    values = values[:, np.isfinite(values).sum(axis=0) > 1]
    known = np.isfinite(values)
    means = np.where(known, values, 0).sum(axis=0) / known.sum(axis=0)
    squares = (np.where(known, values - means, 0) ** 2).sum(axis=0)
    return TwinSpread(squares, known.sum(axis=0) - 1.0, means)


def seed_frame(groups: Mapping[str, FloatArray], twins: Mapping[str, FloatArray]) -> pd.DataFrame:
    """Return the noise from seeds and, to compare, from twins: over all, in the upper half, among the best.

    Args:
        groups: As `seed_groups` returns them, in percent or in [0, 1].
        twins: Scores by network, shape (6466,), accuracies in [0, 1].

    Returns:
        Columns estimate (a quantity of seeds, or a score of twins), source (``seeds`` or ``twins``), part, n (networks,
        or groups of twins), degrees_of_freedom, std (in the units of accuracies, [0, 1]).
    """
    rows = []
    for name, values in groups.items():
        spread = seed_spread(values / 100 if np.nanmax(values, initial=0.0) > _PERCENT else values)
        best = np.sort(spread.means)[::-1]
        rows += _rows(name, "seeds", spread, best)
    for name, scores in twins.items():
        best = np.sort(scores[np.isfinite(scores)])[::-1]
        rows += _rows(name, "twins", twin_spread(scores), best)
    return pd.DataFrame(rows, columns=["estimate", "source", "part", "n", "degrees_of_freedom", "std"])


def seed_table(frame: pd.DataFrame, titles: Mapping[str, str]) -> ReportTable:
    """Return the noise from seeds beside that from twins, in points."""
    rows = []
    for (estimate, source), group in frame.groupby(["estimate", "source"], sort=False):
        stds = group.set_index("part")["std"]
        texts = [f"{100 * stds[part]:.2f}" if stds[part] == stds[part] else "–" for part in (_ALL, _UPPER, _TOP)]
        name = titles.get(str(estimate), str(estimate))
        n = f"{int(group['n'].max()):,} {'networks' if source == 'seeds' else 'groups'}"
        rows.append(Row("", tuple(Entry(text) for text in (f"{name}, {source}", n, *texts))))
    note = (
        "Pooled standard deviation within networks trained with several seeds, or within groups of functional twins. "
        f"Upper half and top {TOP:,}: of all networks with several seeds, by their mean; for twins, groups whose mean "
        "reaches the score of that many of all networks."
    )
    columns = ("estimate", "from", _ALL, _UPPER, _TOP)
    return ReportTable("Training noise in points, from seeds and from twins", columns, tuple(rows), note)


def _rows(name: str, source: str, spread: TwinSpread, best: FloatArray) -> list[dict[str, object]]:
    """Return one row per part; `best` holds all scores, the highest first, for the levels of the parts."""
    if not len(best):
        return []
    levels = {_ALL: -np.inf, _UPPER: float(np.median(best)), _TOP: float(best[min(TOP, len(best)) - 1])}
    rows: list[dict[str, object]] = []
    for part, level in levels.items():
        chosen = spread.chosen(spread.means >= level)
        freedom = int(chosen.freedom.sum())
        std = pooled(chosen.squares, chosen.freedom)
        n = len(chosen.means)
        estimate = {"estimate": name, "source": source, "part": part}
        rows.append(estimate | {"n": n, "degrees_of_freedom": freedom, "std": std})
    return rows
