"""Multi-fidelity search: uses cheap metrics to decide which networks to evaluate on the expensive one.

Clean and FGSM accuracy cost a few passes per test image, APGD 201 and Square 5,001; 12 epochs of training cost 6 % of
200. Before every expensive query, the searcher evaluates the cheap metrics of the most promising networks ("glances"),
spending at most a given share of the cost of an expensive query. A Gaussian process then predicts the expensive metric
from the encodings *and* the cheap metrics, which are measured where available and otherwise predicted from the
encodings (a two-level autoregressive model in the manner of Kennedy and O'Hagan 2000, with a nonlinear link).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any, ClassVar

import numpy as np

from robustnas.arrays import FloatArray
from robustnas.errors import InvalidInputError, excerpt
from robustnas.objectives.objective import parse_objectives
from robustnas.objectives.seconds import seconds_terms
from robustnas.oracle import Outcome
from robustnas.spaces import EnumerableSpace
from searchers.acquisition import upper_confidence_bound
from searchers.base import GlancingSearcher, refused
from searchers.belief import Belief, GPBelief, network_features
from searchers.feasibility import weighed
from searchers.model_based import ModelBasedSearch
from surrogates.incremental_gp import IncrementalPosterior
from surrogates.matern import standardise

_CHEAP = "clean, fgsm@1"
_MOST_GLANCES = 50  # per expensive query: more would hardly change the set of networks that it chooses from
_MOST_FITTED = 300  # measured cheap values used to predict those of the other networks
_REFITS = frozenset((10, 12, 15, 20, 25, 30, 40, 50, 65, 80, 110, 160, 220, 300, 400))


class MultiFidelitySearch(ModelBasedSearch, GlancingSearcher):
    """A Gaussian process over encodings and cheap metrics, which are measured for the most promising networks only.

    Args:
        rng: The only source of randomness.
        cheap: The cheap objectives, separated by commas; an attached column may be one, such as ``e12.val_acc``.
        cheap_cost: What a glance costs: a share of an expensive query's cost (0.06 for 12 of 200 epochs), above 0, up
            to 1; or simulated seconds, a column or a sum of columns such as ``0.06*t.train_seconds``; None for the
            passes of the cheap metrics, where an attached column is free.
        share: Maximum cost of glances per expensive query, as a share of that query's cost; above 0, up to 10.
            Costs are seconds in simulated time, else passes.
        parts: As in `ModelBasedSearch`: acquisition, candidates, initial, n_initial, space; one objective.

    Raises:
        ObjectiveError: `cheap` cannot be parsed.
        InvalidInputError: `share` or `cheap_cost` is out of range, or there are several objectives.
    """

    multi_objective: ClassVar[bool] = False

    def __init__(
        self,
        rng: np.random.Generator,
        *,
        cheap: str = _CHEAP,
        cheap_cost: float | str | None = None,
        share: float = 0.25,
        **parts: Any,
    ) -> None:
        if isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share <= 10:
            raise InvalidInputError(f"share is {excerpt(share)}; expected a number above 0 and up to 10")
        space = parts.get("space")
        if space is not None and not space.is_enumerated:
            raise refused("'multi-fidelity'", space)
        self.cheap = ", ".join(str(objective) for objective in parse_objectives(cheap))
        self.cheap_cost = _checked_cost(cheap_cost)
        self.share = float(share)
        super().__init__(rng, **parts)
        self._glance_cost, self._dear_cost, self._spent = 0.0, 0.0, 0.0
        self._to_glance: list[int] | None = None

    @classmethod
    def needed_objectives(cls, parameters: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the cheap objectives."""
        return (parameters.get("cheap", _CHEAP),)

    def _make_beliefs(self) -> list[Belief]:
        if self.surrogate != "gp":
            raise InvalidInputError(f"surrogate is {excerpt(self.surrogate)}; multi-fidelity search needs 'gp'")
        if self.priors:
            raise InvalidInputError("multi-fidelity search takes no prior: give the cheap objectives, or use 'gp'")
        self._cheap = _CheapModel(len(parse_objectives(self.cheap)), self.encoding, self.space)
        self._dear = _TwoLevelBelief(network_features(self.encoding, self.space), self._cheap)
        return [self._dear]

    def glance(self) -> Any | None:
        """Return the most promising network without cheap utilities, as long as `share` allows it."""
        if self._to_glance is None:
            self._to_glance, self._spent = self._promising(), 0.0
        allowed = self.share * self._dear_cost
        if not self._to_glance or (self._glance_cost and self._spent + self._glance_cost > allowed):
            self._to_glance = None
            return None
        return self.space.architecture(int(self.space.network_indices()[self._to_glance.pop()]))

    def tell_glance(self, outcome: Outcome) -> None:
        """Record the cheap utilities of a network."""
        self._glance_cost = _spent(outcome) or self._glance_cost
        self._spent += self._glance_cost
        self._cheap.add(int(self.space.network_of_index()[self.space.index(outcome.cell)]), outcome.utilities)

    def tell(self, outcome: Outcome) -> None:
        """Record the expensive utility and its cost."""
        super().tell(outcome)
        self._dear_cost = _spent(outcome) or self._dear_cost

    def _promising(self) -> list[int]:
        """Return the networks to glance at, the most promising last: first those proposed, then by mean plus 3 std."""
        started = [row for row in self._rows if row not in self._cheap.known]
        values = None if self._to_start else self._standardised()
        if values is None:
            return started[::-1]
        prediction = self._predict(self._dear, values[:, 0])
        score = upper_confidence_bound(prediction, self.rng)
        probability = self._feasibility.probability(self._rows, self._slacks)
        if probability is not None:
            score = weighed(score, probability, prediction.best_mean)
        order = np.argsort(-score, kind="stable")
        fresh = (row for row in order.tolist() if row not in self._cheap.known)
        return [*started, *islice(fresh, _MOST_GLANCES)][::-1]


