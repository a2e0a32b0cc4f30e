"""Training-free measures ("zero-cost proxies") of freshly initialised networks.

``PROXIES`` holds every measure by name, `proxy_scores` computes some for one cell, `sweep` for many.
"""

from robustnas.evaluator.proxies.image_batch import ImageBatch, drawn_batch, open_batch, random_batch
from robustnas.evaluator.proxies.registry import PROXIES, Proxy
from robustnas.evaluator.proxies.scores import proxy_scores
from robustnas.evaluator.proxies.sweep import SweepSettings, sweep

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
