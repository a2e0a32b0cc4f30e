"""Trade-offs: Pareto fronts of clean against robust accuracy, and of accuracy against size, work and hardware costs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

from experiments.pages.table import Entry, ReportTable, Row
from experiments.paper.objective_scores import COST_TITLES, ObjectiveScores, objective_scores, robust_scores
from experiments.paper.section import Question, Section
from experiments.paper.trade_offs.front_figures import READING, costs_figure, fronts_figure, shown_factor
from experiments.paper.trade_offs.fronts import front_facts, front_members
from robustnas.objectives import declared
from robustnas.tables.database.database import DatabaseTable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Pair = tuple[ObjectiveScores, ObjectiveScores]

_PARAGRAPHS = (
    "A network is on a front if no other is at least as good in both objectives and better in one. Hypervolume is "
    "the area that the front dominates, both objectives scaled to their range over all networks: 1 would mean that "
    "one network is best in both, and as the worst networks guess, all fronts come near it. The knee is the network "
    "farthest from the line between the ends of the front.",
    "A step between neighbours on a front is uncertain if it changes an accuracy by less than the noise floor, the "
    "standard deviation between trainings of one function. Near the front are all networks that none beats in both "
    "objectives by more than the noise floor. Costs are exact, without convolutions that do nothing; attached costs "
    "are taken as given, except for a single negative number, such as -1, which marks missing ones. A front is made of "
    "extremes: each owes something to luck in training, and its accuracies are optimistic.",
)


def trade_offs(question: Question) -> Section:
    """Return the fronts of clean against robust accuracy and of every accuracy against every cost.

    Raises:
        ObjectiveError: The table holds no robust objective of the paper.
    """
    pairs = pairs_of(question.table)
    question.progress("trade-offs: fronts", 0.3)
    facts = trade_off_facts(pairs)
    members = [
        front_members(*pair).assign(objective=pair[0].name, against=pair[1].name)[
            ["objective", "against", "uid", "arch", "first", "second", "knee"]
        ]
        for pair in pairs
    ]
    robust = [pair for pair in pairs if pair[0].name == "clean" and pair[1].noise > 0]
    sized = [pair for pair in pairs if pair[1].name == "params"]
    shown = robust or sized
    drawn = _drawn(shown, sized, [pair for pair in pairs if pair[1].minimised and pair[1].name not in COST_TITLES])
    return Section(
        name="trade_offs",
        title="Trade-offs",
        lead=_lead(facts, shown),
        paragraphs=_PARAGRAPHS,
        frames={"trade_offs": facts, "trade_off_members": pd.concat(members, ignore_index=True)},
        tables={"trade_offs": _table(facts, pairs)},
        figures={name: figure for name, (figure, _) in drawn.items()},
        captions={name: caption for name, (_, caption) in drawn.items()},
    )


def _drawn(robust: Sequence[Pair], sized: Sequence[Pair], attached: Sequence[Pair]) -> dict[str, tuple[Figure, str]]:
    """Return figures and captions by name."""
    found = {
        "trade_off_robust": (
            fronts_figure(robust),
            f"Fronts of clean against robust accuracy. {READING}",
        ),
        "trade_off_size": (
            fronts_figure(sized),
            f"Fronts of accuracy against the number of parameters. {READING}",
        ),
    }
    if attached:
        found["trade_off_attached"] = (
            costs_figure(attached),
            "Fronts of every accuracy against each attached cost; bands: one noise floor.",
        )
    return found


def pairs_of(table: DatabaseTable) -> list[Pair]:
    """Return the pairs whose fronts are asked for: clean with robust, accuracies with costs and attached costs."""
    robust, accuracies = robust_scores(table), objective_scores(table)
    clean = [entry for entry in accuracies if entry.name == "clean"]
    attached = [name for name in table.attached_columns() if declared(name, table)[0].minimised]
    costs = objective_scores(table, ["params", "flops", *attached])
    return [(mine, other) for mine in clean for other in robust] + [(a, cost) for cost in costs for a in accuracies]


def trade_off_facts(pairs: Sequence[Pair]) -> pd.DataFrame:
    """Return one row per pair: columns objective, against, those of `front_facts`, knee_first and knee_second."""
    rows = []
    for first, second in pairs:
        members = front_members(first, second)
        knee = members[members["knee"]]
        ends = {f"knee_{side}": float(knee[side].iloc[0]) if len(knee) else math.nan for side in ("first", "second")}
        rows.append({"objective": first.name, "against": second.name, **front_facts(first, second), **ends})
    return pd.DataFrame(rows)


def _lead(facts: pd.DataFrame, pairs: Sequence[Pair]) -> str:
    """Say how many networks are on the longest front, and how many are near it."""
    lines = [
        (first, second, facts[(facts["objective"] == first.name) & (facts["against"] == second.name)].iloc[0])
        for first, second in pairs
    ]
    first, second, line = max(lines, key=lambda found: int(found[2]["n_front"]))
    if line["n_front"] == 1:
        return f"One network is best by {first.title} and by {second.title}, and so on every pair shown."
    return (
        f"No network is best at everything: {line['n_front']} are on the front of {first.title} against "
        f"{second.title}, and {line['n_near']} within the noise of it."
    )


def _table(facts: pd.DataFrame, pairs: Sequence[Pair]) -> ReportTable:
    rows = []
    for (first, second), line in zip(pairs, facts.to_dict("records"), strict=True):
        knee = [_knee_text(entry, line[f"knee_{side}"]) for entry, side in ((first, "first"), (second, "second"))]
        counts = [line["n_front"], f"{line['hypervolume']:.3f}", *knee]
        counts += [f"{line['n_unsure']} of {line['n_steps']}", line["n_near"]]
        rows.append(Row(second.title, (Entry(first.title), *(Entry(str(text)) for text in counts))))
    columns = ("objective", "front", "hypervolume", "knee", "against", "uncertain steps", "near the front")
    note = "Accuracies in percent. Near the front: networks that none beats by more than the noise floor."
    return ReportTable("Pareto fronts over all networks", columns, tuple(rows), note, "against")


def _knee_text(entry: ObjectiveScores, score: float) -> str:
    if math.isnan(score):
        return "–"
    written = score * shown_factor(entry)
    return f"{written:.2f}" if 0.1 <= abs(written) < 1e6 or written == 0 else f"{written:.3g}"
