"""Learned feasibility: a surrogate per constraint, and acquisition functions weighed by it.

A constraint on a measured metric is known of the networks that were queried only. A model of its slack gives every
other network a probability of satisfying it; improvement counts by that probability (Gardner et al., ICML 2014), and as
long as nothing feasible is known, the probability itself is maximised (Gelbart, Snoek and Adams, UAI 2014). Constraints
are taken as independent. One that nothing has violated yet is not modelled: searches on the part of a space that
satisfies it pay nothing for it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from robustnas.arrays import FloatArray, IntArray
from searchers.belief import Belief
from searchers.candidate_features import CandidateFeatures


class Feasibility:
    """What is believed of the constraints of all networks.

    Args:
        make: Makes the model of one constraint; called when it is first violated.
    """

    def __init__(self, make: Callable[[], Belief]) -> None:
        self._make = make
        self._beliefs: dict[int, Belief] = {}

    @property
    def was_violated(self) -> bool:
        """Whether a constraint was violated so far."""
        return bool(self._beliefs)

    def move(self, candidates: CandidateFeatures, former: IntArray) -> None:
        """Go on with other networks; see `Belief.move`."""
        for belief in self._beliefs.values():
            belief.move(candidates, former)

    def probability(self, rows: Sequence[int], slacks: Sequence[tuple[float, ...] | None]) -> FloatArray | None:
        """Return the probability of every network that it satisfies all constraints, shape (n_networks,).

        Args:
            rows: The networks proposed or known, in order; extends those of the previous call.
            slacks: Their slacks; None where they are not told yet.

        Returns:
            None if no constraint was violated so far.
        """
        found: FloatArray | None = None
        for i in range(max(map(len, filter(None, slacks)), default=0)):
            column = np.array([np.nan if known is None or len(known) <= i else known[i] for known in slacks])
            if i not in self._beliefs and not (column < 0).any():
                continue
            if i not in self._beliefs:
                self._beliefs[i] = self._make()
            probability = _satisfied(self._beliefs[i], rows, column)
            found = probability if found is None else found * probability
        return found


def is_feasible(slacks: Sequence[tuple[float, ...] | None]) -> NDArray[np.bool_]:
    """Return which outcomes are known to satisfy all constraints, shape (n,); pending ones are not."""
    return np.array([known is not None and all(slack >= 0 for slack in known) for known in slacks], dtype=np.bool_)


def weighed(score: FloatArray, probability: FloatArray, incumbent: float = 0.0) -> FloatArray:
    """Return a score weighed by the probability of feasibility; what is above the incumbent counts by its probability.

    Args:
        score: Of every candidate, larger is better.
        probability: That it is feasible.
        incumbent: The score that is worth nothing: 0 for an improvement, the best known for an optimistic utility.

    >>> weighed(np.array([2.0, 1.0, -1.0, -1.0]), np.array([0.25, 1.0, 0.5, 1.0])).tolist()
    [0.5, 1.0, -1.5, -1.0]
    """
    gain = score - incumbent
    return np.where(gain > 0, gain * probability, gain * (2 - probability))


def _satisfied(belief: Belief, rows: Sequence[int], slacks: FloatArray) -> FloatArray:
    """Return the probability of every network that one slack is at least 0."""
    known = np.isfinite(slacks)
    if not known.any():
        return np.ones(len(belief.update(rows, np.zeros(len(rows)))[0]))
    values = _squashed(slacks)
    centre, scale = float(values[known].mean()), float(values[known].std()) or 1.0
    mean, std = belief.update(rows, (values - centre) / scale)
    return np.asarray(ndtr((mean + centre / scale) / std))


def _squashed(slacks: FloatArray) -> FloatArray:
    """Return slacks with their signs, those far from the bound drawn in: what is near it has to be told apart."""
    sizes = np.abs(slacks[np.isfinite(slacks)])
    scale = float(np.median(sizes)) or float(sizes.max()) or 1.0
    return np.asarray(np.arcsinh(slacks / scale))
