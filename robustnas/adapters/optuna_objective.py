"""Our objectives as one for Optuna's ``study.optimize`` (Akiba et al., KDD 2019)."""

from __future__ import annotations

import math

import numpy as np
from optuna.distributions import CategoricalDistribution
from optuna.trial import BaseTrial, FrozenTrial

from robustnas.adapters.questions import Questions
from robustnas.errors import BudgetExhausted, SearchStalled
from robustnas.oracle import Oracle


class OptunaObjective:
    """The architectures of a table as categorical parameters, one per choice of the space.

    Scores are in natural units, each in its own direction. Every comparison of the where-clause is a constraint of the
    trial, in the units of its left side. When nothing more can be asked, ``study.optimize`` ends. A trial of which
    something is unknown fails, as trials with the value NaN do.

    Args:
        oracle: Answers the queries, and counts distinct networks; ``questions.outcomes`` keeps what it answers.

    Attributes:
        directions: The directions of the study.
        distributions: The distribution of every parameter, for ``study.ask`` and for trials made by hand.

    >>> import optuna
    >>> from robustnas.tables import ArrayTable
    >>> optuna.logging.set_verbosity(optuna.logging.WARNING)
    >>> objective = OptunaObjective(Oracle("clean, params", ArrayTable({"clean": np.linspace(0, 1, 15625)}), budget=5))
    >>> study = optuna.create_study(directions=objective.directions, sampler=optuna.samplers.TPESampler(seed=1))
    >>> study.optimize(objective)
    >>> len(objective.questions.outcomes), objective.directions
    (5, ['maximize', 'minimize'])
    """

    def __init__(self, oracle: Oracle) -> None:
        self.questions, self.space = Questions(oracle), oracle.table.space
        self.directions = ["minimize" if objective.minimised else "maximize" for objective in oracle.objectives]
        choices = self.space.choices.items()
        self.distributions = {name: CategoricalDistribution(options) for name, options in choices}

    def constraints_func(self, trial: FrozenTrial) -> tuple[float, ...]:
        """Return the constraints of a trial, for samplers that take a function; Optuna's own need none."""
        return tuple(trial.constraints[str(constraint)] for constraint in self.questions.constraints)

    def __call__(self, trial: BaseTrial) -> float | tuple[float, ...]:
        """Return the score, or the scores; raise `BudgetExhausted` if nothing is left outside of ``study.optimize``."""
        choices = self.space.choices.items()
        architecture = self.space.from_choices({name: trial.suggest_categorical(name, own) for name, own in choices})
        try:
            outcome = self.questions.ask(architecture)
        except (BudgetExhausted, SearchStalled):
            if not _stop(trial):
                raise
            outcome = None
        if self.questions.is_over:
            _stop(trial)
        if outcome is None or np.isnan([*outcome.scores, *outcome.slacks]).any():
            return math.nan if len(self.directions) == 1 else (math.nan,) * len(self.directions)
        for constraint, slack in zip(self.questions.constraints, outcome.slacks, strict=True):
            trial.set_constraint(str(constraint), -slack)
        return outcome.score if len(self.directions) == 1 else outcome.scores


def _stop(trial: BaseTrial) -> bool:
    """End the optimisation that a trial is part of; return whether it is part of one."""
    try:
        trial.study.stop()  # type: ignore[attr-defined]  # trials made by hand have none
    except (AttributeError, RuntimeError):  # it was asked for with study.ask
        return False
    return True
