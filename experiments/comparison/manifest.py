"""The manifest of an experiment: what was run, on what data, and what the best would have been."""

from __future__ import annotations

import math
import platform
from collections.abc import Iterable
from importlib.metadata import version
from typing import Any

import numpy as np

from experiments.comparison.plan import Plan
from experiments.comparison.run import attached_digests, cross_objectives
from robustnas.arrays import FloatArray
from robustnas.errors import ObjectiveError
from robustnas.metric import Metric
from robustnas.naslib import PREFIX
from robustnas.naslib.loading import source_digest
from robustnas.objectives.objective import Objective, parse_objectives, utility_columns
from robustnas.spaces.nasbench201 import space
from robustnas.tables.noise import noise_floor
from robustnas.tables.table import Table

_PACKAGES = ("robustnas", "numpy", "optuna", "scikit-learn", "scipy", "xgboost")


def manifest(plan: Plan, plan_text: str, table: Table) -> dict[str, Any]:
    """Return everything that a report needs to know besides the runs, as plain data.

    Per objective: the best of the table, the training noise (standard deviation between twins), how many networks lie
    within it of the best, the scale and a title.
    """
    return {
        "format": 1,
        "dataset": table.dataset,
        "source": table.source,
        "plan": plan_text,
        "database_digest": table.digest,
        **attached_digests([part for text in plan.objectives for part in parse_objectives(text)], table),
        "versions": versions(_methods(plan)),
        "budget": plan.budget,
        "seeds": list(plan.seeds),
        "searchers": [searcher.label for searcher in plan.searchers],
        "objectives": {text: facts(text, table) for text in plan.objectives},
        "cross_metrics": {text: facts(text, table) for text in cross_objectives(table)},
    }


def versions(methods: Iterable[str] = ()) -> dict[str, str]:
    """Return the versions of Python and of the packages that numbers depend on.

    Args:
        methods: Names of searchers and surrogates; where one is NASLib's, a digest of its source is added, which has no
            releases, and the version of torch.
    """
    found = {"python": platform.python_version(), **{name: version(name) for name in _PACKAGES}}
    if any(name.startswith(PREFIX) for name in methods):
        found |= {"torch": version("torch"), "naslib": f"sha256:{source_digest()[:16]}"}
    return found


def _methods(plan: Plan) -> list[str]:
    surrogates = [str(searcher.parameters.get("surrogate", "")) for searcher in plan.searchers]
    return [searcher.name for searcher in plan.searchers] + surrogates


def title(text: str) -> str:
    """Return an objective's name for tables and figures, such as ``PGD, eps 1/255``."""
    parts = [_single_title(objective) for objective in parse_objectives(text)]
    return " | ".join(parts)


def _single_title(objective: Objective) -> str:
    terms = objective.terms
    where = str(objective).removeprefix(objective.expression)
    if objective.expression == "corruption":
        return f"mean corruption{where}"
    if len(terms) == 1 and len(terms[0].metrics) == 1 and terms[0].weight == 1:
        metric: Metric = terms[0].metrics[0]
        return f"{metric.title}{where}"
    return str(objective)


def facts(text: str, table: Table) -> dict[str, Any]:
    """Return what a table says of an objective: best, noise floor, how many lie within it, scale and title.

    The best is that of all feasible cells, not of the networks' representatives alone: cells of one network may differ
    in costs. The noise floor is that of the feasible networks, unknown for a sum with an attached column to maximise.

    Raises:
        ObjectiveError: No cell is feasible and of a known score, or the table lacks a metric or an attached column.
    """
    objectives = parse_objectives(text)
    if len(objectives) > 1:
        unknown = {"noise_floor": None, "n_within_noise": None}
        return {"best": 1.0, "minimised": False, **unknown, "scale": "hypervolume", "title": title(text)}
    objective = objectives[0]
    utilities = utility_columns(objectives, table)[0]
    if not np.isfinite(utilities).any():
        raise ObjectiveError(f"no cell of {table.dataset} has a known score of {text!r}")
    best = float(np.nanmax(utilities))
    noise = _noise(objective, (objective.sign * utilities)[space.network_indices()])
    within = len(np.unique(space.network_of_index()[utilities >= best - noise])) if math.isfinite(noise) else None
    return {
        "best": objective.sign * best,
        "minimised": objective.minimised,
        "noise_floor": noise if math.isfinite(noise) else None,
        "n_within_noise": within,
        "scale": "count" if objective.minimised or _has_attached(objective) else "accuracy",
        "title": title(text),
    }


def _noise(objective: Objective, scores: FloatArray) -> float:
    """Return the training noise of an objective: 0 for costs, NaN if unknown."""
    if objective.minimised:
        return 0.0
    return math.nan if _has_attached(objective) else noise_floor(scores).std


def _has_attached(objective: Objective) -> bool:
    return any(term.attached for term in objective.terms)
