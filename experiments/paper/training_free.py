"""Training-free measures: how well what is known before training ranks the networks by accuracy and robustness."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd

from experiments.pages.table import Entry, ReportTable, Row
from experiments.pages.wording import counted
from experiments.paper.correlations.correlation_figures import measures_figure
from experiments.paper.correlations.rank_correlations import kendall
from experiments.paper.design.network_size import network_parameters
from experiments.paper.objective_scores import ObjectiveScores, objective_scores
from experiments.paper.section import Question, Section
from experiments.surrogate_benchmark.noise_ceiling import noise_ceiling
from robustnas.arrays import FloatArray
from robustnas.errors import ObjectiveError
from robustnas.metric import ATTACKS
from robustnas.objectives import cross_objectives, title
from robustnas.objectives.objective import Objective
from robustnas.spaces.nasbench201 import space
from robustnas.spaces.nasbench201.cost import all_flops
from robustnas.tables.database.database import DatabaseTable
from robustnas.tables.table import skeleton_of

COSTS = ("params", "flops")
MOST_SHOWN = 40
"""Measures drawn at most: those that correlate most with any metric."""

_PARAGRAPHS = (
    "Kendall's tau-b between each measure and each metric over the networks that have both. Positive: networks with a "
    "larger value are more accurate. Signs are kept; a strong negative tau is as good as a positive "
    "one. The paper studies measures of the Jacobian and the Hessian.",
    "Parameters and multiply-accumulates are those of the network as it was trained, convolutions without effect "
    "included. They are the baseline that a useful measure has to beat. A perfect predictor would not "
    "reach 1, because accuracies carry training noise: the last line of the table shows what it would reach.",
    "A measure that is known for few networks has an uncertain tau: the standard error is about 2 / (3 √n) for a weak "
    "one, 0.03 for 500 networks. Attached tables are shown whatever they hold, numbers that required training "
    "included.",
)


def training_free(question: Question) -> Section:
    """Return Kendall's tau between measures that need no training and every metric under attack.

    Measures are parameters, multiply-accumulates and every column of the attached tables.

    Raises:
        ObjectiveError: The table holds neither clean accuracy nor an attack nor all corruptions.
    """
    table = question.table
    measures, metrics = measure_columns(table), _metric_columns(table)
    if not metrics:
        raise ObjectiveError(f"{table.dataset} holds neither clean accuracy, nor an attack, nor all corruptions")
    question.progress("training_free: measures against metrics", 0.1)
    frame = measure_correlations(measures, metrics)
    ceilings = {entry.name: noise_ceiling(entry.scores).kendall_tau for entry in _objectives(table)}
    matrix = frame.pivot_table(index="measure", columns="metric", values="kendall_tau", dropna=False)
    matrix = matrix.loc[_strongest(matrix, list(measures)), list(metrics)]
    return Section(
        name="training_free",
        title="Training-free measures",
        lead=_lead(frame, table),
        paragraphs=(*_PARAGRAPHS, _how_to_attach(table)),
        frames={"training_free": frame},
        tables={"training_free": _table(frame, ceilings, table)} if ceilings else {},
        figures={"training_free": measures_figure(matrix)},
        captions={
            "training_free": "100 times Kendall's tau between measures and accuracy, eps (1/255) rising; "
            "corr. is the mean over all corruptions."
        },
    )


def measure_columns(table: DatabaseTable) -> dict[str, FloatArray]:
    """Return every measure over the networks by name, shape (6466,): costs, then attached columns; NaN if unknown."""
    rows = space.network_indices()
    flops = np.asarray(all_flops(skeleton_of(table))[rows], dtype=float)
    attached = {name: np.asarray(values[rows], dtype=float) for name, values in table.attached_columns().items()}
    return {"params": network_parameters(table), "flops": flops, **attached}


def measure_correlations(measures: Mapping[str, FloatArray], metrics: Mapping[str, FloatArray]) -> pd.DataFrame:
    """Return Kendall's tau of every measure with every metric: columns measure, metric, n (networks), kendall_tau."""
    rows = []
    for measure, values in measures.items():
        for metric, scores in metrics.items():
            n = int((np.isfinite(values) & np.isfinite(scores)).sum())
            rows.append({"measure": measure, "metric": metric, "n": n, "kendall_tau": kendall(values, scores)})
    return pd.DataFrame(rows)


