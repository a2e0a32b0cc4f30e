"""The bridge to NASLib: its code loaded under current packages, its search space made light, its randomness fenced in.

NASLib (https://github.com/automl/NASLib) is not on the Python package index and is never imported before it is asked
for. `searchers.naslib_search` runs its optimizers, `surrogates.naslib_predictor` its predictors.
"""

PREFIX = "naslib:"
"""What the names of its optimizers and predictors begin with."""
