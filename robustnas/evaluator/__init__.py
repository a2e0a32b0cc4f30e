"""Measuring what no table holds: networks, their training, attacks and corruptions."""