def _metric_columns(table: DatabaseTable) -> dict[str, FloatArray]:
    """Return clean, attacks by eps, and the mean over all corruptions, as far as they are held."""
    found = {
        str(metric): table.network_column(metric)
        for metric in table.metrics
        if metric.kind == "clean" or metric.kind in ATTACKS
    }
    if Objective("corruption") in cross_objectives(table):
        found["corruption"] = Objective("corruption").evaluate(table)[space.network_indices()]
    return found


def _objectives(table: DatabaseTable) -> tuple[ObjectiveScores, ...]:
    return objective_scores(table) if cross_objectives(table) else ()


def _strongest(matrix: pd.DataFrame, order: list[str]) -> list[str]:
    """Return the measures to draw, in the order in which they are attached."""
    strength = matrix.abs().max(axis=1).fillna(-1.0).sort_values(ascending=False, kind="stable")
    chosen = {*COSTS, *strength.index[: MOST_SHOWN - len(COSTS)]}
    return [name for name in order if name in chosen]


def _lead(frame: pd.DataFrame, table: DatabaseTable) -> str:
    """Say which measure ranks which objective best."""
    shown = [name for name in map(str, cross_objectives(table)) if name in set(frame["metric"])]
    chosen = frame[frame["metric"].isin(shown or list(frame["metric"].unique())[:1]) & frame["kendall_tau"].notna()]
    attached = frame["measure"].nunique() - len(COSTS)
    what = (
        f"{counted(attached, 'attached measure')}, parameters and FLOPs"
        if attached
        else "parameters and FLOPs (no table of measures is attached)"
    )
    if chosen.empty:
        return f"Of {what}, none varies with accuracy."
    best = chosen.iloc[int(chosen["kendall_tau"].abs().to_numpy().argmax())]
    said = f"Of {what}, {best['measure']} ranks best without training: {title(best['metric'])}"
    return f"{said}, with a Kendall tau of {_tau(best['kendall_tau'])}."


def _how_to_attach(table: DatabaseTable) -> str:
    own = f"robustnas data attach FILE --dataset {table.dataset} --name NAME"
    computed = f"robustnas proxies --cells networks --out proxies.csv --attach proxies --dataset {table.dataset}"
    have = ", ".join(table.attached)
    state = f"Attached here: {have}." if have else "Nothing is attached here."
    return f"{state} To add measures that you have: {own}. To compute some: {computed}. Then run the analysis again."


def _table(frame: pd.DataFrame, ceilings: Mapping[str, float], table: DatabaseTable) -> ReportTable:
    taus = frame.pivot_table(index="measure", columns="metric", values="kendall_tau", dropna=False)
    most = frame.groupby("measure")["n"].max()
    best = {name: float(taus[name].abs().max()) for name in ceilings}
    rows = []
    for measure in dict.fromkeys(frame["measure"]):
        values = [float(taus.loc[measure, name]) for name in ceilings]
        entries = [Entry(_tau(v), best=abs(v) == best[name]) for v, name in zip(values, ceilings, strict=True)]
        rows.append(Row("", (Entry(str(measure)), *entries, Entry(f"{most[measure]:,}"))))
    rows.append(Row("", (Entry("a perfect predictor"), *(Entry(_tau(v)) for v in ceilings.values()), Entry("–"))))
    titles = [entry.title for entry in objective_scores(table)]
    note = "Bold: strongest of the column. A perfect predictor: the noise ceiling, simulated from functional twins."
    return ReportTable("Kendall's tau with accuracy", ("measure", *titles, "networks"), tuple(rows), note)


def _tau(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.2f}".replace("-", "−")