def _checked_cost(cost: object) -> float | str | None:
    if isinstance(cost, str):
        seconds_terms(cost)
        return cost
    if cost is not None and (isinstance(cost, bool) or not isinstance(cost, int | float) or not 0 < cost <= 1):
        raise InvalidInputError(
            f"cheap_cost is {excerpt(cost)}; expected a share above 0 and up to 1, or a column such as "
            "'0.06*t.train_seconds'"
        )
    return None if cost is None else float(cost)


def _spent(outcome: Outcome) -> float:
    """Return what an outcome cost: seconds in simulated time, else passes."""
    return outcome.seconds or outcome.cost


class _CheapModel:
    """Cheap utilities of all networks: measured where available, otherwise predicted from the encodings."""

    def __init__(self, n_cheap: int, encodings: str, space: EnumerableSpace[Any]) -> None:
        self.known: dict[int, tuple[float, ...]] = {}
        self._beliefs: list[Belief] = [GPBelief(network_features(encodings, space)) for _ in range(n_cheap)]
        self._features = np.zeros((space.n_networks, n_cheap))
        self._n = 0

    def add(self, row: int, utilities: tuple[float, ...]) -> None:
        self.known.setdefault(row, utilities)

    def features(self) -> FloatArray:
        """Return standardised cheap utilities, shape (n_networks, n_cheap); zeros as long as too few are known."""
        if len(self.known) > max(2, self._n):
            self._update()
        return self._features

    def _update(self) -> None:
        """Predict from the first few hundred measured values; measured networks keep their own values."""
        rows = list(self.known)
        values = np.array(list(self.known.values()))
        self._n = int(1.1 * len(rows)) if len(rows) > 20 else len(rows)
        fitted = rows[:_MOST_FITTED]
        columns = []
        for belief, column in zip(self._beliefs, values.T, strict=True):
            scale = float(np.nanstd(column))
            if not np.isfinite(column).any() or not scale > 0:
                columns.append(np.zeros(len(self._features)))
                continue
            z = np.nan_to_num((column - np.nanmean(column)) / scale)
            mean = belief.update(fitted, z[: len(fitted)])[0].copy()
            mean[rows] = z
            columns.append(mean)
        self._features = np.array(columns).T


class _TwoLevelBelief(Belief):
    """A Gaussian process on encodings and cheap utilities, rebuilt as more cheap utilities become known."""

    def __init__(self, features: Sequence[FloatArray], cheap: _CheapModel) -> None:
        self._features = list(features)
        self._cheap = cheap
        self._posterior: IncrementalPosterior | None = None
        self._mean = np.zeros(len(features[0]))
        self._std = np.ones(len(features[0]))
        self._fitted_at = 0

    def update(self, rows: Sequence[int], values: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Rebuild the posterior with the current cheap utilities; re-estimate hyperparameters at scheduled sizes."""
        believed = np.where(np.isnan(values), self._mean[list(rows)], values)
        cheap = self._cheap.features()
        extra = [standardise(cheap)] if (cheap.std(axis=0) > 0).any() else [np.zeros((len(self._mean), 1))]
        posterior = IncrementalPosterior([*self._features, *extra], len(rows))
        posterior.params = self._posterior.params if self._posterior else None
        due = posterior.params is None or not _REFITS.isdisjoint(range(self._fitted_at + 1, len(rows) + 1))
        posterior.refit(list(rows), believed, max_iterations=15 if due else 0)
        self._fitted_at = len(rows)
        self._posterior = posterior
        self._mean, self._std = posterior.predict(believed)
        return self._mean, np.maximum(self._std, 1e-6)

    def draw(self, rng: np.random.Generator) -> FloatArray:
        """Draw every network independently."""
        return np.asarray(self._mean + self._std * rng.standard_normal(len(self._mean)))
