"""Architecture design: equal size and unequal robustness, what operations do where, size, and the best in common."""

from experiments.paper.design.result import design

__all__ = ["design"]
