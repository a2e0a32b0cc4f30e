"""Searchers that take their time between queries, and what to say of it before a search."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from robustnas.duration import spoken

SECONDS_PER_QUERY = {"optuna-gp": 0.14, "naslib:bananas": 0.26, "naslib:npenas": 0.27}
"""Processor seconds per query on one objective, as measured (17.3 s for 120 of `optuna-gp`); several take longer."""

_WORTH_SAYING = 15.0  # seconds


def method_of(searcher: str, parameters: Mapping[str, Any]) -> str:
    """Return the name that a searcher is known by here: with another predictor, NASLib's are other methods.

    >>> method_of("naslib:npenas", {"predictor_type": "xgb"}), method_of("gp", {})
    ('naslib:npenas, xgb', 'gp')
    """
    predictor = parameters.get("predictor_type")
    return searcher if predictor is None else f"{searcher}, {predictor}"


def slow_note(n_queries: Mapping[str, int]) -> str:
    """Return a sentence on how long searchers will think; empty if that is not long.

    Args:
        n_queries: All queries of each searcher, by the name of its method.

    >>> slow_note({"optuna-gp": 300, "gp": 300})
    'optuna-gp takes about 0.14 s of one processor per network: 42 s for 300 networks'
    >>> slow_note({"gp": 300})
    ''
    """
    seconds = {name: n * SECONDS_PER_QUERY[name] for name, n in n_queries.items() if name in SECONDS_PER_QUERY}
    said = [
        f"{name} takes about {SECONDS_PER_QUERY[name]:g} s of one processor per network: {spoken(spent)} for "
        f"{n_queries[name]:,} networks"
        for name, spent in seconds.items()
        if spent >= _WORTH_SAYING
    ]
    return "; ".join(said)
