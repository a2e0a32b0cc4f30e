"""The result of a comparison in words, computed from the numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import pandas as pd

from experiments.comparison import analysis
from experiments.comparison.records import Records, Target
from experiments.comparison.significance import ALPHA, Significance, p_text
from experiments.pages.table import number, unit
from robustnas.tables.table import MEASURED

_MOST_NAMED = 8


@dataclass(frozen=True, slots=True)
class Headline:
    """The result in one sentence, and one sentence more per objective."""

    sentence: str
    findings: tuple[str, ...]


def headline(records: Records, result: Significance, measured: Records | None = None) -> Headline:
    """Say who found the best networks, by how much, and whether that is meaningful.

    Args:
        records: What was run, on the scale of expected scores where there are any.
        result: The tests of it.
        measured: The same records with measured scores; None if they are on that scale.
    """
    final = analysis.summary(records, [records.budget])
    groups = [(records.targets[str(name)], group) for name, group in final.groupby("objective", observed=True)]
    seen = analysis.summary(records if measured is None else measured, [records.budget])
    queries = analysis.queries_to_noise_floor(records)
    seen_as = "measured" if records.manifest["source"] in MEASURED else "predicted"
    findings = tuple(
        _finding(target, group, result, seen[seen["objective"] == target.name], seen_as)
        + _speed(target, queries[queries["objective"] == target.name], records.budget)
        for target, group in groups
    )
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
    verdict = f" {_capital(_verdict(result))}." if len(result.tests) else ""
    single = [target for target, _ in groups if not target.is_multi]
    mean = "mean expected score" if any(target.expected for target in single) else "mean"
    known = all(target.expected or target.noise_floor == 0 for target in single)  # costs score what they score
    mean += ", or mean where none is known," if mean != "mean" and not known else ""
    return f"After {budget}, {names} {has} the best {mean} on {of}.{verdict}"


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
        return f"{target.title}: no searcher found a feasible network."
    seeds = "1 seed" if first["n_seeds"] == 1 else f"the mean of {first['n_seeds']} seeds"
    if first["n_feasible"] < first["n_seeds"]:
        seeds = f"mean of the {first['n_feasible']} of {first['n_seeds']} seeds that are feasible"
    kind = "best expected" if target.expected else "best"
    best = "" if math.isnan(target.best) or target.is_multi else f", {kind} of the table {_score(target.best, target)}"
    reached = _score(first["mean"], target)
    if target.expected:
        value = float(measured.loc[measured["searcher"] == first["searcher"], "mean"].iloc[0])
        reached = f"an expected {reached}, where {_score(value, target)} was {seen_as}"
    text = f"{target.title}: {first['searcher']} reaches {reached} ({seeds}{best})"
    return f"{text}{_lead(target, rows, result)}."


def _speed(target: Target, queries: pd.DataFrame, budget: int) -> str:
    """Say how many queries each searcher takes to a network that is expected to be as good as the best."""
    if not target.expected or not len(queries) or len(queries) > _MOST_NAMED:
        return ""
    ordered = queries.sort_values("median", kind="stable")
    medians = [
        f"{name} {f'more than {budget}' if math.isinf(median) else f'{median:.0f}'}"
        for name, median in zip(ordered["searcher"], ordered["median"], strict=True)
    ]
    distance = f"{number(target.noise_floor, target.scale)}{' points' if target.scale == 'accuracy' else ''}"
    return f" Queries to within {distance} of that best, its uncertainty (median): {', '.join(medians)}."


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
        return f", as {'does' if len(level) == 1 else 'do'} {_listed(level)}"
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


def _score(value: float, target: Target) -> str:
    return f"{number(value, target.scale)}{unit(target.scale)}"


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
