"""Two datasets side by side: does what ranks the networks of one rank those of the other, and what is lost if not?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.colors import Normalize, TwoSlopeNorm

from experiments.pages.heat_map import DIVERGING, RISING, draw_heat_map
from experiments.pages.panels import one_panel
from experiments.pages.table import Entry, ReportTable, Row
from experiments.paper.objective_scores import ObjectiveScores, objective_scores
from experiments.paper.section import Question, Section
from experiments.paper.side_by_side.choices import TOP, choices, noises
from robustnas.errors import ObjectiveError
from robustnas.tables.database.column_names import ROBBENCH
from robustnas.tables.database.database import DatabaseTable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_PARAGRAPHS = (
    "Networks are chosen by a row, an objective of the first dataset, and used on a column, one of the second. The "
    f"overlap is the share of the {TOP} best by the row that are among the {TOP} best by the column; random orders "
    f"share less than one in a hundred. The best of the {TOP} best is what is found if all {TOP} are measured on the "
    "column.",
    "Noise floors are from functional twins: they are those of the values as they are, and means of several training "
    "seeds have less noise than single ones. Noise on either side lowers every tau, so a tau below 1 is no proof of a "
    "difference; an order that is reversed, or a regret of many noise floors, is not explained by noise.",
    "Both datasets have the same cells. They may differ in images, in the recipe of training and in how attacks were "
    "run, so a difference is that of everything together. A tau says how alike two orders are, not why: that one "
    "measure predicts another does not make it a cause of it, and says nothing of networks outside of this search "
    "space.",
)


def side_by_side(question: Question) -> Section:
    """Return what ranks and choices of the dataset are worth on another one, `Question.against`.

    Raises:
        ObjectiveError: There is no other dataset, or one of them has no objective.
    """
    other = _other(question)
    table = question.table
    first, second = objective_scores(table), objective_scores(other)
    question.progress("side by side: pairs", 0.3)
    frame = choices(first, second, TOP, question.seed)
    if not frame["n"].any():
        raise ObjectiveError(f"{table.dataset} and {other.dataset} have no network in common")
    noise = pd.concat([noises(first, table.dataset), noises(second, other.dataset)], ignore_index=True)
    return Section(
        name="side_by_side",
        title=f"{table.dataset} and {other.dataset} side by side",
        lead=_lead(frame, table, other),
        paragraphs=(_regimes(table, other), *_PARAGRAPHS),
        frames={"side_by_side": frame, "side_by_side_noise": noise},
        tables={"side_by_side": _table(frame, table, other, first, second), "side_by_side_noise": _noise_table(noise)},
        figures={
            "side_by_side_overlap": _figure(frame, table, other, "overlap", f"share of the {TOP} best in common"),
            "side_by_side_tau": _figure(frame, table, other, "kendall_tau", "Kendall tau"),
        },
        captions={
            "side_by_side_overlap": f"Percent of the {TOP} best by the row among the {TOP} best by the column.",
            "side_by_side_tau": "Kendall tau between objectives of the two datasets over all networks.",
        },
    )


def counterpart(dataset: str, known: Sequence[str]) -> str | None:
    """Return what a dataset is compared with if nothing is named: its other regime, else another one; None if alone.

    >>> counterpart("cifar10", ["cifar10", "cifar100", "robbench-cifar10"])
    'robbench-cifar10'
    """
    others = [name for name in known if name != dataset]
    regimes = [f"{ROBBENCH}{dataset}", dataset.removeprefix(ROBBENCH)]
    return next((name for name in (*regimes, *others) if name in others), None)


def _other(question: Question) -> DatabaseTable:
    if question.against is not None:
        return question.against
    name = counterpart(question.table.dataset, list(question.others))
    if name is None:
        advice = "fetch or import another one, such as robbench, and name it with --against"
        raise ObjectiveError(f"{question.table.dataset} is the only dataset in {question.table.folder}; {advice}")
    return question.others[name]


def _regimes(table: DatabaseTable, other: DatabaseTable) -> str:
    each = [f"{one.dataset}: {one.training or 'of training not known'}" for one in (table, other)]
    return f"The networks of {'; of '.join(each)}."


def _lead(frame: pd.DataFrame, table: DatabaseTable, other: DatabaseTable) -> str:
    names = list(dict.fromkeys(frame["used_on"]))
    used_on = next((name for name in reversed(names) if "@" in name), names[-1])  # the last attack
    part = frame[frame["used_on"] == used_on].dropna(subset="kendall_tau")
    if part.empty:
        return f"No objective of {table.dataset} has a rank correlation with {used_on} of {other.dataset}."
    ordered = part.sort_values("kendall_tau", kind="stable").to_dict("records")
    most, least = ordered[-1], ordered[0]
    said = f"{used_on} of {other.dataset} ranks the networks most as {most['chosen_by']} of {table.dataset} does"
    if len(ordered) == 1:
        return f"{said} (Kendall tau {_signed(most['kendall_tau'])})."
    return (
        f"{said} (Kendall tau {_signed(most['kendall_tau'])}) and least as {least['chosen_by']} does "
        f"({_signed(least['kendall_tau'])})."
    )


def _figure(frame: pd.DataFrame, table: DatabaseTable, other: DatabaseTable, column: str, label: str) -> Figure:
    rows, columns = list(dict.fromkeys(frame["chosen_by"])), list(dict.fromkeys(frame["used_on"]))
    matrix = frame[column].to_numpy(dtype=float).reshape(len(rows), len(columns))
    is_tau = column == "kendall_tau"
    norm: Normalize = TwoSlopeNorm(0.0, -1.0, 1.0) if is_tau else Normalize(0.0, 1.0)
    write: Callable[[float], str] = _signed if is_tau else (lambda value: f"{100 * value:.0f}")
    with one_panel(1.3 + 0.24 * len(rows)) as (figure, axes):
        cmap = DIVERGING if is_tau else RISING
        image = draw_heat_map(axes, matrix, rows, columns, norm=norm, cmap=cmap, write=write)
        axes.tick_params(axis="x", labelrotation=90)
        axes.set_ylabel(f"chosen on {table.dataset}")
        axes.set_xlabel(f"used on {other.dataset}")
        figure.colorbar(image, ax=axes, pad=0.01, fraction=0.04).set_label(label)
    return figure


def _table(
    frame: pd.DataFrame,
    table: DatabaseTable,
    other: DatabaseTable,
    first: Sequence[ObjectiveScores],
    second: Sequence[ObjectiveScores],
) -> ReportTable:
    titles = {entry.name: entry.title for entry in second}
    choosers = {entry.name: entry.title for entry in first}
    rows = []
    for line in (
        frame.dropna(subset="kendall_tau")
        .sort_values("used_on", key=_order(list(titles)), kind="stable")
        .to_dict("records")
    ):
        numbers = (
            _signed(line["kendall_tau"]),
            f"{100 * line['overlap']:.0f}",
            f"{100 * line['regret']:.1f}",
            _dash(line["regret_noise"]),
            f"{100 * line['best_of_top']:.1f}",
            f"{line['rank_of_top']:,}",
            _dash(line["regret_top_noise"]),
        )
        entries = (Entry(choosers[line["chosen_by"]]), *(Entry(text) for text in numbers))
        rows.append(Row(titles[line["used_on"]], entries))
    columns = (
        "chosen by",
        "Kendall tau",
        f"% of {TOP} best",
        "regret",
        "in noise floors",
        f"best of {TOP}",
        "its place",
        "noise floors below",
    )
    note = f"Chosen on {table.dataset}, used on {other.dataset}. Regret of the best, in points; accuracies in percent."
    return ReportTable("What a choice on one dataset is worth on another", columns, tuple(rows), note, "used on")


def _noise_table(noise: pd.DataFrame) -> ReportTable:
    rows = []
    for line in noise.to_dict("records"):
        floor = "–" if np.isnan(line["noise"]) else f"{100 * line['noise']:.2f}"
        within = "–" if np.isnan(line["n_within"]) else f"{line['n_within']:,.0f}"
        entries = (line["metric"], f"{100 * line['best']:.1f}", floor, within)
        rows.append(Row(line["dataset"], tuple(Entry(text) for text in entries)))
    columns = ("objective", "best", "noise floor", "networks within it of the best")
    return ReportTable("The noise floors of both", columns, tuple(rows), "In percent and points.", "dataset")


def _order(names: Sequence[str]) -> Callable[[pd.Series[str]], pd.Series[int]]:
    return lambda column: column.map({name: place for place, name in enumerate(names)})


def _signed(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")


def _dash(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.1f}"
