"""Correlations: do metrics rank the networks alike? Kendall's tau between clean accuracy, attacks and corruptions."""
