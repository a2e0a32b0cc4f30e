"""Presets of model-based search: a surrogate, its encoding and the parts that suit it."""

from __future__ import annotations

from typing import ClassVar

from searchers.model_based import FEATURES, ModelBasedSearch, Preset


class GPSearch(ModelBasedSearch):
    """A Gaussian process over path and graph features, updated with every observation; the strongest preset here."""

    preset: ClassVar[Preset] = Preset("gp", FEATURES, targets="alternating", explore=5)


class XGBoostSearch(ModelBasedSearch):
    """Boosted trees over path statistics, and a Gaussian process over their leaves (`searchers.leaf_belief`)."""

    preset: ClassVar[Preset] = Preset(
        "xgboost",
        "path, path-statistics+cost",
        n_initial=20,
        parameters={"n_estimators": 15, "learning_rate": 0.3, "max_depth": 4, "n_folds": 4},
    )


class ForestSearch(ModelBasedSearch):
    """A random forest over path statistics, in the manner of SMAC (Hutter et al. 2011).

    Deviations are those of a Gaussian process over its leaves (`searchers.leaf_belief`).
    """

    preset: ClassVar[Preset] = Preset(
        "forest",
        "path, path-statistics+cost",
        n_initial=20,
        parameters={"n_estimators": 30, "min_samples_leaf": 2},
    )


class Bananas(ModelBasedSearch):
    """BANANAS (White, Neiswanger and Savani, AAAI 2021): an ensemble of MLPs over the path encoding.

    Independent Thompson sampling over mutations of the best networks.
    """

    preset: ClassVar[Preset] = Preset(
        "mlp", "path", acquisition="independent-thompson", candidates="mutations", initial="random"
    )
