"""Explanations: the graph features that robustness can be predicted from."""

from experiments.paper.explanations.result import explanations

__all__ = ["explanations"]
