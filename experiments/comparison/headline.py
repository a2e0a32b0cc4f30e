"""The result of a comparison in words, computed from the numbers."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import Any

import pandas as pd

from experiments.comparison import analysis
from experiments.comparison.records import Records, Target
from experiments.comparison.significance import ALPHA, Significance, p_text
from experiments.pages.table import number, unit
from experiments.pages.wording import counted, listed
from robustnas.tables.table import MEASURED

_MOST_NAMED = 8


@dataclass(frozen=True, slots=True)
class Headline:
    """The result in one sentence, and one sentence more per objective."""

    sentence: str
    findings: tuple[str, ...]


def headline(records: Records, result: Significance, measured: Records | None = None) -> Headline:
    """Say how many networks each searcher queries to be within the noise floor of the best, and what it ends on.

    Args:
        records: What was run, on the scale of expected scores where there are any.
        result: The tests of it.
        measured: The same records with measured scores; None if they are on that scale.
    """
    final = analysis.summary(records, [records.budget])
    groups = [(records.targets[str(name)], group) for name, group in final.groupby("objective", observed=True)]
    seen = analysis.summary(records if measured is None else measured, [records.budget])
    queries = analysis.queries_to_noise_floor(records)
    races = [_Race(target, queries[queries["objective"] == target.name], records.budget) for target, _ in groups]
    seen_as = "measured" if records.manifest["source"] in MEASURED else "predicted"
    findings = tuple(
        f"{target.title}: "
        + " ".join(
            filter(
                None, [race.finding(), _finding(target, group, result, seen[seen["objective"] == target.name], seen_as)]
            )
        )
        for (target, group), race in zip(groups, races, strict=True)
    )
    return Headline(_sentence(groups, races, result, records.budget_text), findings)


class _Race:
    """The queries that searchers take to the noise floor of one objective.

    Args:
        target: The objective.
        queries: Its rows of `analysis.queries_to_noise_floor`; none where it has no floor.
        budget: Of every run.
    """

    def __init__(self, target: Target, queries: pd.DataFrame, budget: int) -> None:
        self.target, self.budget = target, budget
        rows = queries.sort_values("median", kind="stable")
        self.medians = {str(name): float(median) for name, median in zip(rows["searcher"], rows["median"], strict=True)}
        self.n_seeds = int(rows["n_seeds"].max()) if len(rows) else 0

    @property
    def goal(self) -> str:
        """What is to be reached, after *to*."""
        if self.target.noise_floor == 0:
            return "find the best of the table"
        best = "best expected score" if self.target.expected else "best"
        return f"come within the {self.target.floor} of the {best} ({_distance(self.target)})"

    def fastest(self) -> set[str]:
        """Return who needs the fewest queries; nobody if no median seed gets there."""
        least = min(self.medians.values(), default=math.inf)
        return set() if math.isinf(least) else {name for name, median in self.medians.items() if median == least}

    def sentence(self) -> str:
        """Say it of the only objective."""
        medians = "1 seed" if self.n_seeds == 1 else f"medians over {self.n_seeds} seeds"
        if not self.fastest():
            return f"No searcher manages to {self.goal} in {self.budget} networks ({medians})."
        reached = [(name, median) for name, median in self.medians.items() if math.isfinite(median)]
        first, least = sorted(self.fastest()), reached[0][1]
        others = [(name, median) for name, median in reached if name not in first]
        rest = "".join(f", {name} {median:.0f}" for name, median in others[:_MOST_NAMED])
        need = "needs" if len(first) == 1 else "need"
        said = f"{listed(first)} {need} {counted(int(least), 'network')} to {self.goal}{rest}"
        return f"{said} ({medians}){self._missed()}."

    def finding(self) -> str:
        """Say it as one of several sentences; nothing of an objective without a noise floor."""
        if not self.medians:
            return ""
        reached = [f"{name} {median:.0f}" for name, median in self.medians.items() if math.isfinite(median)]
        if not reached:
            return f"in the median, no searcher manages to {self.goal} in {self.budget} networks."
        shown = ", ".join(reached[:_MOST_NAMED])
        return f"networks to {self.goal}, in the median: {shown}{self._missed()}."

    def _missed(self) -> str:
        missed = [name for name, median in self.medians.items() if math.isinf(median)]
        if not missed:
            return ""
        names = listed(missed) if len(missed) <= _MOST_NAMED else f"{len(missed)} others"
        return f"; {names} {'does' if len(missed) == 1 else 'do'} not in {self.budget}"


def _sentence(groups: list[tuple[Target, pd.DataFrame]], races: list[_Race], result: Significance, budget: str) -> str:
    searchers = {str(name) for _, group in groups for name in group["searcher"]}
    if len(searchers) == 1:
        return f"One searcher was run, {searchers.pop()}: there is nothing to compare it with."
    run = [race for race in races if race.medians]
    reached = any(race.fastest() for race in run)
    others = [pair for pair, race in zip(groups, races, strict=True) if not (reached and race.medians)]
    said = [_speed(run)] if run else []
    if others:
        said.append(_ends(others, budget, whole=len(others) == len(groups)))
    verdict = f"{_capital(_verdict(result))}." if len(result.tests) else ""
    return " ".join(filter(None, [*said, verdict]))


def _speed(races: list[_Race]) -> str:
    """Say who comes within the noise floor first."""
    if len(races) == 1:
        return races[0].sentence()
    counts = Counter(name for race in races for name in sorted(race.fastest()))
    goals = {race.target.floor for race in races if race.target.noise_floor > 0}
    goal = f"come within the {listed(sorted(goals)).replace(' and ', ' or ')} of the best" if goals else "find the best"
    if not counts:
        return f"No searcher manages to {goal} in {races[0].budget} networks, in the median over seeds."
    most = max(counts.values())
    first = [name for name, count in counts.items() if count == most]
    need = "needs" if len(first) == 1 else "each need"
    said = f"{listed(first)} {need} the fewest networks to {goal}, on {most} of {len(races)} objectives"
    least = [min(race.medians.values()) for race in races if first[0] in race.fastest()]
    return f"{said}: {listed([f'{median:.0f}' for median in least])} in the median." if len(first) == 1 else f"{said}."


def _ends(groups: list[tuple[Target, pd.DataFrame]], budget: str, *, whole: bool) -> str:
    """Say who has the best mean in the end, on all objectives (`whole`) or on those that have no noise floor."""
    leaders = [_leaders(target, group) for target, group in groups]
    counts = Counter(name for group in leaders for name in sorted(group))
    most = max(counts.values(), default=0)
    if not most:
        return f"After {budget}, no searcher has found a feasible network."
    names = sorted(name for name, count in counts.items() if count == most)
    has = "has" if len(names) == 1 else "each have"
    of = "the objective" if whole and len(groups) == 1 else f"{most} of {len(groups)} objectives"
    of = of if whole else f"{most} of the {len(groups)} without a noise floor"
    single = [target for target, _ in groups if not target.is_multi]
    mean = "mean expected score" if any(target.expected for target in single) else "mean"
    known = all(target.expected or target.noise_floor == 0 for target in single)  # costs score what they score
    mean += ", or mean where none is known," if mean != "mean" and not known else ""
    return f"After {budget}, {listed(names)} {has} the best {mean} on {of}."


def _verdict(result: Significance) -> str:
    """Say on how many objectives the searchers differ; of one objective, its own verdict."""
    tests = result.tests
    if len(tests) == 1:
        return str(tests["verdict"].iloc[0])
    tested = tests[tests["tested"].astype(bool)]
    if not len(tested):
        return "not enough to test on any objective"
    differing = set(result.pairs.loc[result.pairs["significant"].astype(bool), "objective"])
    n_differ = sum(row["p_value"] < ALPHA or row["objective"] in differing for row in tested.to_dict("records"))
    of = f"{n_differ} of {len(tested)} objectives"
    return f"the searchers differ significantly on {of}, each tested on its own (p < {ALPHA:g})"


def _finding(target: Target, group: pd.DataFrame, result: Significance, measured: pd.DataFrame, seen_as: str) -> str:
    rows = [{str(key): value for key, value in row.items()} for row in group.to_dict("records")]
    rows.sort(key=lambda row: (-row["n_feasible"], -row["mean"] * target.sign))
    first = rows[0]
    if not first["n_feasible"]:
        return "no searcher found a feasible network."
    seeds = "1 seed" if first["n_seeds"] == 1 else f"the mean of {first['n_seeds']} seeds"
    if first["n_feasible"] < first["n_seeds"]:
        seeds = f"mean of the {first['n_feasible']} of {first['n_seeds']} seeds that are feasible"
    kind = "best expected" if target.expected else "best"
    best = "" if math.isnan(target.best) or target.is_multi else f", {kind} of the table {_score(target.best, target)}"
    reached = _score(first["mean"], target)
    if target.expected:
        value = float(measured.loc[measured["searcher"] == first["searcher"], "mean"].iloc[0])
        reached = f"an expected {reached}, where {_score(value, target)} was {seen_as}"
    text = f"In the end, {first['searcher']} reaches {reached} ({seeds}{best})"
    return f"{text}{_lead(target, rows, result)}."


def _lead(target: Target, rows: list[dict[str, Any]], result: Significance) -> str:
    """Say how far the first is ahead of the second, and whether that is significant."""
    if len(rows) < 2:
        return ""
    first, second = rows[:2]
    if second["n_feasible"] < first["n_feasible"]:
        reached = f", with {_score(second['mean'], target)}" if second["n_feasible"] else ""
        return f"; the next, {second['searcher']}, is {_feasible(second)}{reached}"
    level = [row["searcher"] for row in rows[1:] if _are_level(first, row)]
    if level:
        return f", as {'does' if len(level) == 1 else 'do'} {listed(level)}"
    ahead = abs(first["mean"] - second["mean"])
    distance = f"{number(ahead, target.scale)}{' points' if target.scale == 'accuracy' else ''}"
    floor = f"; the lead is below the {target.floor}" if analysis.within_noise(ahead, target) else ""
    return f", {distance} ahead of {second['searcher']} ({_tested(target, first, second, result)}{floor})"


def _are_level(first: dict[str, Any], other: dict[str, Any]) -> bool:
    same_seeds = other["n_feasible"] == first["n_feasible"]
    return bool(same_seeds and abs(first["mean"] - other["mean"]) < analysis.ROUNDING)


def _feasible(row: dict[str, Any]) -> str:
    return f"feasible in {row['n_feasible']} of {row['n_seeds']} seeds"


def _tested(target: Target, first: dict[str, Any], second: dict[str, Any], result: Significance) -> str:
    names = {first["searcher"], second["searcher"]}
    pairs = result.pairs[result.pairs["objective"] == target.name]
    for pair in pairs.to_dict("records"):
        if {pair["first"], pair["second"]} == names and not math.isnan(pair["p_value"]):
            return f"{'significant' if pair['significant'] else 'not significant'}, {p_text(pair['p_value'])}"
    return "too few seeds for a test"


def _leaders(target: Target, group: pd.DataFrame) -> set[str]:
    """Return who has the best mean, of those that found feasible networks in most seeds."""
    most = group["n_feasible"].max()
    leading = group[(group["n_feasible"] == most) & (most > 0)]
    values = leading["mean"].to_numpy() * target.sign
    return {
        str(name) for name, value in zip(leading["searcher"], values, strict=True) if math.isclose(value, max(values))
    }


def _distance(target: Target) -> str:
    return f"{number(target.noise_floor, target.scale)}{' points' if target.scale == 'accuracy' else ''}"


def _score(value: float, target: Target) -> str:
    return f"{number(value, target.scale)}{unit(target.scale)}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
