"""RobustNAS: neural architecture search on robust objectives.

>>> import robustnas
>>> cell = robustnas.Cell.parse("#13433")
>>> robustnas.space.uid(cell)
13433

Searches, comparisons and benchmarks of surrogates are called from here too: `search`, `compare`, `benchmark`. They are
imported when they are first asked for, since they are of the packages above this one.

>>> robustnas.search("pgd@1", dataset="cifar10-surrogate", searcher="random", budget=50)
<random on pgd@1, cifar10-surrogate, seed 0: best 54.10 % after 50 networks>
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from robustnas.errors import RobustNASError
from robustnas.metric import Metric
from robustnas.objectives.objective import Objective, parse_objectives
from robustnas.oracle import Oracle, Outcome
from robustnas.spaces import ChoiceSpace, open_space
from robustnas.spaces.nasbench201 import space
from robustnas.spaces.nasbench201.cell import Cell
from robustnas.spaces.nasbench201.operations import Operation
from robustnas.tables import ArrayTable, open_table
from robustnas.tables.database.database import Database

if TYPE_CHECKING:
    from experiments.comparison.plan import Plan
    from experiments.comparison.records import load
    from experiments.interactive.benchmark import benchmark
    from experiments.interactive.compare import compare
    from experiments.interactive.search import search

__all__ = [
    "ArrayTable",
    "Cell",
    "ChoiceSpace",
    "Database",
    "Metric",
    "Objective",
    "Operation",
    "Oracle",
    "Outcome",
    "Plan",
    "RobustNASError",
    "benchmark",
    "compare",
    "load",
    "open_space",
    "open_table",
    "parse_objectives",
    "search",
    "space",
]
__version__ = "0.2.0"

_ABOVE = {
    "Plan": "experiments.comparison.plan",
    "benchmark": "experiments.interactive.benchmark",
    "compare": "experiments.interactive.compare",
    "load": "experiments.comparison.records",
    "search": "experiments.interactive.search",
}
"""What is called from here and lives in the packages above, by module."""


def __getattr__(name: str) -> Any:
    if name not in _ABOVE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from robustnas.__main__ import hidden

    for package in ("surrogates", "searchers", "experiments"):
        if reason := hidden(package):
            raise ImportError(reason)
    found = globals()[name] = getattr(import_module(_ABOVE[name]), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__} - {"Any", "TYPE_CHECKING", "annotations", "import_module"})
