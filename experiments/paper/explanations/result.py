"""Explanations: the graph features that robustness can be predicted from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from experiments.pages.feature_titles import OPERATIONS_NOTE, feature_title
from experiments.pages.heat_map import DIVERGING, around_zero, colour_bar, draw_heat_map
from experiments.pages.panels import one_panel
from experiments.pages.table import Entry, ReportTable, Row
from experiments.paper.explanations.importances import Importances, importances
from experiments.paper.objective_scores import ObjectiveScores, objective_scores
from experiments.paper.section import Question, Section

if TYPE_CHECKING:
    from matplotlib.figure import Figure

N_FEATURES = 5
"""Features shown per objective."""

_PARAGRAPHS = (
    "For each objective XGBoost learns from graph features of 70 % of the functions, and predicts the others; "
    "functional twins are never split between the two. The importance of a feature is the drop of R2 on the held-out "
    "networks when its values are shuffled among them, the mean of five shuffles. The sign is that of its rank "
    "correlation with the score.",
    "Features that carry nearly the same information share their importance, so a feature with none may still matter; "
    "and a feature that helps to predict need not be a cause. The sign is that of the feature alone: with the others "
    "held fixed it may differ.",
)


def explanations(question: Question) -> Section:
    """Return what graph features predict of every objective of the paper that the table holds.

    Raises:
        ObjectiveError: The table holds none of them.
    """
    objectives = objective_scores(question.table)
    found = {}
    for i, entry in enumerate(objectives):
        question.progress(f"explanations: {entry.title}", i / len(objectives))
        found[entry.name] = importances(entry.scores, seed=question.seed)
    return Section(
        name="explanations",
        title="Explanations",
        lead=_lead(found, objectives),
        paragraphs=_PARAGRAPHS,
        frames={"explanations": importances_frame(found)},
        tables={"explanations": _table(found, objectives)},
        figures={"explanations": _figure(found, objectives)},
        captions={
            "explanations": "Drop of R2 in hundredths when a feature is shuffled, signed by the direction of its rank "
            f"correlation with accuracy; the {N_FEATURES} strongest features of each objective. {OPERATIONS_NOTE}"
        },
    )


def importances_frame(found: Mapping[str, Importances]) -> pd.DataFrame:
    """Return all importances: columns objective, kendall_tau, feature, importance, std, direction."""
    frames = [model.frame.assign(objective=name, kendall_tau=model.kendall_tau) for name, model in found.items()]
    columns = ["objective", "kendall_tau", "feature", "importance", "std", "direction"]
    return pd.concat(frames, ignore_index=True)[columns]


def strongest(model: Importances, n: int = N_FEATURES) -> pd.DataFrame:
    """Return the rows of the n most important features, most important first."""
    return model.frame.sort_values("importance", ascending=False, kind="stable").head(n)


def _lead(found: Mapping[str, Importances], objectives: Sequence[ObjectiveScores]) -> str:
    """Say what predicts accuracy most on how many objectives."""
    first = Counter(feature_title(strongest(found[entry.name]).iloc[0]["feature"]) for entry in objectives)
    feature, n = first.most_common(1)[0]
    of = "the objective" if len(objectives) == 1 else f"{n} of {len(objectives)} objectives"
    taus = [found[entry.name].kendall_tau for entry in objectives]
    span = f"{min(taus):.2f}" if len(taus) == 1 else f"{min(taus):.2f} to {max(taus):.2f}"
    return (
        f"The feature “{feature}” predicts accuracy most on {of}; all features together rank networks that were held "
        f"out with a Kendall tau of {span}."
    )


def _figure(found: Mapping[str, Importances], objectives: Sequence[ObjectiveScores]) -> Figure:
    shown = list(dict.fromkeys(name for model in found.values() for name in strongest(model)["feature"]))
    columns = [model.frame.set_index("feature").loc[shown] for model in found.values()]
    matrix = 100 * np.stack(
        [(part["importance"] * part["direction"]).to_numpy(dtype=float) for part in columns], axis=1
    )
    with one_panel(1.15 + 0.2 * len(shown)) as (figure, axes):
        titles = [entry.short for entry in objectives]
        names = [feature_title(name) for name in shown]
        image = draw_heat_map(axes, matrix, names, titles, norm=around_zero(matrix), cmap=DIVERGING, write=_signed)
        colour_bar(figure, axes, image, "drop of R2 in hundredths, signed by the direction of the correlation")
    return figure


def _signed(value: float) -> str:
    """Write a number with its sign; zero has none.

    >>> _signed(20.8), _signed(-9.31), _signed(-0.02)
    ('+20.8', '−9.3', '0.0')
    """
    return "0.0" if abs(value) < 0.05 else f"{value:+.1f}".replace("-", "−")


def _table(found: Mapping[str, Importances], objectives: Sequence[ObjectiveScores]) -> ReportTable:
    rows = []
    for entry in objectives:
        model = found[entry.name]
        for line in strongest(model).to_dict("records"):
            sign = "+" if line["direction"] > 0 else "−"
            entries = (
                Entry(feature_title(line["feature"])),
                Entry(f"{line['importance']:.3f}", f"{line['std']:.3f}"),
                Entry(sign),
            )
            rows.append(Row(f"{entry.title} (Kendall tau {model.kendall_tau:.2f})", entries))
    return ReportTable(
        "Drop of R2 on held-out networks when a feature is shuffled",
        ("feature", "drop", "direction"),
        tuple(rows),
        f"± standard deviation over shuffles. {OPERATIONS_NOTE}",
        "objective",
    )
