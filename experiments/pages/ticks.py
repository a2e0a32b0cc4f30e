"""Ticks of logarithmic axes: round numbers, few of them, written out."""

from __future__ import annotations

import math

_MOST_TICKS = 5
_LARGEST_PLAIN = 1e6


def ticks_between(low: float, high: float) -> list[float]:
    """Return round numbers above `low`, at most five of them.

    >>> ticks_between(0.4, 12.0), ticks_between(0.02, 30.0), ticks_between(0.97, 4.1)
    ([0.5, 1.0, 2.0, 5.0, 10.0], [0.1, 1.0, 10.0], [1.5, 2.0, 3.0, 4.0])
    """
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for steps in ((1, 1.5, 2, 3, 4, 5, 7), (1, 2, 5), (1, 3), (1,)):
        ticks = [float(f"{step}e{decade}") for decade in decades for step in steps]
        ticks = [tick for tick in ticks if 1.2 * low < tick <= high]
        if len(ticks) <= _MOST_TICKS:
            return ticks
    return ticks[:: math.ceil(len(ticks) / _MOST_TICKS)]


def tick_text(value: float, _: int) -> str:
    """Write a tick: with thousands, large numbers briefly; the second argument is matplotlib's."""
    return f"{value:,g}" if value < _LARGEST_PLAIN else f"{value:.0e}"
