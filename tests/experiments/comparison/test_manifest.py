from __future__ import annotations

from importlib.metadata import version

from experiments.comparison.manifest import versions


def test_records_name_the_versions_that_trajectories_depend_on() -> None:
    """Boosted trees of xgboost 3.2.0 and 3.4.1 choose other networks."""
    found = versions()
    assert {"numpy", "scipy", "scikit-learn", "optuna", "xgboost"} <= set(found)
    assert found["xgboost"] == version("xgboost")
