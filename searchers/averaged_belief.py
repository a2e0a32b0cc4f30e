"""Bayesian model averaging of two beliefs: one that knows of a prior, and one that does not.

Their weights are their marginal likelihoods (Hoeting, Madigan, Raftery and Volinsky 1999), so that a prior counts for
as much as it has explained, and one that misleads is dropped after a few outcomes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from robustnas.arrays import FloatArray
from searchers.belief import Belief, GPBelief

_MOST = 30.0  # of the difference of logarithms: beyond that, weights are 0 and 1


class AveragedBelief(Belief):
    """The mixture of two Gaussian processes.

    Args:
        own: The belief without the prior.
        informed: The belief with it.

    Attributes:
        trust: The probability of the informed one, after the last update.
    """

    def __init__(self, own: GPBelief, informed: GPBelief) -> None:
        self._own, self._informed = own, informed
        self.trust = 0.5

    def update(self, rows: Sequence[int], values: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Update both, weigh them, and return the mean and standard deviation of the mixture."""
        own, own_std = self._own.update(rows, values)
        informed, informed_std = self._informed.update(rows, values)
        gain = self._informed.log_evidence - self._own.log_evidence
        w = self.trust = round(1.0 / (1.0 + math.exp(-min(max(gain, -_MOST), _MOST))), 12)
        self.noise = (1 - w) * self._own.noise + w * self._informed.noise
        variance = (1 - w) * own_std**2 + w * informed_std**2 + w * (1 - w) * (informed - own) ** 2
        return (1 - w) * own + w * informed, np.sqrt(variance)

    def draw(self, rng: np.random.Generator) -> FloatArray:
        """Draw a function from one of them, chosen by its probability."""
        chosen = self._informed if rng.random() < self.trust else self._own
        return chosen.draw(rng)
