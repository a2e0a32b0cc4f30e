"""Search strategies with an ask-and-tell interface.

>>> import numpy as np
>>> from robustnas import Oracle
>>> from robustnas.tables import ArrayTable
>>> from searchers import create, search
>>> table = ArrayTable({"clean": np.linspace(0, 1, 15625)})
>>> oracle = Oracle("clean", table, budget=100)
>>> best = max(outcome.score for outcome in search(create("evolution", seed=0), oracle))
>>> best > 0.95
True
"""

from searchers.base import Searcher, search
from searchers.prior import Prior
from searchers.prior_sources import open_prior
from searchers.registry import SEARCHERS, create

__all__ = ["SEARCHERS", "Prior", "Searcher", "create", "open_prior", "search"]
