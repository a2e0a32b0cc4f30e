"""Experiments: plans, runs, records, analysis and reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from experiments.comparison.plan import Plan as Plan
    from experiments.comparison.records import Records as Records
    from experiments.comparison.records import load as load
    from experiments.comparison.runner import compare as compare

__all__ = ["Plan", "Records", "compare", "load"]


def __getattr__(name: str) -> object:
    """Import on demand: pandas would slow every command down that does not need it."""
    if name in ("Records", "load"):
        from experiments.comparison import records

        return getattr(records, name)
    if name == "Plan":
        from experiments.comparison.plan import Plan

        return Plan
    if name == "compare":
        from experiments.comparison.runner import compare

        return compare
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
