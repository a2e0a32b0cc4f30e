"""The result of a comparison in words, computed from the numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import pandas as pd

from experiments.comparison import analysis
from experiments.comparison.records import Records, Target
from experiments.comparison.significance import Significance, p_text
from experiments.pages.table import number, unit


@dataclass(frozen=True, slots=True)
class Headline:
    """The result in one sentence, and one sentence more per objective."""

    sentence: str
    findings: tuple[str, ...]


def headline(records: Records, result: Significance) -> Headline:
    """Say who found the best networks, by how much, and whether that is meaningful."""
    final = analysis.summary(records, [records.budget])
    groups = [(records.targets[str(name)], group) for name, group in final.groupby("objective", observed=True)]
    findings = tuple(_finding(target, group, result) for target, group in groups)
    return Headline(_sentence(groups, result, records.budget_text), findings)


def _sentence(groups: list[tuple[Target, pd.DataFrame]], result: Significance, budget: str) -> str:
    searchers = {str(name) for _, group in groups for name in group["searcher"]}
    if len(searchers) == 1:
        return f"One searcher was run, {searchers.pop()}: there is nothing to compare it with."
    leaders = [_leaders(target, group) for target, group in groups]
    counts = {name: sum(name in group for group in leaders) for name in sorted(searchers)}
    most = max(counts.values())
    if not most:
        return f"After {budget}, no searcher has found a feasible network."
    names = _listed([name for name, count in counts.items() if count == most])
    has = "has" if names in searchers else "each have"
    of = "the objective" if len(groups) == 1 else f"{most} of {len(groups)} objectives"
    overall = result.tests[result.tests["objective"] == result.overall]
    verdict = f" {_capital(str(overall['verdict'].iloc[0]))}." if len(overall) else ""
    return f"After {budget}, {names} {has} the best mean on {of}.{verdict}"


def _finding(target: Target, group: pd.DataFrame, result: Significance) -> str:
    rows = [{str(key): value for key, value in row.items()} for row in group.to_dict("records")]
    rows.sort(key=lambda row: (-row["n_feasible"], -row["mean"] * target.sign))
    first = rows[0]
    if not first["n_feasible"]:
        return f"{target.title}: no searcher found a feasible network."
    seeds = "1 seed" if first["n_seeds"] == 1 else f"the mean of {first['n_seeds']} seeds"
    if first["n_feasible"] < first["n_seeds"]:
        seeds = f"mean of the {first['n_feasible']} of {first['n_seeds']} seeds that are feasible"
    best = "" if math.isnan(target.best) or target.is_multi else f", best of the table {_score(target.best, target)}"
    text = f"{target.title}: {first['searcher']} reaches {_score(first['mean'], target)} ({seeds}{best})"
    return f"{text}{_lead(target, rows, result)}."


def _lead(target: Target, rows: list[dict[str, Any]], result: Significance) -> str:
    """Say how far the first is ahead of the second, and whether that is significant."""
    if len(rows) < 2:
        return ""
    first, second = rows[:2]
    if second["n_feasible"] < first["n_feasible"]:
        reached = f", with {_score(second['mean'], target)}" if second["n_feasible"] else ""
        return f"; the next, {second['searcher']}, is {_feasible(second)}{reached}"
    ahead = abs(first["mean"] - second["mean"])
    if ahead < analysis.ROUNDING:
        return f", as does {second['searcher']}"
    distance = f"{number(ahead, target.scale)}{' points' if target.scale == 'accuracy' else ''}"
    floor = "; the lead is below the noise floor" if analysis.within_noise(ahead, target) else ""
    return f", {distance} ahead of {second['searcher']} ({_tested(target, first, second, result)}{floor})"


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


def _score(value: float, target: Target) -> str:
    return f"{number(value, target.scale)}{unit(target.scale)}"


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
