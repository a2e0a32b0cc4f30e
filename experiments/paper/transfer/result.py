"""Transfer: a network chosen by one attack, eps or dataset, used under another."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.colors import Normalize, PowerNorm

from experiments.pages.figure_style import INK
from experiments.pages.heat_map import DIVERGING, around_zero, colour_bar, draw_heat_map
from experiments.pages.panels import one_panel
from experiments.pages.table import Entry, ReportTable, Row
from experiments.paper.correlations.correlation_figures import hundredths
from experiments.paper.objective_scores import ObjectiveScores, objective_scores, robust_scores
from experiments.paper.section import Question, Section
from experiments.paper.transfer.regrets import transfer_regrets
from robustnas.metric import ATTACKS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TOP = 10
_EPSILONS = (0.5, 1.0, 2.0, 4.0)

_PARAGRAPHS = (
    "Networks are chosen by the row and used on the column. Regret is how far the best network of the row falls short "
    "of the best of the column, the mean over ties; in noise floors, it is divided by the column's standard deviation "
    "between trainings of one function. A regret below one noise floor is not meaningful.",
    "For the second regret the row chooses its 10 best, which are then measured under the column: this is what a cheap "
    "objective offers as a filter for an expensive one. Ties at the tenth place are broken at random. Both use the "
    "whole space; a search sees less of it.",
    "The best of a column is the luckiest of several equals, so every regret contains some noise. At eps 4 most "
    "networks are near zero under PGD and APGD, and so is their noise: it is small for the few that are not.",
)


def transfer(question: Question) -> Section:
    """Return rank correlation and regret between attacks, eps and, where there are several, datasets.

    Raises:
        ObjectiveError: The table holds no robust objective of the paper.
    """
    objectives = transfer_objectives(question)
    question.progress("transfer: pairs", 0.3)
    frame = transfer_regrets(objectives, TOP, question.seed)
    mean = [entry for entry in objectives if entry.name != "clean"]
    return Section(
        name="transfer",
        title="Transfer",
        lead=_lead(frame, objectives),
        paragraphs=_PARAGRAPHS,
        frames={"transfer": frame},
        tables={"transfer_choice": _cheap_table(frame, objectives), "transfer": _table(frame, mean)},
        figures={
            "transfer_tau": _tau_figure(frame, objectives),
            "transfer_regret": _regret_figure(frame, objectives, "regret_noise", "noise floors below the best"),
            "transfer_top": _regret_figure(frame, objectives, "regret_top_noise", "noise floors below the best"),
        },
        captions={
            "transfer_tau": "100 times Kendall's tau between objectives over all networks; lines between datasets.",
            "transfer_regret": "Regret in noise floors: the best by the row, used on the column.",
            "transfer_top": f"Regret in noise floors: the best on the column among the {TOP} best by the row.",
        },
    )


def transfer_objectives(question: Question) -> tuple[ObjectiveScores, ...]:
    """Return the objectives compared: the paper's, attacks at other eps, and the paper's on other datasets.

    Those of other datasets are named by their dataset, such as ``cifar100: pgd@1``.

    Raises:
        ObjectiveError: The table holds no robust objective of the paper.
    """
    robust_scores(question.table)  # refuses a table with clean accuracy alone
    held = question.table.metrics
    other_eps = [str(m) for m in held if m.kind in ATTACKS and m.level in _EPSILONS and m.level != 1]
    found = [*objective_scores(question.table), *(objective_scores(question.table, other_eps) if other_eps else ())]
    order = {name: i for i, name in enumerate(("clean", *ATTACKS, "corruption"))}
    found.sort(key=lambda entry: (order[entry.name.partition("@")[0]], float(entry.name.partition("@")[2] or 0)))
    for dataset, table in question.others.items():
        if dataset != question.table.dataset:
            found += [
                replace(entry, name=f"{dataset}: {entry.name}", title=f"{dataset}: {entry.title}")
                for entry in objective_scores(table)
            ]
    return tuple(found)


def _matrix(frame: pd.DataFrame, objectives: Sequence[ObjectiveScores], column: str) -> np.ndarray:
    return frame[column].to_numpy(dtype=float).reshape(len(objectives), len(objectives))


def _tau_figure(frame: pd.DataFrame, objectives: Sequence[ObjectiveScores]) -> Figure:
    matrix = _matrix(frame, objectives, "kendall_tau")
    return _figure(matrix, objectives, around_zero(matrix), DIVERGING, "100 times Kendall's tau", hundredths, 100.0)


def _regret_figure(frame: pd.DataFrame, objectives: Sequence[ObjectiveScores], column: str, label: str) -> Figure:
    matrix = _matrix(frame, objectives, column)
    most = max(float(np.nanmax(matrix)), 1.0) if np.isfinite(matrix).any() else 1.0
    norm = PowerNorm(0.5, vmin=0.0, vmax=most)
    return _figure(matrix, objectives, norm, "Blues", label, lambda v: f"{v:.1f}" if v < 9.95 else f"{v:.0f}")


def _figure(
    matrix: np.ndarray,
    objectives: Sequence[ObjectiveScores],
    norm: Normalize,
    cmap: str,
    label: str,
    write: Callable[[float], str],
    factor: float = 1.0,
) -> Figure:
    """Draw a matrix; lines stand between the objectives of two datasets."""
    names = [entry.name for entry in objectives]
    datasets = [name.rpartition(": ")[0] for name in names]
    with one_panel(1.55 + 0.21 * len(names)) as (figure, axes):
        image = draw_heat_map(axes, matrix, names, names, norm=norm, cmap=cmap, write=write, font_size=6.5)
        axes.tick_params(axis="x", labelrotation=90)
        axes.set_ylabel("chosen by")
        axes.set_xlabel("used on")
        axes.xaxis.set_label_position("top")
        for i in (i for i in range(1, len(names)) if datasets[i] != datasets[i - 1]):
            axes.axhline(i - 0.5, color=INK, linewidth=0.8)
            axes.axvline(i - 0.5, color=INK, linewidth=0.8)
        colour_bar(figure, axes, image, label, factor)
    return figure


def _chosen_by_cheap(frame: pd.DataFrame, objectives: Sequence[ObjectiveScores]) -> tuple[str, pd.DataFrame]:
    """Return a cheap objective, and what choosing by it costs under the others of the dataset, at eps 1 if held."""
    names = [entry.name for entry in objectives]
    cheap = next(name for name in ("clean", "fgsm@1", *names) if name in names)
    rest = frame[(frame["chosen_by"] == cheap) & (frame["used_on"] != cheap) & ~frame["used_on"].str.contains(": ")]
    near = rest[~rest["used_on"].str.contains("@") | rest["used_on"].str.endswith("@1")]
    return cheap, rest if near.empty else near  # a table without eps 1


def _lead(frame: pd.DataFrame, objectives: Sequence[ObjectiveScores]) -> str:
    cheap, near = _chosen_by_cheap(frame, objectives)
    if near.empty:
        return f"Only {cheap} is held."
    titles = {entry.name: entry.title for entry in objectives}
    ordered = near.sort_values("regret", kind="stable")
    (_, least), (_, most) = next(ordered.iterrows()), next(ordered.iloc[::-1].iterrows())
    said = f"The best network by {titles[cheap]} is {_below(most)} on {titles[most['used_on']]}"
    if len(near) == 1:
        return f"{said}."
    return f"{said}, but only {_below(least, short=True)} on {titles[least['used_on']]}."


def _below(line: pd.Series[Any], *, short: bool = False) -> str:
    return f"{100 * line['regret']:.1f}{'' if short else ' points below the best'}"


def _cheap_table(frame: pd.DataFrame, objectives: Sequence[ObjectiveScores]) -> ReportTable:
    """Return what choosing by a cheap objective costs under the others."""
    cheap, near = _chosen_by_cheap(frame, objectives)
    titles = {entry.name: entry.title for entry in objectives}
    rows = tuple(
        Row("", tuple(Entry(text) for text in (titles[line["used_on"]], *_numbers(line))))
        for line in near.to_dict("records")
    )
    columns = ("used on", "Kendall tau", "regret", "in noise floors", f"regret of {TOP}", "in noise floors ")
    note = f"Regret in points: of the best, and of the best of the {TOP} best."
    return ReportTable(f"What it costs to choose by {titles[cheap]}", columns, rows, note)


def _numbers(line: Mapping[Any, Any]) -> tuple[str, ...]:
    return (
        f"{line['kendall_tau']:.2f}",
        f"{100 * line['regret']:.2f}",
        f"{line['regret_noise']:.1f}",
        f"{100 * line['regret_top']:.2f}",
        f"{line['regret_top_noise']:.1f}",
    )


def _table(frame: pd.DataFrame, objectives: Sequence[ObjectiveScores]) -> ReportTable:
    rows = []
    for entry in objectives:
        part = frame[(frame["used_on"] == entry.name) & (frame["chosen_by"] != entry.name)]
        best = part.sort_values("regret_top", kind="stable").head(3).to_dict("records")
        rows += [
            Row(entry.title, tuple(Entry(text) for text in (str(line["chosen_by"]), *_numbers(line)))) for line in best
        ]
    columns = ("chosen by", "Kendall tau", "regret", "in noise floors", f"regret of {TOP}", "in noise floors ")
    note = "The three best choosers for each objective. Regret in points."
    return ReportTable("Which other objective chooses best", columns, tuple(rows), note, "used on")
