"""Constraint domination (Deb 2000): feasible networks first, then those that violate the constraints less.

Constraints are in different units, so each violation is divided by the largest seen so far, and the shares are added.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from robustnas.oracle import Outcome
from searchers.base import comparable

Rank = tuple[float, float]
"""What orders outcomes, larger is better: the negated violation, then the utility."""

WORST: Rank = (-math.inf, -math.inf)
"""The rank of what is not known."""


class Violation:
    """Measures by how much outcomes violate constraints.

    >>> violation = Violation()
    >>> for slacks in ((-2.0, 0.1), (-4.0, -0.5)):
    ...     violation.add(slacks)
    >>> violation.of((-2.0, 0.1)), violation.of((-4.0, -0.5)), violation.of((0.0, 0.3))
    (0.5, 2.0, 0.0)
    """

    def __init__(self) -> None:
        self._largest: list[float] = []

    def add(self, slacks: Sequence[float]) -> None:
        """Take the slacks of an outcome into account; see `robustnas.oracle.Outcome`."""
        self._largest += [0.0] * (len(slacks) - len(self._largest))
        for i, slack in enumerate(slacks):
            self._largest[i] = max(self._largest[i], -slack)  # not where it is NaN

    def of(self, slacks: Sequence[float]) -> float:
        """Return the violation of an outcome that was added: 0 if it is feasible, infinite where it is not known."""
        if any(math.isnan(slack) for slack in slacks):
            return math.inf
        shares = (-slack / largest for slack, largest in zip(slacks, self._largest, strict=False) if slack < 0)
        return sum(shares, 0.0)

    def rank(self, slacks: Sequence[float], utility: float) -> Rank:
        """Return the rank of an outcome.

        Args:
            slacks: Its slacks.
            utility: Its utility, constraints aside; NaN if it is not known.
        """
        return WORST if math.isnan(utility) else (-self.of(slacks), utility)


def nearest_to_feasible(outcomes: Sequence[Outcome]) -> Outcome:
    """Return the first of the outcomes that violate the constraints least."""
    violation = Violation()
    for outcome in outcomes:
        violation.add(outcome.slacks)
    return min(outcomes, key=lambda outcome: (violation.of(outcome.slacks), -comparable(outcome.signed[0])))
