"""The robustness database: its published files, checked, cached and opened as tables."""
