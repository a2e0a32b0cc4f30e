"""Distributions: how accurate the networks are, clean, under every attack and eps, every corruption and severity."""
