"""Comparison of search strategies: plan, runs, records, analysis, report."""
