"""Analysis: from records to the numbers of a comparison, each as a DataFrame.

Scores are in natural units: accuracies in [0, 1], counts, or normalised hypervolumes. Regrets and differences are
signed so that larger is worse, whether the objective is maximised or minimised.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from experiments.comparison.records import CROSS_PREFIX, Records, Target
from experiments.comparison.spread import CONFIDENCE, spread
from robustnas.arrays import FloatArray
from robustnas.errors import InvalidInputError, excerpt

POINTS = (50, 100, 150, 200, 300)
SMALL_POINTS = (10, 25)
ROUNDING = 1e-12  # below this, two accuracies differ by floating-point error only


def default_points(budget: int) -> tuple[int, ...]:
    """Return the numbers of queries at which a comparison is evaluated, ascending, the budget included.

    >>> default_points(300), default_points(120), default_points(30)
    ((50, 100, 150, 200, 300), (50, 100, 120), (10, 25, 30))
    """
    points = POINTS if budget >= POINTS[0] else SMALL_POINTS
    return tuple(sorted({point for point in points if point < budget} | {budget}))


def summary(records: Records, n_queries: Sequence[int] | None = None) -> pd.DataFrame:
    """Return the best so far after chosen numbers of queries, over seeds.

    Args:
        records: What was run.
        n_queries: Numbers of distinct queries, 1 to the budget; None for `default_points`.

    Returns:
        Columns objective, searcher, n_queries, mean, std (of the sample; NaN for one seed), n_seeds, n_feasible (of
        them: whose best is known, since a feasible network was found), ci_low, ci_high (95 % t interval of the mean).
        Mean, std and interval are over the feasible seeds. A run that ended early counts with its last best.

    Raises:
        InvalidInputError: A number of queries outside 1 to the budget.
    """
    points = default_points(records.budget) if n_queries is None else n_queries
    for point in points:
        if not 1 <= point <= records.budget:
            raise InvalidInputError(
                f"{excerpt(point)} queries: expected 1 to {records.budget}, the budget of these records"
            )
    rows = [
        {"objective": objective, "searcher": searcher, "n_queries": int(point), **_moments(best[:, point - 1])}
        for (objective, searcher), (_, best) in records.curves.items()
        for point in points
    ]
    columns = ["objective", "searcher", "n_queries", "mean", "std", "n_seeds", "n_feasible", "ci_low", "ci_high"]
    return _frame(rows, columns, records)


def reference(records: Records, objective: str) -> float:
    """Return the score that regrets are measured against: the best of the table, else the best that any run found."""
    target = records.targets[objective]
    if not np.isnan(target.best):
        return target.best
    found = [(best * target.sign).ravel() for (name, _), (_, best) in records.curves.items() if name == objective]
    known = [values[np.isfinite(values)] for values in found]
    return float(target.sign * max((values.max() for values in known if len(values)), default=np.nan))


def regret_of(best: FloatArray, records: Records, objective: str) -> FloatArray:
    """Return how far scores are from `reference`, in natural units, larger is worse; what is rounding is 0."""
    regret = (reference(records, objective) - best) * records.targets[objective].sign
    return np.where(np.abs(regret) < ROUNDING, 0.0, regret)


def regret_curves(records: Records) -> pd.DataFrame:
    """Return the regret after each query: how far the best so far is from `reference`, in natural units.

    Returns:
        Columns objective, searcher, n_queries (1 to the budget), mean, ci_low, ci_high (95 % bootstrap interval of the
        mean), median, q25, q75, n_seeds. All are over the seeds that have found a feasible network by then.
    """
    frames = [_regret_frame(objective, searcher, regret) for objective, searcher, regret in _regrets(records)]
    return joined(frames, ["n_queries", "mean", "ci_low", "ci_high", "median", "q25", "q75", "n_seeds"], records)


def queries_to_noise_floor(records: Records) -> pd.DataFrame:
    """Return how many queries it takes to come within the noise floor of the best.

    Returns:
        Columns objective, searcher, n_seeds, n_reached, share (of seeds that got there), median, q25, q75 (queries over
        all seeds, each a value that occurred; infinite where the budget ended first). Objectives with a noise floor
        only.
    """
    rows = []
    for objective, searcher, regret in _regrets(records):
        noise = records.targets[objective].noise_floor
        if not np.isnan(noise):
            first = _first_within(regret, noise)
            n_reached = int(np.isfinite(first).sum())
            quartiles = np.quantile(first, [0.5, 0.25, 0.75], method="inverted_cdf")
            counts = {"n_seeds": len(first), "n_reached": n_reached, "share": n_reached / len(first)}
            spread = dict(zip(("median", "q25", "q75"), quartiles.tolist(), strict=True))
            rows.append({"objective": objective, "searcher": searcher, **counts, **spread})
    columns = ["objective", "searcher", "n_seeds", "n_reached", "share", "median", "q25", "q75"]
    return _frame(rows, columns, records)


def cross_evaluation(records: Records) -> pd.DataFrame:
    """Return what the network found for one objective scores on every metric, over seeds (the paper's Table 1).

    Returns:
        Index objective, searcher; columns (metric, "mean") and (metric, "std"), accuracies in [0, 1]. Runs without a
        single best network (several objectives at once), or without a feasible one, have no row.
    """
    names = [name for name in records.runs.columns if name.startswith(CROSS_PREFIX)]
    scored = records.runs.dropna(subset=names, how="all") if names else records.runs.iloc[:0]
    several = [name for name, target in records.targets.items() if target.is_multi]
    scored = scored[scored["objective"].isin(several) | scored["best_score"].notna()]
    groups = scored.groupby(["objective", "searcher"], observed=True)
    table = groups[names].agg(["mean", "std"]) if names else pd.DataFrame(index=groups.size().index)
    pairs = [(name.removeprefix(CROSS_PREFIX), moment) for name in names for moment in ("mean", "std")]
    table.columns = pd.MultiIndex.from_tuples(pairs, names=["metric", "moment"])
    return table


def found_networks(records: Records) -> pd.DataFrame:
    """Return the best network that each searcher found for each objective, over all seeds.

    Of several objectives, it is the most balanced network of the front of the largest hypervolume.

    Returns:
        Columns objective, searcher, arch, uid, score (of several objectives, the hypervolume of the whole front),
        scores (a tuple of the network's own, one per objective; empty if unknown), n_seeds (that ended with this very
        network), n_runs.
    """
    rows = []
    found = records.runs.dropna(subset=["best_arch", "best_score"])
    for (objective, searcher), group in found.groupby(["objective", "searcher"], observed=True):
        order = (group["best_score"] * records.targets[str(objective)].sign).to_numpy()
        best = group.iloc[int(np.argmax(order))]
        same = group["best_arch"] == best["best_arch"]
        rows.append(
            {
                "objective": objective,
                "searcher": searcher,
                "arch": best["best_arch"],
                "uid": best["best_uid"],
                "score": best["best_score"],
                "scores": _own_scores(best, is_multi=records.targets[str(objective)].is_multi),
                "n_seeds": int((same | (group["best_uid"] == best["best_uid"]).fillna(value=False)).sum()),
                "n_runs": len(group),
            }
        )
    return _frame(rows, ["objective", "searcher", "arch", "uid", "score", "scores", "n_seeds", "n_runs"], records)


def seconds(records: Records) -> pd.DataFrame:
    """Return wall-clock seconds per run: columns objective, searcher, mean, std, total, n_seeds."""
    groups = records.runs.groupby(["objective", "searcher"], observed=True)["seconds"]
    table = groups.agg(mean="mean", std="std", total="sum", n_seeds="count").reset_index()
    return typed(table, records)


def within_noise(difference: float, target: Target) -> bool:
    """Return whether a difference is smaller than the noise of one trained network, and so is not meaningful.

    >>> within_noise(-0.002, Target("clean", "clean", noise_floor=0.0037))
    True
    """
    return bool(abs(difference) < target.noise_floor)  # a noise floor of NaN, unknown, compares as False


def beyond_noise(difference: float, target: Target) -> bool:
    """Return whether a difference is known to be at least the noise of one trained network; not where that is unknown.

    >>> beyond_noise(-0.02, Target("clean", "clean", noise_floor=0.0037)), beyond_noise(1.0, Target("t.x", "x"))
    (True, False)
    """
    return bool(target.noise_floor > 0 and abs(difference) >= target.noise_floor)


def _own_scores(run: pd.Series[Any], *, is_multi: bool) -> tuple[float, ...]:
    """Return the scores of the best network of a run, one per objective; empty if they are not in the record."""
    if not is_multi:
        return (float(run["best_score"]),)
    members = [member["scores"] for member in run["front"] or () if member["arch"] == run["best_arch"]]
    return tuple(members[0]) if members else ()


def _regrets(records: Records) -> Iterator[tuple[str, str, FloatArray]]:
    """Yield objective, searcher and regrets, shape (n_seeds, budget)."""
    for (objective, searcher), (_, best) in records.curves.items():
        yield objective, searcher, regret_of(best, records, objective)


def _regret_frame(objective: str, searcher: str, regret: FloatArray) -> pd.DataFrame:
    moments = spread(regret)
    del moments["std"]
    points = np.arange(1, regret.shape[1] + 1)
    return pd.DataFrame({"objective": objective, "searcher": searcher, "n_queries": points, **moments})


def _first_within(regret: FloatArray, noise: float) -> FloatArray:
    """Return the first query, from 1, whose regret is at most the noise floor, or infinity; shape (n_seeds,)."""
    near = regret <= noise + ROUNDING
    return np.where(near.any(axis=1), near.argmax(axis=1) + 1.0, np.inf)


def _moments(values: FloatArray) -> dict[str, Any]:
    known = values[np.isfinite(values)]
    mean = float(known.mean()) if len(known) else float("nan")
    half, std = float(_half_interval(known[:, None])[0]), float(_column_std(known[:, None])[0])
    counts = {"n_seeds": len(values), "n_feasible": len(known)}
    return {"mean": mean, "std": std, **counts, "ci_low": mean - half, "ci_high": mean + half}


def _half_interval(values: FloatArray) -> FloatArray:
    """Return half the width of the 95 % t interval of every column's mean, NaN for a single row."""
    from scipy.special import stdtrit

    n = len(values)
    if n < 2:
        return np.full(values.shape[1], np.nan)
    return np.asarray(float(stdtrit(n - 1, 0.5 + CONFIDENCE / 2)) * _column_std(values) / np.sqrt(n))


def _column_std(values: FloatArray) -> FloatArray:
    if len(values) < 2:
        return np.full(values.shape[1], np.nan)
    constant = values.max(axis=0) == values.min(axis=0)  # exactly zero, without the rounding of the mean
    return np.where(constant, 0.0, values.std(axis=0, ddof=1))


def _frame(rows: Sequence[dict[str, Any]], columns: Sequence[str], records: Records) -> pd.DataFrame:
    return typed(pd.DataFrame(list(rows), columns=list(columns)), records)


def joined(frames: Sequence[pd.DataFrame], columns: Sequence[str], records: Records) -> pd.DataFrame:
    """Return one frame of objective, searcher and some columns of several, as `typed` does; empty without any."""
    names = ["objective", "searcher", *columns]
    return typed(pd.concat(frames)[names] if frames else pd.DataFrame(columns=names), records)


def typed(frame: pd.DataFrame, records: Records) -> pd.DataFrame:
    """Make objective and searcher ordered categories, in plan order; intervals of hypervolumes end at 0 and 1."""
    if "ci_low" in frame and "measure" not in frame:
        multi = frame["objective"].map(lambda name: records.targets[str(name)].is_multi).astype(bool).to_numpy()
        for name in ("ci_low", "ci_high"):  # a t interval of few seeds leaves what a hypervolume, or its lack, can be
            frame[name] = frame[name].where(~multi, frame[name].clip(0.0, 1.0))
    for name, order in (("objective", records.targets), ("searcher", records.searchers)):
        frame[name] = pd.Categorical(frame[name], categories=list(order), ordered=True)
    return frame.reset_index(drop=True)
