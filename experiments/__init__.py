"""Experiments: plans, runs, records, analysis and reports."""
