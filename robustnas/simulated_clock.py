"""The simulated clock of a search: the seconds that its queries would have taken, and when they are spent."""

from __future__ import annotations

import math

from robustnas.duration import duration_text, spoken
from robustnas.errors import BudgetExhausted


class SimulatedClock:
    """Counts simulated seconds up to a budget.

    A query counts only if it ends within the budget. One that would end later uses up what is left and is not
    answered, and the search ends: at the deadline its training is cut off. The search scripts of NAS-Bench-201 do the
    same (Dong and Yang, ICLR 2020), as does Syne Tune, which stops the trials that run at its wall-clock limit.

    Args:
        budget: Simulated seconds; infinite to count them only.

    Attributes:
        seconds: Those spent so far by what was answered.
        is_over: Whether something was cut off.

    >>> clock = SimulatedClock(100.0)
    >>> clock.spend(60.0)
    >>> clock.seconds, clock.is_over
    (60.0, False)
    """

    def __init__(self, budget: float = math.inf) -> None:
        self.budget = budget
        self.seconds = 0.0
        self.is_over = False

    def spend(self, seconds: float) -> None:
        """Let time pass.

        Raises:
            BudgetExhausted: It does not fit, or something before it did not.
        """
        if self.is_over or self.seconds + seconds > self.budget:
            self.is_over = True
            raise BudgetExhausted(
                f"the budget of {duration_text(self.budget)} is spent: {spoken(self.seconds)} have passed, and the "
                f"next training takes {spoken(seconds)}"
            )
        self.seconds += seconds
