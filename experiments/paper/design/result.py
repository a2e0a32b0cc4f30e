"""Architecture design: equal size and unequal robustness, what operations do where, size, and the best in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from experiments.pages.feature_titles import operation_title
from experiments.pages.table import Entry, ReportTable, Row, number
from experiments.paper.design.cell_effects import CellEffects, cell_effects, connected
from experiments.paper.design.cell_figure import cells_figure
from experiments.paper.design.design_figures import effects_figure, overlap_figure, size_figure
from experiments.paper.design.equal_size import N_1X1, N_3X3, equal_size_networks, extreme_cells, size_groups
from experiments.paper.design.network_size import size_bins, size_correlations
from experiments.paper.design.top_overlap import top_overlap
from experiments.paper.objective_scores import ObjectiveScores, n_attack_columns, objective_scores
from experiments.paper.section import Question, Section
from robustnas.objectives import objective_column
from robustnas.spaces.nasbench201.cell import Cell
from robustnas.tables.database.database import DatabaseTable

_PARAGRAPHS = (
    "In the paper, networks with the same number of parameters differ widely in robustness; the 405 "
    "evaluated networks with exactly two 3x3 and no 1x1 convolutions serve as the example. Mean accuracy under "
    "attack is the mean over every attack and eps that the data holds. The drawn cells are the three best and the "
    "three worst functions of that group; parameters are those of the trained network, those of convolutions "
    "without effect included.",
    "Effects come from an additive model: accuracy is a mean plus one effect per edge and operation, fitted by "
    "least squares over all cells that carry something from input to output. The reference is the average "
    "operation: the five effects of an edge sum to zero. Intervals are 95 %, with standard errors clustered by "
    "function, so that cells that share a network do not count as independent. The model ignores interactions "
    "between operations; R2 says how much it explains. An operation on an edge that leads nowhere counts like any "
    "other.",
    "Bins of size hold about the same number of networks; the space has 28 sizes, and no size is split. In top-k "
    "overlap, ties at the k-th place, frequent among accuracies of three decimals, are broken at random. The best k "
    "also differ by chance: two trainings of the same functions would not share all of their best k either.",
)


_COUNTS = f"{N_3X3} convolutions of 3×3, {N_1X1 or 'none'} of 1×1"


def design(question: Question) -> Section:
    """Return the paper's results on architecture design, with effects of operations and edges added.

    Raises:
        ObjectiveError: The table holds no attack, or none of the paper's objectives.
    """
    table = question.table
    objectives = objective_scores(table)
    networks, groups = equal_size_networks(table), size_groups(table)
    extremes = extreme_cells(networks)
    question.progress("design: effects of operations", 0.2)
    effects = operation_effects(table, objectives)
    bins, correlations = size_bins(table, objectives), size_correlations(table, objectives)
    overlaps = top_overlap(objectives)
    question.progress("design: figures", 0.6)
    titles = [
        _cell_title(place, score) for place, score in zip(extremes["place"], extremes["adversarial"], strict=True)
    ]
    return Section(
        name="design",
        title="Architecture design",
        lead=_lead(networks),
        paragraphs=_PARAGRAPHS,
        frames={
            "equal_size": extremes,
            "size_groups": groups,
            "operation_effects": effects_frame(effects),
            "size_bins": bins,
            "size_correlations": correlations,
            "top_overlap": overlaps,
        },
        tables={
            "strongest_effects": _strongest_table(effects, objectives),
            "size_groups": _groups_table(groups, n_attack_columns(table)),
            "operation_effects": _effects_table(effects, objectives),
            "size_correlations": _correlations_table(correlations, objectives),
        },
        figures={
            "design_cells": cells_figure([Cell.parse(arch) for arch in extremes["arch"]], titles),
            "design_effects": effects_figure(effects, objectives),
            "design_size": size_figure(bins, objectives),
            "design_overlap": overlap_figure(overlaps, objectives),
        },
        captions=_captions(len(networks)),
    )


def operation_effects(table: DatabaseTable, objectives: Sequence[ObjectiveScores]) -> dict[str, CellEffects]:
    """Return the additive model of every objective by name, over the cells that carry something to the output."""
    return {entry.name: cell_effects(connected(objective_column(entry.name, table))) for entry in objectives}


def effects_frame(effects: Mapping[str, CellEffects]) -> pd.DataFrame:
    """Return several models below each other: columns objective, r2 and those of `CellEffects.frame`."""
    frames = [model.frame.assign(objective=name, r2=model.r2) for name, model in effects.items()]
    frame = pd.concat(frames, ignore_index=True)
    return frame[["objective", "r2", *(name for name in frame.columns if name not in ("objective", "r2"))]]


def _lead(networks: pd.DataFrame) -> str:
    low, high = networks["adversarial"].min(), networks["adversarial"].max()
    return (
        f"Size does not determine robustness: {len(networks)} networks of the same number of parameters ({_COUNTS}) "
        f"have a mean accuracy under attack from {100 * low:.1f} to {100 * high:.1f} %."
    )


def _strongest_table(effects: Mapping[str, CellEffects], objectives: Sequence[ObjectiveScores]) -> ReportTable:
    """Return the operation and the edge that help most, by objective."""
    rows = []
    for entry in objectives:
        frame = effects[entry.name].frame
        row = frame.iloc[int(frame["effect"].to_numpy().argmax())]
        half = f"{100 * (row['high'] - row['effect']):.1f}"
        names = (Entry(entry.title), Entry(operation_title(str(row["operation"]))), Entry(str(row["edge"])))
        rows.append(Row("", (*names, Entry(f"{100 * row['effect']:+.1f}", half))))
    columns = ("objective", "operation", "edge", "points")
    note = "Against the average operation of the edge, ± half the 95 % interval."
    return ReportTable("What helps most", columns, tuple(rows), note)


def _cell_title(place: str, score: float) -> str:
    return f"{place}: mean under attack {100 * score:.1f} %"


def _groups_table(groups: pd.DataFrame, n_columns: int) -> ReportTable:
    rows = []
    for line in groups.to_dict("records"):
        entries = [f"{line['n_3x3']} and {line['n_1x1']}", f"{line['params']:,}", str(line["n_networks"])]
        entries += [number(line[name], "accuracy") for name in ("min", "median", "max", "range", "range_live")]
        rows.append(Row("", tuple(Entry(text) for text in entries)))
    columns = ("3×3 and 1×1", "parameters", "networks", "least", "median", "most", "range", "range, all in use")
    caption = f"Mean accuracy in percent over {n_columns} columns of attacks, by the number of convolutions"
    floor = number(float(groups["noise_floor"].iloc[0]), "accuracy")
    note = f"Range, all in use: among networks all of whose convolutions lie on a path. Noise floor {floor} points."
    return ReportTable(caption, columns, tuple(rows), note)


def _effects_table(effects: Mapping[str, CellEffects], objectives: Sequence[ObjectiveScores]) -> ReportTable:
    rows = []
    for entry in objectives:
        model = effects[entry.name]
        for edge, group in model.frame.groupby("edge", sort=False):
            lines = group.to_dict("records")
            best = max(float(line["effect"]) for line in lines)
            rows.append(
                Row(f"{entry.title} (R2 {model.r2:.2f})", (Entry(str(edge)), *(_effect(x, best) for x in lines)))
            )
    columns = ("edge", "none", "skip", "1×1 conv", "3×3 conv", "3×3 avg pool")
    note = "± half the 95 % interval. Bold: the best operation of the edge."
    return ReportTable("Effects in points against the average operation", columns, tuple(rows), note, "objective")


def _effect(line: Mapping[Any, Any], best: float) -> Entry:
    text = f"{100 * line['effect']:+.2f}"
    return Entry(text, f"{100 * (line['high'] - line['effect']):.2f}", best=float(line["effect"]) == best)


def _correlations_table(correlations: pd.DataFrame, objectives: Sequence[ObjectiveScores]) -> ReportTable:
    rows = [
        Row("", (Entry(entry.title), Entry(f"{line['kendall_tau']:.2f}"), Entry(f"{line['spearman']:.2f}")))
        for entry, line in zip(objectives, correlations.to_dict("records"), strict=True)
    ]
    return ReportTable(
        "Accuracy against the number of parameters", ("objective", "Kendall tau", "Spearman"), tuple(rows)
    )


def _captions(n_networks: int) -> dict[str, str]:
    return {
        "design_cells": f"Best and worst cells of {n_networks} networks of one size: two 3x3, no 1x1 convolutions.",
        "design_effects": "Effect of each operation on each edge in points against the average operation; in brackets "
        "where the 95 % interval holds zero.",
        "design_size": "Accuracy against the number of parameters: quantiles over networks in bins of size.",
        "design_overlap": "Share of the k best networks that two objectives have in common, in percent.",
    }
