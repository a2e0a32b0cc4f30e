"""The manifest of an experiment: what was run, on what data, and what the best would have been."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterable
from importlib.metadata import version
from typing import Any

from experiments.comparison.plan import Plan, run_specs
from experiments.comparison.recorded_space import space_facts
from experiments.comparison.schema import KIND
from experiments.comparison.spec import method_sources, used_digests
from robustnas.naslib import PREFIX
from robustnas.naslib.loading import source_digest
from robustnas.objectives import cross_objectives, default_seconds, facts, training_of
from robustnas.tables.table import Table

_PACKAGES = ("robustnas", "numpy", "optuna", "scikit-learn", "scipy", "xgboost")


def manifest(plan: Plan, table: Table) -> dict[str, Any]:
    """Return everything that a report needs to know besides the runs, as plain data.

    Per objective: the best of the table, the training noise (standard deviation between twins), of all networks
    and of those near the best, how many networks lie within each of the best, the scale and a title.
    """
    each = [method_sources(searcher.name, searcher.parameters) for searcher in plan.searchers]
    sources = {name: digest for found in each for name, digest in found.items()}
    time = plan.time or (default_seconds(table) if isinstance(plan.budget, str) else None)
    return {
        "format": 1,
        "kind": KIND,
        "dataset": table.dataset,
        **space_facts(table.space),
        "source": table.source,
        **training_of(table),
        "plan": plan.text or json.dumps(plan.as_dict(), indent=2),
        "database_digest": table.digest,
        **_attached(plan, table),
        **({"sources": sources} if sources else {}),
        "versions": versions(_methods(plan)),
        "budget": plan.budget,
        **({"time": time} if time else {}),
        "seeds": list(plan.seeds),
        "searchers": [searcher.label for searcher in plan.searchers],
        "objectives": {text: facts(text, table) for text in plan.objectives},
        "cross_metrics": {str(found): facts(found, table) for found in cross_objectives(table)},
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


def _attached(plan: Plan, table: Table) -> dict[str, dict[str, str]]:
    """Return the digests of all attached tables that the runs depend on."""
    found: dict[str, str] = {}
    for spec in run_specs(plan, plan.seeds[:1]):
        found |= used_digests(spec, table).get("attached_digests", {})
    return {"attached_digests": dict(sorted(found.items()))} if found else {}


def _methods(plan: Plan) -> list[str]:
    surrogates = [str(searcher.parameters.get("surrogate", "")) for searcher in plan.searchers]
    return [searcher.name for searcher in plan.searchers] + surrogates
