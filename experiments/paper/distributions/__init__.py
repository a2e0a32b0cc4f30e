"""Distributions: how accurate the networks are, clean, under every attack and eps, every corruption and severity."""

from experiments.paper.distributions.result import distributions

__all__ = ["distributions"]
