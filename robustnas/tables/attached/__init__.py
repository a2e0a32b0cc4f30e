"""Attached tables: a user's own columns beside a dataset's."""
