"""Training-free measures ("zero-cost proxies") of freshly initialised networks.

``PROXIES`` holds every measure by name, `proxy_scores` computes some for one cell, `sweep` for many.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from robustnas.evaluator.proxies.image_batch import ImageBatch, drawn_batch, open_batch, random_batch
from robustnas.evaluator.proxies.registry import PROXIES, Proxy
from robustnas.evaluator.proxies.sweep import SweepSettings, sweep

if TYPE_CHECKING:
    from robustnas.evaluator.proxies.scores import proxy_scores as proxy_scores

__all__ = [
    "PROXIES",
    "ImageBatch",
    "Proxy",
    "SweepSettings",
    "drawn_batch",
    "open_batch",
    "proxy_scores",
    "random_batch",
    "sweep",
]


def __getattr__(name: str) -> object:
    """Import what needs torch on demand: counting parameters does not."""
    if name == "proxy_scores":
        from robustnas.evaluator.proxies.scores import proxy_scores

        return proxy_scores
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
