"""Explanations: the graph features that robustness can be predicted from."""
