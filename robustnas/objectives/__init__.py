"""Objectives: what a search maximises or minimises, and under which constraints."""
