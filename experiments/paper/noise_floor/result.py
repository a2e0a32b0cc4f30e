"""The noise floor: how far apart two trainings of one function are, and which differences it hides."""

from __future__ import annotations

import math

import pandas as pd

from experiments.pages.table import Entry, ReportTable, Row
from experiments.paper.noise_floor.expected_best import expected_frame, expected_table
from experiments.paper.noise_floor.noise_figures import levels_figure, metrics_figure
from experiments.paper.noise_floor.seed_noise import seed_frame, seed_groups, seed_table
from experiments.paper.noise_floor.twin_noise import N_FOUND, differences, noise_by_level, noise_frame
from experiments.paper.section import Question, Section
from robustnas.arrays import FloatArray
from robustnas.errors import ObjectiveError
from robustnas.metric import SEVERITIES, corruption_metrics
from robustnas.objectives import cross_objectives, objective_column, title
from robustnas.objectives.facts import CROSS_OBJECTIVES
from robustnas.spaces.nasbench201 import space
from robustnas.tables.database.database import DatabaseTable

_PARAGRAPHS = (
    "The database holds networks that compute the same function and were trained separately: 641 groups of functional "
    "twins among the 6,466. All spread within a group is training noise (and the noise of a random attack, where it is "
    "one). The noise floor is the pooled standard deviation within groups; its 95 % interval comes from a bootstrap "
    "over whole groups. The paper trained every network once and reports no noise.",
    "Within one: networks whose score is less than one standard deviation below the best. Within 2.77: less than 1.96 "
    "√2 standard deviations, by which two trainings of equally good networks may differ (95 %). The best of a table is "
    "also the luckiest: its score, trained again, would probably be lower.",
    "A difference between two strategies matters, as far as training noise goes, above 1.96 √(2/n) standard "
    "deviations, if each mean is over n different networks, one per seed. Seeds that end on the same network share its "
    "noise, and n is then the number of distinct networks: where all seeds of a strategy end on one, n is 1, whatever "
    "the number of seeds. The spread between seeds comes on top.",
    "Twins are not a random sample: a function that several cells compute tends to be a simple one. The pooled value "
    "is dominated by groups at accuracies where noise is large; the noise by accuracy level shows how much that "
    "matters. The levels hold about equally many groups of twins. Near the best: the groups of twins with the highest "
    "means, 100 networks of them.",
)
_SEEDS = (
    "Attached columns named for training seeds (val_acc_seed0, val_acc_seed1, ...) are trainings of the same networks: "
    "their spread is a second estimate of training noise, independent of twins, over networks of every kind. It is of "
    "another number than clean test accuracy, so the two need agree in size only."
)


def noise_floor(question: Question) -> Section:
    """Return the training noise of every metric, from functional twins, and what it means for comparisons.

    Raises:
        ObjectiveError: The table holds no metric.
    """
    table = question.table
    columns = _columns(table)
    if not columns:
        raise ObjectiveError(f"{table.dataset} holds no metric; expected accuracies")
    question.progress("noise_floor: functional twins", 0.1)
    noise = noise_frame(columns, question.seed)
    shown = _shown(table)
    chosen = noise[noise["metric"].isin(shown)]
    levels = noise_by_level({name: columns[name] for name in shown}, question.seed)
    least = differences(noise)
    question.progress("noise_floor: expected scores", 0.4)
    worth = expected_frame(_modelled(shown), table)
    question.progress("noise_floor: figures", 0.8)
    titles = {name: title(name) for name in shown}
    groups = seed_groups(_attached(table))
    seeds = seed_frame(groups, {"clean": columns["clean"]} if "clean" in columns else {})
    return Section(
        name="noise_floor",
        title="The noise floor",
        lead=_lead(chosen, titles),
        paragraphs=(*_PARAGRAPHS, _SEEDS) if groups else _PARAGRAPHS,
        frames={"noise_floor": noise, "noise_by_level": levels, "differences": least}
        | ({"expected_best": worth} if len(worth) else {})
        | ({"seed_noise": seeds} if groups else {}),
        tables={"noise_floor": _noise_table(chosen, titles), "differences": _differences_table(chosen, titles)}
        | ({"expected_best": expected_table(worth, titles)} if len(worth) else {})
        | ({"seed_noise": seed_table(seeds, titles)} if groups else {}),
        figures={
            "noise_floor_metrics": metrics_figure(noise),
            "noise_floor_levels": levels_figure(
                levels, titles, dict(zip(chosen["metric"], chosen["std"], strict=True))
            ),
        },
        captions={
            "noise_floor_metrics": "Standard deviation between trainings of one function, with its 95 % interval, and "
            "its share of the variance over all networks. Grey: single corruptions, of which those that end "
            "highest and lowest are named. Eps above 16 is not shown; the data has it.",
            "noise_floor_levels": "The same by accuracy: groups of twins in bins of about equally many. Dashed: "
            "pooled.",
        },
    )


