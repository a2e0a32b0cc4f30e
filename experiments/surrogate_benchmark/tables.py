"""Tables of a benchmark of surrogates: who ranks best, every measure, and the calibration of deviations."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial

import pandas as pd

from experiments.pages.feature_titles import OPERATIONS_NOTE, feature_title
from experiments.pages.table import Entry, ReportTable, Row, number
from experiments.surrogate_benchmark.fit import TOP_K
from experiments.surrogate_benchmark.records import PAIR, SurrogateRecords, learning_curves, mean_importances, ranking
from surrogates.metrics import NOMINAL_COVERAGES

GROUPED = "objective"


def ranking_table(records: SurrogateRecords) -> ReportTable:
    """Return Kendall tau by size of the training set, the best pair first, beside the noise ceiling."""
    sizes = sorted({int(size) for size in records.rows["train_size"]})
    curves = learning_curves(records).set_index(["objective", *PAIR, "train_size"])
    rows = []
    for objective in records.objectives:
        order, ceiling = ranking(records, objective), records.ceiling(objective)
        columns = [_moments(_lookup(curves, objective, order, size), _decimals) for size in sizes]
        largest = _lookup(curves, objective, order, records.largest(objective))
        reached = [Entry(_share(mean, ceiling)) for mean, _ in largest]
        most = _with_error(ceiling, records.ceiling_error(objective))
        group = records.title(objective) + ("" if math.isnan(ceiling) else f" (ceiling {most.plain})")
        rows += _rows(group, order, [*columns, reached])
    names = ("surrogate, encoding", *(f"n = {size}" for size in sizes), "of the ceiling")
    note = (
        "Kendall tau on all other networks, mean ± standard deviation over trials. Bold: best of the column. Ceiling: "
        "what a perfect predictor would reach, given the training noise, ± standard error; of the ceiling: the share "
        f"reached at the largest n.{_missing_ceilings(records)}"
    )
    return ReportTable("Kendall tau after n training networks", names, tuple(rows), note, GROUPED)


def _missing_ceilings(records: SurrogateRecords) -> str:
    reasons = {records.title(name): records.no_ceiling(name) for name in records.objectives}
    return "".join(f" No ceiling for {title}: {reason}." for title, reason in reasons.items() if reason)


def _with_error(value: float, error: float) -> Entry:
    if math.isnan(value):
        return Entry("–")
    return Entry(_decimals(value), "" if math.isnan(error) or error == 0 else _decimals(error))


def _share(mean: float, ceiling: float) -> str:
    """Write how much of the ceiling was reached; a dash where there is none, or nothing but noise."""
    known = not math.isnan(mean) and ceiling > 0
    return f"{mean / ceiling:.0%}" if known else "–"


def measures_table(records: SurrogateRecords) -> ReportTable:
    """Return every other measure at the largest training set, in the order of the ranking."""
    measures = {
        "Spearman": ("spearman", _decimals, 1),
        "R2": ("r2", _decimals, 1),
        **{f"top {k}": (f"precision_at_{k}", _percent, 1) for k in TOP_K},
        "regret": ("regret", None, -1),
        "fit (s)": ("fit_seconds", _seconds, -1),
        "predict (s)": ("predict_seconds", _seconds, -1),
    }
    rows = []
    for objective in records.objectives:
        order = ranking(records, objective)
        columns = [
            _moments(
                _at_largest(records, objective, order, name),
                write or partial(number, scale=records.scale(objective)),
                sign,
                spread=name in ("spearman", "r2"),
            )
            for name, write, sign in measures.values()
        ]
        rows += _rows(_at(records, objective) + _r2_ceiling(records, objective), order, columns)
    note = (
        "Mean over trials. Top k: share in percent of the predicted best k that are among the true best k. Regret: the "
        "best score of the test less that of the network predicted best, in points or in the scores' unit. Bold: best "
        "of the column."
    )
    return ReportTable(
        "Measures at the largest training set", ("surrogate, encoding", *measures), tuple(rows), note, GROUPED
    )


def calibration_table(records: SurrogateRecords) -> ReportTable:
    """Return the coverage of predictive intervals, at the largest training set."""
    rows = []
    for objective in records.objectives:
        order = ranking(records, objective)
        columns = [
            _moments(_at_largest(records, objective, order, f"coverage_{100 * level:.0f}"), _percent, target=level)
            for level in NOMINAL_COVERAGES
        ]
        rows += _rows(_at(records, objective), order, columns)
    names = ("surrogate, encoding", *(f"{100 * level:.0f} % interval" for level in NOMINAL_COVERAGES))
    note = "Share of test scores inside, in percent, mean ± standard deviation over trials. Bold: nearest to nominal."
    return ReportTable("Coverage of predictive intervals", names, tuple(rows), note, GROUPED)


def importances_table(records: SurrogateRecords) -> ReportTable:
    """Return the features that count most for the best pair that has importances, per objective."""
    rows = []
    for objective in records.objectives:
        pair = best_explained(records, objective)
        if pair is not None:
            frame = mean_importances(records, objective, pair)
            moments = [(float(mean), float(std)) for mean, std in zip(frame["mean"], frame["std"], strict=True)]
            shares = [Entry(_percent(mean), "" if math.isnan(std) else _percent(std)) for mean, std in moments]
            group = f"{records.title(objective)} ({', '.join(pair)})"
            rows += [
                Row(group, (Entry(feature_title(str(name))), Entry(str(name)), entry))
                for name, entry in zip(frame["feature"], shares, strict=True)
            ]
    columns = ("feature", "column", "share (%)")
    return ReportTable("Features that count most", columns, tuple(rows), OPERATIONS_NOTE, GROUPED)


def best_explained(records: SurrogateRecords, objective: str) -> tuple[str, str] | None:
    """Return the best pair whose feature importances are known."""
    known = (pair for pair in ranking(records, objective) if len(mean_importances(records, objective, pair)))
    return next(known, None)


def rows_csv(records: SurrogateRecords) -> str:
    """Write one line per fit, full precision, ``nan`` where a measure is undefined."""
    return records.rows.to_csv(index=False, na_rep="nan", lineterminator="\n")


def _lookup(
    curves: pd.DataFrame, objective: str, order: Sequence[tuple[str, str]], size: int
) -> list[tuple[float, float]]:
    keys = [(objective, *pair, size) for pair in order]
    found = curves[["mean", "std"]].reindex(keys)
    return [(float(mean), float(std)) for mean, std in found.itertuples(index=False, name=None)]


def _at_largest(
    records: SurrogateRecords, objective: str, order: Sequence[tuple[str, str]], measure: str
) -> list[tuple[float, float]]:
    curves = learning_curves(records, measure).set_index(["objective", *PAIR, "train_size"])
    return _lookup(curves, objective, order, records.largest(objective))


def _moments(
    values: Sequence[tuple[float, float]],
    write: Callable[[float], str],
    sign: int = 1,
    *,
    target: float | None = None,
    spread: bool = True,
) -> list[Entry]:
    """Return the entries of one column of one group: the largest is best, the smallest, or the nearest to a target."""
    merits = [sign * mean if target is None else -abs(mean - target) for mean, _ in values]
    best = max((merit for merit in merits if not math.isnan(merit)), default=math.nan)
    return [
        Entry(
            "–" if math.isnan(mean) else write(mean),
            write(std) if spread and not math.isnan(std) else "",
            best=len(values) > 1 and math.isclose(merit, best, rel_tol=1e-12),
        )
        for (mean, std), merit in zip(values, merits, strict=True)
    ]


def _rows(group: str, order: Sequence[tuple[str, str]], columns: Sequence[Sequence[Entry]]) -> list[Row]:
    return [Row(group, (Entry(", ".join(pair)), *entries)) for pair, *entries in zip(order, *columns, strict=True)]


def _at(records: SurrogateRecords, objective: str) -> str:
    return f"{records.title(objective)} ({records.largest(objective)} training networks)"


def _r2_ceiling(records: SurrogateRecords, objective: str) -> str:
    ceiling = records.ceiling_r2(objective)
    return "" if math.isnan(ceiling) else f", R2 at most {_decimals(ceiling)}"


def _decimals(value: float) -> str:
    return f"{value:.3f}"


def _percent(value: float) -> str:
    return f"{100 * value:.1f}"


def _seconds(value: float) -> str:
    return f"{value:.3f}" if value < 1 else f"{value:.2f}"
