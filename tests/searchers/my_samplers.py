"""Samplers of a third party, found by their dotted path."""

from __future__ import annotations

from typing import Any

import optuna
from optuna.samplers import BaseSampler, RandomSampler, TPESampler


class Greedy(TPESampler):
    """TPE with a parameter of its own, all others of its base class."""

    def __init__(self, greed: float = 0.5, **parameters: Any) -> None:
        super().__init__(**parameters)
        self.greed = greed


class Seedless(BaseSampler):
    """Always the first option."""

    def infer_relative_search_space(self, study: Any, trial: Any) -> dict[str, Any]:
        return {}

    def sample_relative(self, study: Any, trial: Any, search_space: dict[str, Any]) -> dict[str, Any]:
        return {}

    def sample_independent(self, study: Any, trial: Any, param_name: str, param_distribution: Any) -> Any:
        return param_distribution.choices[0]


class RealsOnly(RandomSampler):
    """Relates real parameters to scores, and no others; one objective only."""

    def infer_relative_search_space(self, study: Any, trial: Any) -> dict[str, Any]:
        if len(study.directions) > 1:
            raise ValueError("one at a time")
        found = optuna.search_space.intersection_search_space(study.get_trials(deepcopy=False))
        reals = optuna.distributions.FloatDistribution
        return {name: distribution for name, distribution in found.items() if isinstance(distribution, reals)}

    def sample_relative(self, study: Any, trial: Any, search_space: dict[str, Any]) -> dict[str, Any]:
        names = search_space.items()
        return {name: self.sample_independent(study, trial, name, distribution) for name, distribution in names}


class Faulty(RandomSampler):
    """Raises when it is asked."""

    def sample_independent(self, study: Any, trial: Any, param_name: str, param_distribution: Any) -> Any:
        raise ZeroDivisionError("no idea")


def not_a_sampler() -> None: ...
