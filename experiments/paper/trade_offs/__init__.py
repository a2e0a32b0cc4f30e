"""Trade-offs: Pareto fronts of clean against robust accuracy, and of accuracy against size, work and hardware costs."""

from experiments.paper.trade_offs.result import trade_offs

__all__ = ["trade_offs"]
