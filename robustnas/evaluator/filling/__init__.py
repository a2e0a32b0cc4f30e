"""Filling: what a plan wants and no table or store holds is measured by worker processes."""