def _columns(table: DatabaseTable) -> dict[str, FloatArray]:
    """Return every metric over the networks, then means over the corruptions, if all are held."""
    rows = space.network_indices()
    found = {str(metric): table.network_column(metric) for metric in table.metrics}
    if set(table.metrics).issuperset(corruption_metrics()):
        means = ["corruption", *(f"corruption@{severity}" for severity in SEVERITIES)]
        found |= {name: objective_column(name, table)[rows] for name in means}
    return found


def _attached(table: DatabaseTable) -> dict[str, FloatArray]:
    """Return the attached columns as in their files: cells without a number have none from others of their network."""
    return {name: values for found in table.attached.values() for name, values in found.cell_columns().items()}


def _shown(table: DatabaseTable) -> list[str]:
    """Return the paper's objectives, or the first metrics if the table holds none of them."""
    return [str(found) for found in cross_objectives(table)] or [str(metric) for metric in table.metrics][:6]


def _lead(chosen: pd.DataFrame, titles: dict[str, str]) -> str:
    """Say how far apart two trainings are, least and most, and where that leaves most networks as good as the best."""
    lines = sorted(chosen.to_dict("records"), key=lambda line: _or_zero(line["std"]))
    least, most, many = lines[0], lines[-1], max(lines, key=lambda line: int(line["n_within"]))
    stds = f"{_points(least['std'])} points ({titles[least['metric']]})"
    if most is not least:
        stds += f" to {_points(most['std'])} ({titles[most['metric']]})"
    return (
        f"Two trainings of one function differ by a standard deviation of {stds}: {many['n_within']} networks are "
        f"within it of the best by {titles[many['metric']]}."
    )


def _or_zero(value: float) -> float:
    return 0.0 if math.isnan(value) else value


def _modelled(names: list[str]) -> list[str]:
    """Return the objectives that expected scores are shown of: those of the paper."""
    paper = {objective.expression for objective in CROSS_OBJECTIVES}
    return [name for name in names if name in paper]


def _noise_table(chosen: pd.DataFrame, titles: dict[str, str]) -> ReportTable:
    rows = []
    for line in chosen.to_dict("records"):
        texts = [_points(line["std"]), f"{_points(line['low'])} to {_points(line['high'])}", _points(line["best"])]
        texts += [f"{line['n_within']:,}", f"{line['n_within_95']:,}"]
        texts += [_points(line["std_near_best"]), f"{line['n_within_near_best']:,}", f"{100 * line['noise_share']:.1f}"]
        rows.append(Row("", tuple(Entry(text) for text in (titles[line["metric"]], *texts))))
    pooled = ("objective", "std", "95 % interval", "best", "networks within 1", "within 2.77")
    columns = (*pooled, "std near the best", "networks within it", "% of variance")
    n_groups = int(chosen["n_groups"].max())
    return ReportTable(f"Training noise in points, from {n_groups} groups of functional twins", columns, tuple(rows))


def _differences_table(chosen: pd.DataFrame, titles: dict[str, str]) -> ReportTable:
    wide = differences(chosen).pivot_table(index="metric", columns="n_found", values="difference", dropna=False)
    rows = [
        Row("", (Entry(titles[name]), *(Entry(_points(float(wide.loc[name, n]))) for n in N_FOUND)))
        for name in chosen["metric"]
    ]
    heads = ("objective", *(f"n = {n}" for n in N_FOUND))
    note = (
        "n: distinct networks that the seeds of a strategy end on, at most the number of seeds. 5 % level, two-sided."
    )
    return ReportTable(
        "Difference between the means of two strategies that matters, in points", heads, tuple(rows), note
    )


def _points(value: float) -> str:
    return "–" if math.isnan(value) else f"{100 * value:.2f}"
