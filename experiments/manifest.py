"""The manifest of an experiment: what was run, on what data, and what the best would have been."""

from __future__ import annotations

import math
import platform
from importlib.metadata import version
from typing import Any

import numpy as np

from experiments.plan import Plan
from experiments.run import cross_objectives, objective_column
from robustnas import space
from robustnas.metric import Metric
from robustnas.noise import noise_floor
from robustnas.objective import Objective, parse_objectives
from robustnas.table import Table

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
        "versions": {"python": platform.python_version(), **{name: version(name) for name in _PACKAGES}},
        "budget": plan.budget,
        "seeds": list(plan.seeds),
        "searchers": [searcher.label for searcher in plan.searchers],
        "objectives": {text: facts(text, table) for text in plan.objectives},
        "cross_metrics": {text: facts(text, table) for text in cross_objectives(table)},
    }


def title(text: str) -> str:
    """Return an objective's name for tables and figures, such as ``PGD, eps 1/255``."""
    parts = [_single_title(objective) for objective in parse_objectives(text)]
    return " | ".join(parts)


def _single_title(objective: Objective) -> str:
    terms = objective.terms
    if str(objective) == "corruption":
        return "mean corruption"
    if len(terms) == 1 and len(terms[0].metrics) == 1 and terms[0].weight == 1:
        metric: Metric = terms[0].metrics[0]
        return metric.title
    return str(objective)


def facts(text: str, table: Table) -> dict[str, Any]:
    """Return what a table says of an objective: best, noise floor, how many lie within it, scale and title."""
    objectives = parse_objectives(text)
    if len(objectives) > 1:
        unknown = {"noise_floor": None, "n_within_noise": None}
        return {"best": 1.0, "minimised": False, **unknown, "scale": "hypervolume", "title": title(text)}
    objective = objectives[0]
    scores = objective_column(text, table)[space.network_indices()]
    utilities = objective.sign * scores
    best = float(np.nanmax(utilities))
    noise = 0.0 if objective.minimised else noise_floor(scores).std
    within = int((utilities >= best - noise).sum()) if math.isfinite(noise) else None
    return {
        "best": objective.sign * best,
        "minimised": objective.minimised,
        "noise_floor": noise if math.isfinite(noise) else None,
        "n_within_noise": within,
        "scale": "count" if objective.minimised else "accuracy",
        "title": title(text),
    }
