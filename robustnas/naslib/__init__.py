"""The bridge to NASLib: runs its code with current packages, a lightweight search space and isolated random states.

NASLib (https://github.com/automl/NASLib) is not on the Python package index and is imported only on demand.
`searchers.naslib_search` runs its optimizers, `surrogates.naslib_predictor` its predictors.
"""

PREFIX = "naslib:"
"""The prefix of the names of NASLib's optimizers and predictors."""
