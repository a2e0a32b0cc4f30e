"""Correlations: do metrics rank the networks alike? Kendall's tau between clean accuracy, attacks and corruptions."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from experiments.pages.table import Entry, ReportTable, Row
from experiments.paper.correlations.correlation_figures import named_tau_figure, tau_figure
from experiments.paper.correlations.rank_correlations import (
    clean_against,
    mean_corruptions,
    metric_columns,
    tau_matrix,
)
from experiments.paper.objective_scores import ObjectiveScores, objective_scores
from experiments.paper.section import Question, Section
from robustnas.arrays import FloatArray
from robustnas.errors import ObjectiveError
from robustnas.metric import CORRUPTIONS, Metric
from robustnas.objectives import cross_objectives
from robustnas.tables.database.database import DatabaseTable

_PARAGRAPHS = (
    "Kendall's tau-b over the 6,466 networks: the share of pairs of networks that two metrics order alike, minus the "
    "share that they order differently, corrected for ties. The paper shows the same matrices.",
    "All metrics were measured on the same trained weights. Random effects of training therefore show "
    "in all of them, and neighbouring eps correlate more than two separate trainings of the same cell would. On the "
    "other hand, training noise bounds tau between metrics that have little in common; the section on the noise floor "
    "says how well a metric agrees with itself after another training.",
    "Where most networks are near zero (PGD and APGD-CE at large eps), ties are frequent, and the order depends on a "
    "few test images, or on networks that guess: such a metric may reverse the order given by a weaker attack.",
    "Over all networks, tau is raised by those that hardly work, which are poor under every mild metric. Among the "
    "best by clean accuracy, the networks that one would choose from, the correlation is different.",
)


def correlations(question: Question) -> Section:
    """Return Kendall's tau between all metrics that the table holds.

    Raises:
        ObjectiveError: It holds fewer than two.
    """
    table = question.table
    columns = metric_columns(table)
    if len(columns) < 2:
        raise ObjectiveError(f"{table.dataset} holds {len(columns)} metric; expected two or more to correlate")
    question.progress("correlations: every pair of metrics", 0.1)
    whole = tau_matrix(columns)
    objectives = _objectives(table)
    named = _named(objectives, mean_corruptions(table))
    by_corruption = tau_matrix({name: scores for name, scores, _ in named})
    against = _against(columns, objectives)
    question.progress("correlations: figures", 0.8)
    attacks = [name for name in columns if Metric.parse(name).kind not in CORRUPTIONS]
    figures = {}
    if len(named) > 1:
        figures["correlations_corruptions"] = named_tau_figure(by_corruption, [label for *_, label in named])
    if len(attacks) > 1:
        figures["correlations_attacks"] = tau_figure(whole.loc[attacks, attacks])
    if len(attacks) < len(columns):
        figures["correlations_all"] = tau_figure(whole)
    return Section(
        name="correlations",
        title="Rank correlations",
        lead=_lead(objectives, against, whole),
        paragraphs=_PARAGRAPHS,
        frames={"tau_all": whole.reset_index(), "tau_corruptions": by_corruption.reset_index(), "tau_clean": against},
        tables={"tau_clean": _clean_table(against, objectives)} if len(against) and len(objectives) > 1 else {},
        figures={name: figures[name] for name in sorted(figures)},
        captions={
            "correlations_attacks": "100 times Kendall's tau between clean accuracy and every attack and eps (1/255).",
            "correlations_corruptions": "100 times Kendall's tau between the objectives of the paper's Table 1 and "
            "every corruption, mean over its severities.",
            "correlations_all": "Kendall's tau between all metrics, eps and severities rising within each block.",
        },
    )


def _objectives(table: DatabaseTable) -> tuple[ObjectiveScores, ...]:
    """Return the paper's objectives that the table holds, possibly none."""
    return objective_scores(table) if cross_objectives(table) else ()


def _named(
    objectives: tuple[ObjectiveScores, ...], corruptions: Mapping[str, FloatArray]
) -> list[tuple[str, FloatArray, str]]:
    """Return name, scores and label of the objectives, then of each corruption."""
    found = [(entry.name, entry.scores, entry.title) for entry in objectives]
    return [*found, *((name, scores, name.replace("_", " ")) for name, scores in corruptions.items())]


def _against(columns: Mapping[str, FloatArray], objectives: tuple[ObjectiveScores, ...]) -> pd.DataFrame:
    """Return tau of every other metric and objective with clean accuracy; empty where that is not held."""
    if "clean" not in columns:
        return pd.DataFrame()
    others = {name: scores for name, scores in columns.items() if name != "clean"}
    others |= {entry.name: entry.scores for entry in objectives if entry.name != "clean"}
    return clean_against(columns["clean"], others)


def _lead(objectives: tuple[ObjectiveScores, ...], against: pd.DataFrame, whole: pd.DataFrame) -> str:
    """Say with which objective clean accuracy agrees most and least, over all networks and among the best."""
    shown = {entry.name: entry.title for entry in objectives if entry.name != "clean"}
    if against.empty or not shown:
        return _extremes(whole)
    taus = against.pivot_table(index="metric", columns="share", values="kendall_tau", dropna=False)
    known = taus[1.0][list(shown)].dropna()
    if known.empty:
        return _extremes(whole)
    most, least = str(known.idxmax()), str(known.idxmin())
    only = f"Clean accuracy ranks the networks like {shown[most]} with a Kendall tau of {_tau(taus[1.0][most])}"
    if most == least:
        return f"{only}."
    return f"{only}, but like {shown[least]} with one of only {_tau(taus[1.0][least])}."


def _extremes(whole: pd.DataFrame) -> str:
    """Say which two metrics agree most and least."""
    values = whole.to_numpy(dtype=float)
    low = np.tril_indices(len(values), -1)
    taus = values[low]
    if not np.isfinite(taus).any():
        return "No two metrics vary, so no correlation is defined."
    most, least = int(np.nanargmax(taus)), int(np.nanargmin(taus))
    first, second = ([whole.columns[i] for i in (low[0][k], low[1][k])] for k in (most, least))
    return (
        f"{' and '.join(first)} agree most, with a Kendall tau of {taus[most]:.2f}; {' and '.join(second)} least, with "
        f"{taus[least]:.2f}."
    )


def _clean_table(against: pd.DataFrame, objectives: tuple[ObjectiveScores, ...]) -> ReportTable:
    taus = against.pivot_table(index="metric", columns="share", values="kendall_tau", dropna=False)
    sizes = against.groupby("share")["n"].first()
    shares = sorted(sizes.index, reverse=True)
    rows = [
        Row("", (Entry(entry.title), *(Entry(_tau(float(taus[share][entry.name]))) for share in shares)))
        for entry in objectives
        if entry.name != "clean"
    ]
    heads = [f"all {sizes[s]:,}" if s == 1 else f"best {100 * s:g} % ({sizes[s]:,})" for s in shares]
    note = "Networks are chosen by clean accuracy; ties at the border are all included."
    return ReportTable("Kendall's tau with clean accuracy", ("objective", *heads), tuple(rows), note)


def _tau(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.2f}".replace("-", "−")
