"""Correlations: do metrics rank the networks alike? Kendall's tau between clean accuracy, attacks and corruptions."""

from experiments.paper.correlations.result import correlations

__all__ = ["correlations"]
