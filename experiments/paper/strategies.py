"""Search strategies: what they find for one objective, scored on every metric (the paper's Table 1)."""

from __future__ import annotations

from collections.abc import Sequence
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from experiments.comparison import records
from experiments.comparison.analysis import beyond_noise, cross_evaluation, summary, within_noise
from experiments.comparison.cross_figure import cross_evaluation_figure
from experiments.comparison.figures import regret_figure
from experiments.comparison.plan import Plan
from experiments.comparison.records import Records, Target
from experiments.comparison.runner import compare
from experiments.pages.table import MARK, Entry, ReportTable, Row, number
from experiments.pages.wording import counted, listed
from experiments.paper.section import Question, Section
from robustnas.errors import ObjectiveError
from robustnas.objectives import cross_objectives
from robustnas.tables.database.database import DatabaseTable
from robustnas.tables.table import Table

PAPER_BEST = {
    "clean": 0.9468,
    "fgsm@1": 0.6924,
    "pgd@1": 0.5885,
    "apgd@1": 0.5402,
    "square@1": 0.7361,
    "corruption": 0.5855,
}
"""The best networks on CIFAR-10 as the paper prints them."""

SEARCHERS = ("random", "local", {"name": "evolution", "population_size": 30, "tournament_size": 10}, "gp")
_BEST, _PAPER = "best of the database", "best in the paper"

_PARAGRAPHS = (
    "Every strategy searches for one objective at a time, and the best network that it finds is scored on all. As in "
    "the paper, the strategies are random search, local search and regularized evolution (population 30, "
    "tournament 10); the fourth is guided by a Gaussian process where the paper has BANANAS. Only distinct networks "
    "count as queries.",
    "The best of the database is what an exhaustive search would find; the paper prints it unrounded, "
    "whereas the published files have three decimals. Means more than one noise floor below it are marked: "
    "strategies that come closer cannot be distinguished by trained accuracy, although their means over seeds may "
    "differ.",
)


def strategies(question: Question) -> Section:
    """Return the paper's comparison of search strategies on the question's seeds and budget.

    Raises:
        ObjectiveError: The table holds none of the paper's objectives.
    """
    found = searched(question)
    frame = cross_evaluation(found)
    figures = {"strategies_regret": regret_figure(found), "strategies_cross": cross_evaluation_figure(found)}
    captions = {
        "strategies_regret": "Regret of the best network so far against the number of distinct networks queried.",
        "strategies_cross": "Accuracy in percent of the networks found (rows) on every metric (columns), over seeds.",
    }
    drawn = {name: figure for name, figure in figures.items() if figure is not None}
    return Section(
        name="strategies",
        title="Search strategies",
        lead=_lead(found),
        paragraphs=_PARAGRAPHS,
        frames={"strategies": flat(frame), "strategies_best": summary(found, [found.budget])},
        tables={"strategies": _table(frame, found)},
        figures=drawn,
        captions={name: captions[name] for name in drawn},
    )


def searched(question: Question) -> Records:
    """Run every strategy on every objective that the table holds, and return the records.

    Raises:
        ObjectiveError: The table holds none of the paper's objectives.
    """
    plan = plan_of(question)
    runs_on: dict[str, Any] = {"jobs": question.jobs, "executor": question.executor}
    if question.folder is not None:
        question.folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".searches-", dir=question.folder) as directory:
        for done, _ in compare(plan, directory, table=_searched_table(question), **runs_on):
            question.progress("strategies: searches", done / plan.n_runs)
        return records.load(directory)


def plan_of(question: Question) -> Plan:
    """Return the plan of the comparison; its seeds begin with the question's.

    A table of few networks has a smaller budget.

    Raises:
        ObjectiveError: The table holds none of the paper's objectives.
    """
    objectives = cross_objectives(question.table)
    if not objectives:
        raise ObjectiveError(
            f"{question.table.dataset} holds none of {', '.join(PAPER_BEST)}; strategies have nothing to search"
        )
    seeds = range(question.seed, question.seed + question.n_seeds)
    budget = min(question.budget, _searched_table(question).space.n_networks)
    return Plan(question.table.dataset, objectives, budget, seeds, SEARCHERS)


def _searched_table(question: Question) -> Table:
    """Return the table without the networks that it knows nothing of: no query is spent on them."""
    table = question.table
    return table.over_known_networks() if isinstance(table, DatabaseTable) else table


def flat(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a cross-evaluation with plain columns: objective, searcher, metric, mean, std."""
    rows = [
        {"objective": objective, "searcher": searcher, "metric": metric, "mean": mean, "std": std}
        for (objective, searcher), line in zip(frame.index, frame.to_numpy(dtype=float), strict=True)
        for metric, mean, std in zip(frame.columns.get_level_values(0)[::2], line[::2], line[1::2], strict=True)
    ]
    return pd.DataFrame(rows)


def _lead(found: Records) -> str:
    """Say on how many objectives each strategy ends within the noise of the best."""
    last = summary(found, [found.budget])
    near = {
        searcher: sum(
            within_noise(found.targets[str(row["objective"])].best - row["mean"], found.targets[str(row["objective"])])
            for row in last[last["searcher"] == searcher].to_dict("records")
        )
        for searcher in found.searchers
    }
    ordered = sorted(near, key=lambda searcher: -near[searcher])
    counts = listed([f"{searcher} on {near[searcher]}" for searcher in ordered])
    objectives, seeds = counted(len(found.targets), "objective"), counted(len(found.manifest["seeds"]), "seed")
    return (
        f"Of {objectives}, strategies end within the noise of the best after {found.budget} networks, in the mean of "
        f"{seeds}: {counts}."
    )


def _table(frame: pd.DataFrame, found: Records) -> ReportTable:
    targets = list(found.metrics.values())
    rows = [Row("", (Entry(_BEST), *(Entry(number(target.best, target.scale)) for target in targets)))]
    if found.manifest["dataset"] == "cifar10":
        printed = [number(PAPER_BEST[target.name], "accuracy") for target in targets]
        rows.append(Row("", (Entry(_PAPER), *map(Entry, printed))))
    for objective, group in frame.groupby(level="objective", observed=True):
        columns = [_column(group, target) for target in targets]
        for i, searcher in enumerate(group.index.get_level_values("searcher")):
            rows.append(
                Row(found.targets[str(objective)].title, (Entry(str(searcher)), *(column[i] for column in columns)))
            )
    far = f"{MARK}: further from the database's than the noise."
    note = f"Mean ± standard deviation over seeds. Bold: best of its group. {far}"
    caption = "Accuracy in percent of the networks found, on every metric"
    return ReportTable(caption, ("searcher", *(target.title for target in targets)), tuple(rows), note)


def _column(group: pd.DataFrame, target: Target) -> Sequence[Entry]:
    means, stds = (group[(target.name, moment)].to_numpy(dtype=float) for moment in ("mean", "std"))
    return [
        Entry(
            number(float(mean), target.scale),
            number(float(std), target.scale),
            best=bool(mean == means.max()),
            marked=beyond_noise(target.best - float(mean), target),
        )
        for mean, std in zip(means, stds, strict=True)
    ]
