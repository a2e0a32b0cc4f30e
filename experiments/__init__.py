"""Experiments: plans, runs, records, analysis and reports."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from experiments.comparison.plan import Plan as Plan
    from experiments.comparison.records import Records as Records
    from experiments.comparison.records import load as load
    from experiments.comparison.runner import compare as compare

__all__ = ["Plan", "Records", "compare", "load"]

_MODULE_OF = {"Plan": "plan", "Records": "records", "compare": "runner", "load": "records"}


def __getattr__(name: str) -> object:
    """Import on demand: pandas would slow every command down that does not need it."""
    if name in _MODULE_OF:
        return getattr(importlib.import_module(f"experiments.comparison.{_MODULE_OF[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
