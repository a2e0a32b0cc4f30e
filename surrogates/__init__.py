"""Surrogate predictors of robust accuracy."""
